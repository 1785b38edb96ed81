"""Size of the page of the event display and frames per second in software rendering, for SK, HK and JUNO.

    python benchmarks/display.py

One simulated flash fills each detector; both views are redrawn while the camera turns. Needs chromium and chromedriver.
"""

import tempfile
from pathlib import Path

import jax
import numpy as np
from _browser import browser, missing
from _record import record

import lampyris as lp
from lampyris.display import write_page


def main() -> None:
    if missing():
        raise SystemExit(missing())
    figures = {}
    with tempfile.TemporaryDirectory() as folder, browser((1440, 940)) as window:
        for name in ("SK", "HK", "JUNO"):
            detector, page = lp.catalog.load(name), Path(folder) / f"{name}.html"
            flash = lp.Isotropic(position=[1.0, 2.0, 3.0], photons=1e5, wavelength=405.0)
            write_page(page, detector, lp.simulate(detector, flash, key=jax.random.key(0)), title=name)
            window.open(page.as_uri())
            rates = [window.run("return await lampyris.measure(20)") for _ in range(5)]
            figures[name] = {
                "sensors": detector.sensors.count,
                "page_mb": page.stat().st_size / 1e6,
                "frames_per_second": float(np.median(rates)),
            }
            print(name, figures[name], flush=True)
    print(record("display", {"window": [1440, 940], "flags": "--disable-gpu"}, 0, figures))


if __name__ == "__main__":
    main()
