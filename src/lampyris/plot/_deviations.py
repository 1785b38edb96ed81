"""Figures of fits: deviations from the truth, pulls, errors against energy and place, and what was fitted."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lampyris.data.fits_file import FitFile
from lampyris.fit.parameters import NAMES
from lampyris.fit.resolution import SHARE, Deviations
from lampyris.plot._page import BARS, LINES

DPI = 110
MARGINS = {"left": 0.06, "right": 0.985, "bottom": 0.08, "top": 0.95, "wspace": 0.28, "hspace": 0.45}
"""Of the panels of a figure, in shares of its size; found by hand, since to find them anew takes longer than to draw."""


def histograms(found: Deviations) -> Figure:
    """The deviations whose quantiles the table quotes; what lies beyond an axis is counted in its last bin."""
    figure = Figure(figsize=(11.0, 6.2), dpi=DPI)
    panels = figure.subplots(2, 3, gridspec_kw=MARGINS).ravel()
    for axes, (label, deviation) in zip(
        panels,
        {
            "vertex [cm]": found.vertex,
            "longitudinal [cm]": found.longitudinal,
            "transverse [cm]": found.transverse,
            "direction [deg]": found.direction,
            "momentum, (fit - truth) / truth [%]": found.momentum,
        }.items(),
        strict=False,
    ):
        _histogram(axes, label, deviation)
    _cumulative(panels[5], found.vertex)
    return figure


def _histogram(axes: Axes, label: str, deviation: np.ndarray) -> None:
    size = np.abs(deviation[np.isfinite(deviation)])
    limit = 3.0 * np.quantile(size, SHARE) if len(size) and size.max() > 0 else 1.0
    signed = len(size) and np.nanmin(deviation) < 0
    edges = np.linspace(-limit if signed else 0.0, limit, _bins(len(size)))
    axes.hist(np.clip(deviation, edges[0], edges[-1]), edges.tolist(), color=BARS)
    for side in (-1.0, 1.0) if signed else (1.0,):
        axes.axvline(side * limit / 3.0, color=LINES, linestyle="--", linewidth=1.0)
    axes.set(xlabel=label, ylabel="events", xlim=(edges[0], edges[-1]))


def _bins(count: int) -> int:
    return int(np.clip(2.0 * np.sqrt(count), 10, 60)) + 1


def _cumulative(axes: Axes, vertex: np.ndarray) -> None:
    """Share of all events within a distance of the true vertex."""
    size = np.sort(vertex)
    axes.step(np.maximum(size, 0.1), (np.arange(len(size)) + 1) / len(size), color=LINES, where="post")
    axes.axhline(SHARE, color=BARS, linestyle="--", linewidth=1.0)
    axes.axvline(100.0, color=BARS, linewidth=1.0)
    far = size[np.isfinite(size)].max(initial=100.0)
    axes.set(xscale="log", xlabel="vertex [cm]", ylabel="share of events within", xlim=(1.0, 1.5 * far), ylim=(0, 1.02))


def pulls(found: Deviations) -> Figure:
    """Pulls of every parameter beside the normal distribution, and the chi-square of all seven as its probability."""
    figure = Figure(figsize=(11.0, 5.4), dpi=DPI)
    panels, edges = figure.subplots(2, 4, gridspec_kw=MARGINS).ravel(), np.linspace(-5.0, 5.0, 41)
    good = found.pull[np.isfinite(found.pull).all(axis=1)]
    for axes, name, pull in zip(panels, NAMES, good.T, strict=False):
        axes.hist(np.clip(pull, -5.0, 5.0), edges.tolist(), density=True, color=BARS)
        axes.plot(edges, np.exp(-0.5 * edges**2) / np.sqrt(2.0 * np.pi), color=LINES, linewidth=1.0)
        axes.set(xlabel=f"pull of {name}", title=f"{pull.mean():+.2f}, width {pull.std():.2f}", xlim=(-5, 5))
    _probability(panels[7], found.chi_square)
    return figure


def _probability(axes: Axes, chi_square: np.ndarray) -> None:
    """Probability of a larger chi-square, which is even where the errors are right."""
    from scipy.stats import chi2

    values = chi2.sf(chi_square[np.isfinite(chi_square)], len(NAMES))
    axes.hist(values, np.linspace(0.0, 1.0, 11).tolist(), color=BARS)
    axes.axhline(len(values) / 10.0, color=LINES, linewidth=1.0)
    axes.set(xlabel="probability of all seven", xlim=(0, 1))


def against(found: Deviations, energy: np.ndarray, wall: np.ndarray) -> Figure:
    """Vertex, direction and momentum errors against true energy and distance of the true vertex from the wall."""
    figure = Figure(figsize=(11.0, 6.2), dpi=DPI)
    panels = figure.subplots(2, 3, gridspec_kw=MARGINS)
    errors = {"vertex [cm]": found.vertex, "direction [deg]": found.direction, "momentum [%]": found.momentum}
    for row, (place, label) in zip(
        panels, ((energy, "true energy [MeV]"), (wall, "distance from the wall [m]")), strict=True
    ):
        for axes, (name, error) in zip(row, errors.items(), strict=True):
            _trend(axes, place, np.where(np.isfinite(error), np.abs(error), np.inf))
            axes.set(xlabel=label, ylabel=name)
    return figure


def _trend(axes: Axes, place: np.ndarray, error: np.ndarray) -> None:
    """Single events, and the 68 % quantile in bins of as many events each."""
    known = np.isfinite(place)
    place, error = place[known], error[known]
    seen = np.isfinite(error)
    axes.plot(place[seen], error[seen], ".", color=BARS, markersize=3.0)
    if seen.sum() < 2:
        return
    order, bins = np.argsort(place, kind="stable"), int(np.clip(len(place) // 20, 1, 10))
    for part in np.array_split(order, bins):
        size = np.sort(error[part])
        level = size[min(int(np.ceil(SHARE * len(size))) - 1, len(size) - 1)]
        if np.isfinite(level):
            axes.plot(place[part][[0, -1]], [level, level], color=LINES, linewidth=1.6)
    axes.set_ylim(0.0, max(4.0 * np.quantile(error[seen], SHARE), 1e-6))


def values(fits: FitFile) -> Figure:
    """Distributions that need no truth: energy, vertex, direction, time, relative error of the energy, quality, seconds."""
    figure = Figure(figsize=(11.0, 5.4), dpi=DPI)
    panels, fitted = figure.subplots(2, 4, gridspec_kw=MARGINS).ravel(), fits.sample.fitted
    value, error = fits.value[fitted], fits.error[fitted]
    wall = fits.statistics.get("wall_distance", np.full(len(fits), np.nan))[fitted]
    shown = {
        "energy [MeV]": value[:, 0],
        "error of the energy [%]": 100.0 * error[:, 0] / value[:, 0],
        "error of the vertex [cm]": 100.0 * np.linalg.norm(error[:, 1:4], axis=1),
        "vertex, distance from the wall [m]": wall,
        "direction, cosine to z": np.cos(value[:, 4]),
        "time [ns]": value[:, 6],
        _quality(fits)[0]: _quality(fits)[1][fitted],
        "seconds": fits.statistics.get("seconds", np.full(len(fits), np.nan))[fitted],
    }
    for axes, (label, column) in zip(panels, shown.items(), strict=True):
        good = column[np.isfinite(column)]
        if len(good) == 0:
            axes.set_axis_off()
            continue
        low, high = np.quantile(good, [0.01, 0.99]) if len(good) > 100 else (good.min(), good.max())
        margin = 0.05 * (high - low) or max(0.05 * abs(high), 1e-6)
        edges = np.linspace(low - margin, high + margin, _bins(len(good)))
        axes.hist(np.clip(good, edges[0], edges[-1]), edges.tolist(), color=BARS)
        axes.set(xlabel=label, ylabel="events")
    return figure


def _quality(fits: FitFile) -> tuple[str, np.ndarray]:
    """How well the fit describes its event: the goodness of the fit if the file has it, else the log-likelihood by hit."""
    goodness = fits.statistics.get("goodness", np.zeros(0))
    if np.isfinite(goodness).any():
        return "goodness of fit [sigma]", goodness
    hits = fits.statistics.get("hits", np.full(len(fits), np.nan))
    return "log-likelihood by hit", fits.log_likelihood / hits
