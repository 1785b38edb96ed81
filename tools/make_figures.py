"""Fill the tables of figures in the README and in the documentation from the results of the benchmarks.

    python tools/make_figures.py            # after a benchmark has written its result
    python tools/make_figures.py --check    # say whether the tables are those of the results

A table stands between `<!-- figures: NAME -->` and `<!-- end of figures -->`. Figures that were not measured are left out.
"""

import json
import re
import sys
from pathlib import Path

from _figures import Figures, table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = ("README.md", "docs/figures.md", "docs/concepts/calibration.md")
MARKED = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def filled(text: str, figures: Figures) -> str:
    """A page with its tables as the results have them."""
    return MARKED.sub(lambda found: found[1] + table(found[2], figures) + found[3], text)


def load() -> Figures:
    """Figures of all results by name, and the settings of all under `settings`."""
    results = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    settings = {name: result["settings"] for name, result in results.items()}
    return {name: result["figures"] for name, result in results.items()} | {"settings": settings}


def main() -> None:
    figures, stale = load(), []
    for name in PAGES:
        page = ROOT / name
        old = page.read_text(encoding="utf-8")
        new = filled(old, figures)
        if new != old:
            stale.append(name)
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"not as the results: {', '.join(stale)}; python tools/make_figures.py fills them")
    print("changed:" if stale else "nothing to change", *stale)


if __name__ == "__main__":
    main()
