"""The event display: one HTML file that needs no network."""

from html import escape
from pathlib import Path

import plotly.io

from lampyris.detector import Detector
from lampyris.display.event import BACKGROUND, TEXT, save_whole, view_event
from lampyris.display.figure import event_figure
from lampyris.response import Hits
from lampyris.source import Track

# The policy forbids every load from elsewhere; plotly.js compiles its shaders' helpers with eval.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; \
style-src 'unsafe-inline'; img-src data: blob:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
html, body {{ margin: 0; height: 100%; background: {background}; color: {text}; font-family: sans-serif; }}
body {{ display: flex; flex-direction: column; }}
header {{ padding: 0.6rem 1rem 0; }}
h1 {{ display: inline; font-size: 1.1rem; margin: 0 0.8rem 0 0; }}
main {{ flex: 1; min-height: 30rem; }}
main > div {{ height: 100%; }}
</style>
</head>
<body>
<header><h1>{title}</h1><span>{summary}</span></header>
<main>{figure}</main>
</body>
</html>
"""

# without a server, plotly.js has no button that would send the event there
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d"],
}


def write_page(
    path: Path | str,
    detector: Detector,
    hits: Hits,
    *,
    truth: Track | None = None,
    fit: Track | None = None,
    title: str = "",
) -> None:
    """Write one event as a single HTML page: a view in space and the unrolled wall, by charge or by time.

    The page holds all that it shows and loads nothing. It appears whole or not at all.
    """
    view = view_event(detector, hits, truth, fit)
    figure = plotly.io.to_html(
        event_figure(view),
        config=CONFIG,
        include_plotlyjs=True,
        full_html=False,
        validate=False,
        default_height="100%",
    )
    page = PAGE.format(
        title=escape(title or detector.name),
        summary=escape(f"{detector.name}: {view.summary}" if title else view.summary),
        background=BACKGROUND,
        text=TEXT,
        figure=figure,
    )
    save_whole("write_page", path, page.encode())
