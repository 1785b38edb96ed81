"""The page of a calibration: table, residuals on the wall, and how the parameters moved. One file, no network."""

from html import escape
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lampyris._host import on_host
from lampyris.display.event import save_whole
from lampyris.display.ring import unroll
from lampyris.fit import Calibration
from lampyris.plot._page import BARS, LINES, page, picture, table

MOST_MAPS = 4


def save_calibration(path: Path | str, fit: Calibration) -> None:
    """Write the page of a calibration as one HTML file."""
    goodness = fit.goodness
    words = {
        "charges of single channels": goodness.charge,
        "times of single channels": goodness.early,
        "charges over zones": goodness.charge_map,
        "times over zones": goodness.early_map,
    }
    fits = table((), [(name, f"{value:+.1f} sigma") for name, value in words.items()])
    open_ = "".join(f"<p>Left open: {escape(text)}</p>" for text in fit.open_combinations)
    shown = picture("Charge residuals by sensor, (data - expected) / error", _maps(fit))
    if fit.history and fit.names:
        shown += picture("Parameters by iteration, over their last values", _history(fit))
    body = f"{fit._repr_html_()}{open_}<h2>Goodness of fit</h2>{fits}{_held(fit)}{_correlation(fit)}{shown}"
    save_whole("save_calibration", path, page(f"Calibration of {fit.value.name}", body))


def _held(fit: Calibration) -> str:
    """What the data ask of the numbers that were held, as a table."""
    if not fit.held:
        return ""
    rows = [
        (h.name, f"{h.value:.4g} {h.unit}", f"{h.asked:.4g} +- {h.error:.2g}", f"{h.pull:+.1f} errors")
        for h in fit.held
    ]
    return f"<h2>Numbers that were held</h2>{table(('', 'held at', 'the data ask for', 'away'), rows)}"


def _correlation(fit: Calibration) -> str:
    """The correlation matrix as a table."""
    if len(fit.names) < 2:
        return ""
    rows = [(name, *(f"{value:+.2f}" for value in row)) for name, row in zip(fit.names, fit.correlation, strict=True)]
    return f"<h2>Correlations</h2>{table(('', *fit.names), rows)}"


def _maps(fit: Calibration) -> Figure:
    """Residuals of the first runs on the unrolled wall, and the distribution of all."""
    sensors = fit.value.sensors
    flat = on_host(unroll, fit.value.shape, jnp.asarray(sensors.position))
    residual = fit.goodness.residual
    count, size = min(len(residual), MOST_MAPS), float(np.clip(1.2e4 / sensors.count, 2.0, 60.0))
    figure = Figure(figsize=(4.2 * (count + 1), 4.4), dpi=110, layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, count + 1))
    for number, axes in enumerate(panels[:-1]):
        dots = axes.scatter(*flat.T, c=residual[number], s=size, cmap="RdBu_r", vmin=-3, vmax=3, linewidths=0)
        axes.set(aspect="equal", title=f"run {number}")
        axes.set_axis_off()
    figure.colorbar(dots, ax=list(panels[:-1]), shrink=0.7, label="sigma")
    _distribution(panels[-1], residual.ravel())
    return figure


def _distribution(axes: Axes, residual: np.ndarray) -> None:
    edges = np.linspace(-5.0, 5.0, 51)
    axes.hist(residual, edges.tolist(), density=True, color=BARS, label="sensors")
    axes.plot(edges, np.exp(-0.5 * edges**2) / np.sqrt(2.0 * np.pi), color=LINES, label="normal")
    axes.set(xlabel="residual [sigma]", ylabel="density", title=f"rms {residual.std():.3f}")
    axes.legend(frameon=False)


def _history(fit: Calibration) -> Figure:
    figure = Figure(figsize=(8.0, 4.0), dpi=110, layout="constrained")
    axes = figure.subplots()
    for name, value in zip(fit.names, fit.values, strict=True):
        axes.plot(np.arange(1, len(fit.history) + 1), [row[name] / value for row in fit.history], "o-", label=name)
    axes.axhline(1.0, color=LINES, linewidth=0.8)
    axes.set(xlabel="iteration", ylabel="over the last value")
    axes.legend(frameon=False)
    return figure
