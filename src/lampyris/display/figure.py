"""The figure of the event display, as the plain dictionary that plotly.js draws."""

from html import escape

import numpy as np
from plotly.colors import sample_colorscale

from lampyris.display.event import BACKGROUND, TEXT, TRACK_COLOURS, EventView

SILENT, GRID = "#8a949e", "#39424b"
HOVER = (
    "channel %{customdata[0]}<br>%{customdata[1]:.2f} pe, %{customdata[2]:.1f} ns"
    "<br>(%{customdata[3]:.2f}, %{customdata[4]:.2f}, %{customdata[5]:.2f}) m<extra></extra>"
)
MAP_PIXELS = 650.0  # usual width of the unrolled view


def event_figure(view: EventView) -> dict:
    """Traces and layout of both views."""
    tracks = [trace for name in view.tracks for trace in _track_traces(view, name)]
    return {"data": [*_sensor_traces(view), *tracks], "layout": _layout(view)}


def _numbers(values: np.ndarray) -> list:
    """Numbers with 3 decimals, short when written."""
    return np.round(np.asarray(values, dtype=float), 3).tolist()


def _space(points: np.ndarray) -> dict:
    return {"type": "scatter3d", **dict(zip("xyz", _numbers(points.T), strict=True))}


def _flat(points: np.ndarray, kind: str = "scattergl") -> dict:
    return {"type": kind, **dict(zip("xy", _numbers(points.T), strict=True))}


def _sensor_traces(view: EventView) -> list[dict]:
    """Sensors in space and on the map, first without, then with a hit: the hit ones are traces 2 and 3."""
    hit = view.channel
    rows = zip(hit.tolist(), _numbers(view.charge), _numbers(view.time), *_numbers(view.position[hit].T), strict=True)
    named = {"mode": "markers", "showlegend": False, "customdata": [list(row) for row in rows], "hovertemplate": HOVER}
    silent = {"mode": "markers", "showlegend": False, "hoverinfo": "skip"}
    width = np.ptp(view.flat[:, 0]) + 2.0 * view.radius.max()
    size = float(np.clip(2.0 * np.median(view.radius) / width * MAP_PIXELS, 2.5, 10.0))
    marker = {"color": _charge_colour(view), "coloraxis": "coloraxis", "line": {"width": 0}}
    return [
        {**_space(view.position[view.silent]), **silent, "marker": {"size": 1.0, "color": SILENT, "opacity": 0.25}},
        {**_flat(view.flat[view.silent]), **silent, "marker": {"size": 0.6 * size, "color": SILENT, "opacity": 0.35}},
        {**_space(view.position[hit]), **named, "marker": {**marker, "size": 2.2}},
        {**_flat(view.flat[hit]), **named, "marker": {**marker, "size": size}},
    ]


def _charge_colour(view: EventView) -> list:
    return _numbers(np.log10(np.maximum(view.charge, view.charge_range[0])))


def _time_colour(view: EventView) -> list:
    return _numbers(view.time - view.first_time)


def _joined(pieces: list[np.ndarray], columns: int) -> list[list]:
    """Columns of several lines in one trace: None lifts the pen."""
    return [[x for piece in pieces for x in [*_numbers(piece[:, column]), None]] for column in range(columns)]


def _track_traces(view: EventView, name: str) -> list[dict]:
    """Track and ring in space, ring and marks on the map, all under one legend entry."""
    track, label = view.tracks[name], escape(view.labels[name])
    colour, dash = TRACK_COLOURS[name], "solid" if name == "truth" else "dash"
    shared = {"legendgroup": name, "name": label, "showlegend": False, "hoverinfo": "name"}
    marks = np.stack([track.flat_vertex, track.flat_aim])
    ring, flat_ring = _joined(track.rings, 3), _joined(track.flat_rings, 2)
    return [
        {
            **_space(track.line),
            **shared,
            "mode": "lines+markers",
            "line": {"color": colour, "width": 7},
            "marker": {"color": colour, "size": [5, 0]},
        },
        {
            "type": "scatter3d",
            **dict(zip("xyz", ring, strict=True)),
            **shared,
            "mode": "lines",
            "line": {"color": colour, "width": 5, "dash": dash},
        },
        {
            "type": "scatter",
            **dict(zip("xy", flat_ring, strict=True)),
            **shared,
            "showlegend": True,
            "mode": "lines",
            "line": {"color": colour, "width": 2.5, "dash": dash},
        },
        {
            **_flat(marks, "scatter"),
            **shared,
            "mode": "markers",
            "hoverinfo": "text",
            "hovertext": [f"{name}: wall nearest to the vertex", f"{name}: direction meets the wall"],
            "marker": {
                "symbol": ["x-thin", "cross-thin"],
                "size": 13,
                "color": colour,
                "line": {"color": colour, "width": 2.5},
            },
        },
    ]


