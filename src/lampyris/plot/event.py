"""A picture of one event: the unrolled wall by charge and by time."""

from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lampyris.detector import Detector
from lampyris.display.event import (
    BACKGROUND,
    CHARGE_COLOURS,
    DARKEST,
    TEXT,
    TIME_COLOURS,
    TRACK_COLOURS,
    EventView,
    save_whole,
    view_event,
)
from lampyris.response import Hits
from lampyris.source import Track

SIZE, DOTS_PER_INCH = (14.0, 7.4), 150
SILENT = "#2b333b"
STYLES = {"truth": "solid", "fit": (0, (4, 2))}


def save_event(
    path: Path | str,
    detector: Detector,
    hits: Hits,
    *,
    truth: Track | None = None,
    fit: Track | None = None,
    title: str = "",
) -> None:
    """Save one event as a PNG: the unrolled wall by charge and, beside it, by time of the first photoelectron.

    Rings are those of the Cherenkov cones from the vertices; a cross marks the point of the wall nearest to the vertex,
    a plus the point that the particle starts towards.
    """
    view = view_event(detector, hits, truth, fit)
    figure = Figure(figsize=SIZE, dpi=DOTS_PER_INCH, facecolor=BACKGROUND, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    low, high = view.charge_range
    _draw_map(left, view, np.maximum(view.charge, low), _colours(CHARGE_COLOURS), LogNorm(low, high), "charge [pe]")
    time_label = f"time after the first hits ({view.first_time:.1f} ns) [ns]"
    early = Normalize(0.0, view.time_span)
    _draw_map(right, view, view.time - view.first_time, _colours(TIME_COLOURS).reversed(), early, time_label)
    heading = f"{title or detector.name}\n{view.summary}"
    figure.suptitle(heading, color=TEXT, fontsize=13, parse_math=False)
    if view.tracks:
        _draw_legend(figure, view)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", facecolor=BACKGROUND)
    save_whole("save_event", path, buffer.getvalue())


def _colours(name: str) -> LinearSegmentedColormap:
    """A colour map without its dark end."""
    return LinearSegmentedColormap.from_list(name, matplotlib.colormaps[name](np.linspace(DARKEST, 1.0, 256)))


def _disks(axes: Axes, view: EventView, channels: np.ndarray, **look) -> EllipseCollection:
    """Sensors to scale, but never so small that they cannot be seen."""
    width = 2.0 * np.maximum(view.radius[channels], 7e-4 * np.ptp(view.flat[:, 0]))
    turn = np.zeros(len(channels))
    disks = EllipseCollection(
        width,
        width,
        turn,
        units="xy",
        offsets=view.flat[channels],
        offset_transform=axes.transData,
        linewidth=0,
        **look,
    )
    axes.add_collection(disks)
    return disks


def _draw_map(axes: Axes, view: EventView, values: np.ndarray, colours, norm: Normalize, label: str) -> None:
    """One unrolled wall, its rings and its colour bar."""
    margin = float(view.radius.max()) + 0.01 * float(np.ptp(view.flat, axis=0).max())
    low, high = view.flat.min(axis=0) - margin, view.flat.max(axis=0) + margin
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    axes.set_axis_off()
    _disks(axes, view, view.silent, facecolor=SILENT)
    disks = _disks(axes, view, view.channel, cmap=colours, norm=norm)
    disks.set_array(values)
    for name, track in view.tracks.items():
        line = {"color": TRACK_COLOURS[name], "linestyle": STYLES[name], "linewidth": 1.8}
        for piece in track.flat_rings:
            axes.plot(*piece.T, **line)
        for point, mark in ((track.flat_vertex, "x"), (track.flat_aim, "+")):
            axes.plot(*point, marker=mark, markersize=9, markeredgewidth=2, color=line["color"], linestyle="none")
    place = {"ax": axes, "shrink": 0.8, "aspect": 35, "pad": 0.01}
    if isinstance(norm, LogNorm):
        bar = axes.figure.colorbar(disks, **place, extend="min", ticks=view.charge_ticks, format="%g")
        bar.minorticks_off()
    else:
        bar = axes.figure.colorbar(disks, **place, extend="both")
    bar.set_label(label, color=TEXT)
    bar.outline.set_visible(False)
    bar.ax.tick_params(which="both", color=TEXT, labelcolor=TEXT)


def _draw_legend(figure: Figure, view: EventView) -> None:
    lines = [Line2D([], [], color=TRACK_COLOURS[name], linestyle=STYLES[name], linewidth=1.8) for name in view.tracks]
    marks = [Line2D([], [], color=TEXT, marker=mark, linestyle="none", markeredgewidth=2) for mark in "x+"]
    labels = [*(view.labels[name] for name in view.tracks), "nearest to the vertex", "start direction"]
    figure.legend(lines + marks, labels, loc="outside lower center", ncols=len(labels), frameon=False, labelcolor=TEXT)
