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
    source = EventSource(events, load_detector(events), chosen.fits, None)
    with tempfile.TemporaryDirectory() as folder, browser((1440, 940)) as window:
        page = Path(folder) / "page.html"
        write_display(page, source.detector, [source.shown(chosen.event)], title=source.detector.name)
        window.open(page.as_uri())
        window.screenshot(chosen.folder / "display.png")
        window.press("4")
        window.run("await new Promise(r => setTimeout(r, 300))")
        window.screenshot(chosen.folder / "display_residual.png")
    for name in ("display", "display_residual"):
        path = chosen.folder / f"{name}.png"
        Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)  # a third of the size


if __name__ == "__main__":
    main()