def _scale(name: str, title: str, low: float, high: float, **bar) -> dict:
    """A colour axis; the darkest eighth of the map is left out, which would vanish on the background."""
    share = np.linspace(0.0, 1.0, 17)
    colours = sample_colorscale(name, (0.125 + 0.875 * share).tolist())
    if name == "viridis":
        colours = colours[::-1]  # early light is bright
    colorbar = {"title": {"text": title, "side": "right"}, "thickness": 14, "len": 0.85, "outlinewidth": 0, **bar}
    return {
        "colorscale": list(zip(share.tolist(), colours, strict=True)),
        "cmin": low,
        "cmax": high,
        "colorbar": colorbar,
    }


def _charge_scale(view: EventView) -> dict:
    low, high = view.charge_range
    ticks = view.charge_ticks
    bar = {"tickvals": np.log10(ticks).tolist(), "ticktext": [f"{tick:g}" for tick in ticks], "tickmode": "array"}
    return _scale("cividis", "charge [pe]", float(np.log10(low)), float(np.log10(high)), **bar)


def _time_scale(view: EventView) -> dict:
    title = f"time after the first hits ({view.first_time:.1f} ns) [ns]"
    return _scale("viridis", title, 0.0, view.time_span, tickmode="auto")


def _layout(view: EventView) -> dict:
    axis = {"showbackground": False, "gridcolor": GRID, "zeroline": False, "showspikes": False, "nticks": 4}
    scene = {f"{letter}axis": {**axis, "title": {"text": f"{letter} [m]"}} for letter in "xyz"}
    hidden = {"visible": False, "constrain": "domain"}
    return {
        "paper_bgcolor": BACKGROUND,
        "plot_bgcolor": BACKGROUND,
        "font": {"color": TEXT},
        "margin": {"l": 10, "r": 10, "t": 45, "b": 10},
        "scene": {
            **scene,
            "aspectmode": "data",
            "camera": _camera(view),
            "domain": {"x": [0.0, 0.48], "y": [0.0, 1.0]},
        },
        "xaxis": {**hidden, "domain": [0.5, 1.0]},
        "yaxis": {**hidden, "scaleanchor": "x"},
        "coloraxis": _charge_scale(view),
        "legend": {"orientation": "h", "x": 0.5, "xanchor": "left", "y": 1.0, "yanchor": "bottom"},
        "updatemenus": [_switch(view)],
        "uirevision": "keep",
    }


def _camera(view: EventView) -> dict:
    """Look from the dark side to the side with the most light, a little from above and aside to see the tracks."""
    bright = np.average(view.position[view.channel], axis=0, weights=view.charge + 1e-9)[:2]
    bright = bright / np.linalg.norm(bright) if np.any(bright) else np.array([1.0, 0.0])
    x, y = (-1.45 * bright + 0.95 * np.array([-bright[1], bright[0]])).tolist()
    return {"eye": {"x": x, "y": y, "z": 0.75}, "center": {"x": 0.0, "y": 0.0, "z": -0.08}}


def _switch(view: EventView) -> dict:
    """Buttons that colour both views by charge or by time."""
    choices = (("charge", _charge_colour, _charge_scale), ("time", _time_colour, _time_scale))
    buttons = [
        {
            "label": label,
            "method": "update",
            "args": [{"marker.color": [colour(view)] * 2}, {"coloraxis": scale(view)}, [2, 3]],
        }
        for label, colour, scale in choices
    ]
    place = {"x": 0.0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "pad": {"l": 10, "b": 5}}
    look = {"bgcolor": "#c9d1d8", "bordercolor": GRID, "font": {"color": BACKGROUND}}
    return {"type": "buttons", "direction": "right", "buttons": buttons, "showactive": True, **place, **look}
