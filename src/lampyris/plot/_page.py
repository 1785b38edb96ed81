"""What the pages of results share: one HTML file without scripts that loads nothing."""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BARS, LINES = "#7b9cb8", "#1b2229"
"""Colours of what was measured and of what is expected."""
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b2229}"
    "table{border-collapse:collapse}td,th{padding:.2rem .9rem;text-align:left;border-bottom:1px solid #d5dbe0}"
    "img{max-width:100%}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(title: str, body: str) -> bytes:
    """A page; the body is HTML already, the title is not."""
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return (
        f'<!doctype html><html lang="en">{head}<title>{escape(title)}</title><style>{STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    ).encode()


def picture(title: str, figure: Figure) -> str:
    """A figure under its title."""
    FigureCanvasAgg(figure)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    image = base64.b64encode(buffer.getvalue()).decode()
    return f'<h2>{escape(title)}</h2><img alt="{escape(title)}" src="data:image/png;base64,{image}">'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose rows begin with a name; without a head, rows alone."""
    top = "<tr>" + "".join(f"<th>{escape(text)}</th>" for text in head) + "</tr>" if head else ""
    lines = "".join(
        f"<tr><th>{escape(row[0])}</th>" + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table>{top}{lines}</table>"
