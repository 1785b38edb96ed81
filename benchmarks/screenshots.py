"""Make the pictures of the documentation from a file of events and its fits, in a headless browser.

lampyris simulate --detector SK --energy 1000 --events 5 --seed 3 -o events.h5
lampyris reconstruct events.h5 -o fits.h5
python benchmarks/screenshots.py events.h5 fits.h5 docs/_static [--event 0]
"""

import argparse
import tempfile
from pathlib import Path

from _browser import browser, missing
from PIL import Image

from lampyris.cli._common import load_detector
from lampyris.cli.display import EventSource
from lampyris.data.hits_file import read_events
from lampyris.display import write_display

PICTURES = ("display", "display_residual", "display_photons")


def wait(window) -> None:
    """Until what was asked for is on the screen."""
    window.run("await new Promise(r => setTimeout(r, 300))")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("events", type=Path)
    options.add_argument("fits", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--event", type=int, default=0)
    chosen = options.parse_args()
    if missing():
        raise SystemExit(missing())
    events = read_events(chosen.events)
    source = EventSource(events, load_detector(events), chosen.fits, None, photons=200)
    with tempfile.TemporaryDirectory() as folder, browser((1440, 940)) as window:
        page = Path(folder) / "page.html"
        shown = source.shown(chosen.event)
        write_display(page, source.detector, [shown._replace(photons=None)], title=source.detector.name)
        window.open(page.as_uri())
        window.screenshot(chosen.folder / "display.png")
        window.press("4")
        wait(window)
        window.screenshot(chosen.folder / "display_residual.png")
        write_display(page, source.detector, [shown], title=source.detector.name)
        window.open(page.as_uri())
        window.run("lampyris.setCursor(0.4)")
        wait(window)
        window.screenshot(chosen.folder / "display_photons.png")
    for name in PICTURES:
        path = chosen.folder / f"{name}.png"
        Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)  # a third of the size


if __name__ == "__main__":
    main()
