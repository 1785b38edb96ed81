"""Write the figures of a benchmark with what is needed to repeat it."""

import datetime
import json
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def peak_memory_gb() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def merged(old: dict, new: dict) -> dict:
    """The old figures with the new ones in their places."""
    both = dict(old)
    for key, value in new.items():
        nested = isinstance(value, dict) and isinstance(both.get(key), dict)
        both[key] = merged(both[key], value) if nested else value
    return both


def record(
    name: str, settings: dict, seed: int, figures: dict, *, keep: bool = False, whole: tuple[str, ...] = ()
) -> Path:
    """Write `results/NAME.json`; `keep` leaves figures of earlier runs that this run did not measure.

    Of the figures named in `whole` nothing earlier is left.
    """
    import jax

    if keep and (RESULTS / f"{name}.json").exists():
        old = json.loads((RESULTS / f"{name}.json").read_text())
        kept = {key: value for key, value in old["figures"].items() if key not in whole}
        figures, settings = merged(kept, figures), merged(old["settings"], settings)

    document = {
        "name": name,
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()}, {jax.default_backend()}",
        "versions": {
            "python": platform.python_version(),
            **{p: version(p) for p in ("jax", "equinox", "numpy", "lampyris")},
        },
        "settings": settings,
        "seed": seed,
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path
