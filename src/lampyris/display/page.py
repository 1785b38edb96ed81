"""The event display: one HTML page that needs no network, or the same page fed by the local server."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.display.event import CHARGE_COLOURS, DARKEST, TIME_COLOURS, save_whole
from lampyris.display.payload import Shown, detector_payload, event_payload
from lampyris.display.prediction import Prediction
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import PhotonHistory

SCRIPTS = ("state", "colour", "raster", "space", "flat", "photons", "charts", "controls", "start")
DIFFERENCE = ("#58b0ff", "#2f6fae", "#3a4149", "#b4641a", "#ffae49")  # blue, quiet, orange: apart for the colour-blind
LARGEST_PAGE = 256 * 2**20
"""Bytes of a page that browsers still open well."""

# the policy allows this page's own script by its hash, no other script, and nothing from elsewhere
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{digest}'; \
style-src 'unsafe-inline'; img-src data:; connect-src {connect}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def write_page(
    path: Path | str,
    detector: Detector,
    hits: Hits,
    *,
    truth: Track | None = None,
    fit: Track | None = None,
    prediction: Prediction | None = None,
    photons: PhotonHistory | None = None,
    title: str = "",
) -> None:
    """Write one event as a single HTML page, see `write_display`; an event without hits raises `LampyrisError`."""
    hits.check(detector.sensors.count)
    write_display(path, detector, [Shown(0, hits, truth, fit, prediction, photons)], title=title)


def write_display(path: Path | str, detector: Detector, events: Iterable[Shown], *, title: str = "") -> None:
    """Write events as a single HTML page: linked views in space and of the unrolled wall, by charge, time or residual.

    The page holds all that it shows and loads nothing. It appears whole or not at all; more events than fit into
    256 MB raise `LampyrisError`.
    """
    told, numbers, size = [], [], 0
    for shown in events:
        told.append(event_payload(detector, shown))
        numbers.append(shown.number)
        size += len(json.dumps(told[-1]))
        if size > LARGEST_PAGE:
            raise LampyrisError(f"A page must stay below {LARGEST_PAGE >> 20} MB, but {len(told)} events are more.")
    if not told:
        raise LampyrisError("A page must show at least one event, but there is none.")
    save_whole("write_page", path, render(detector, told, numbers, title=title).encode())


def render(
    detector: Detector, told: Sequence[dict | None], numbers: Sequence[int], *, title: str = "", first: int = 0
) -> str:
    """The page as text; events that are `None` are asked for at `events/INDEX` of the server that sends the page."""
    document = {
        "title": title or detector.name,
        "detector": detector_payload(detector),
        "palettes": palettes(),
        "events": list(told),
        "numbers": list(numbers),
        "first": first,
    }
    web = files("lampyris.display") / "web"
    parts = [(web / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    script = '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"
    return PAGE.format(
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        connect="'self'" if any(event is None for event in told) else "'none'",
        title=escape(title or detector.name),
        style=(web / "viewer.css").read_text(encoding="utf-8"),
        body=(web / "viewer.html").read_text(encoding="utf-8"),
        data=json.dumps(document).replace("<", "\\u003c"),
        script=script,
    )


def palettes() -> dict[str, str]:
    """Colour tables as hexadecimal text."""
    share = np.linspace(DARKEST, 1.0, 256)
    difference = LinearSegmentedColormap.from_list("difference", DIFFERENCE)
    tables = {
        "charge": matplotlib.colormaps[CHARGE_COLOURS](share),
        "time": matplotlib.colormaps[TIME_COLOURS](share[::-1]),  # early light is bright
        "difference": difference(np.linspace(0.0, 1.0, 255)),
    }
    return {name: (255 * table[:, :3] + 0.5).astype(np.uint8).tobytes().hex() for name, table in tables.items()}
