"""Size of the page of the event display and frames per second in software rendering, for SK, HK and JUNO.

    python benchmarks/display.py

One simulated flash fills each detector; both views are redrawn while the camera turns, then while the time slider plays
the event with the ways of 200 photons. Medians of five measurements. Needs chromium and chromedriver.
"""

import os
import tempfile
from pathlib import Path

import jax
import numpy as np
from _browser import browser, missing
from _record import record

import lampyris as lp
from lampyris.display import write_page

PHOTONS = 200
PLAYED = """
const shown = () => new Promise(requestAnimationFrame), frames = 30;
await shown();
const begin = performance.now();
for (let i = 0; i < frames; i++) { lampyris.setCursor((i + 1) / frames); await shown(); }
return 1000 * frames / (performance.now() - begin);
"""


def frames_per_second(window, page: Path, script: str) -> float:
    """Median of what a script measures on a page."""
    window.open(page.as_uri())
    return float(np.median([window.run(script) for _ in range(5)]))


def main() -> None:
    if missing():
        raise SystemExit(missing())
    figures = {}
    with tempfile.TemporaryDirectory() as folder, browser((1440, 940)) as window:
        for name in ("SK", "HK", "JUNO"):
            detector, page = lp.catalog.load(name), Path(folder) / f"{name}.html"
            flash = lp.Isotropic(position=[1.0, 2.0, 3.0], photons=1e5, wavelength=405.0)
            hits = lp.simulate(detector, flash, key=jax.random.key(0))
            write_page(page, detector, hits, title=name)
            told = {"sensors": detector.sensors.count, "page_mb": page.stat().st_size / 1e6}
            told["frames_per_second"] = frames_per_second(window, page, "return await lampyris.measure(20)")
            ways = lp.MonteCarlo().history(flash, detector, key=jax.random.key(1), photons=PHOTONS)
            write_page(page, detector, hits, photons=ways, title=name)
            told["photons_page_mb"] = page.stat().st_size / 1e6
            told["photons_frames_per_second"] = frames_per_second(window, page, PLAYED)
            figures[name] = told | {"load": os.getloadavg()[0]}
            print(name, figures[name], flush=True)
    settings = {
        "window": [1440, 940],
        "flags": "--disable-gpu",
        "photons": PHOTONS,
        "cores": len(os.sched_getaffinity(0)),
    }
    print(record("display", settings, 0, figures))


if __name__ == "__main__":
    main()
