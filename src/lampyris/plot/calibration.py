"""The page of a calibration: table, residuals on the wall, and how the parameters moved. One file, no network."""

import base64
from html import escape
from io import BytesIO
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lampyris._host import on_host
from lampyris.display.event import save_whole
from lampyris.display.ring import unroll
from lampyris.fit import Calibration

MOST_MAPS = 4
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b2229}"
    "table{border-collapse:collapse}td,th{padding:.2rem .9rem;text-align:left;border-bottom:1px solid #d5dbe0}"
    "img{max-width:100%}"
)


def save_calibration(path: Path | str, fit: Calibration) -> None:
    """Write the page of a calibration as one HTML file."""
    pictures = [("Charge residuals by sensor, (data - expected) / error", _maps(fit))]
    if fit.history and fit.names:
        pictures.append(("Parameters by iteration, over their last values", _history(fit)))
    goodness = fit.goodness
    words = {
        "charges of single channels": goodness.charge,
        "times of single channels": goodness.early,
        "charges over zones": goodness.charge_map,
        "times over zones": goodness.early_map,
    }
    fits = "".join(f"<tr><td>{name}</td><td>{value:+.1f} sigma</td></tr>" for name, value in words.items())
    shown = "".join(
        f'<h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{base64.b64encode(image).decode()}">'
        for title, image in pictures
    )
    open_ = "".join(f"<p>Left open: {escape(text)}</p>" for text in fit.open_combinations)
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Calibration of {escape(fit.value.name)}</title>'
        f"<style>{STYLE}</style><h1>Calibration of {escape(fit.value.name)}</h1>{fit._repr_html_()}{open_}"
        f"<h2>Goodness of fit</h2><table>{fits}</table>{_correlation(fit)}{shown}</html>"
    )
    save_whole("save_calibration", path, page.encode())


def _correlation(fit: Calibration) -> str:
    """The correlation matrix as a table."""
    if len(fit.names) < 2:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in fit.names)
    rows = "".join(
        f"<tr><th>{escape(name)}</th>" + "".join(f"<td>{value:+.2f}</td>" for value in row) + "</tr>"
        for name, row in zip(fit.names, fit.correlation, strict=True)
    )
    return f"<h2>Correlations</h2><table><tr><th></th>{head}</tr>{rows}</table>"


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _maps(fit: Calibration) -> bytes:
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
    return _png(figure)


def _distribution(axes: Axes, residual: np.ndarray) -> None:
    edges = np.linspace(-5.0, 5.0, 51)
    axes.hist(residual, edges.tolist(), density=True, color="#7b9cb8", label="sensors")
    axes.plot(edges, np.exp(-0.5 * edges**2) / np.sqrt(2.0 * np.pi), color="#1b2229", label="normal")
    axes.set(xlabel="residual [sigma]", ylabel="density", title=f"rms {residual.std():.3f}")
    axes.legend(frameon=False)


def _history(fit: Calibration) -> bytes:
    figure = Figure(figsize=(8.0, 4.0), dpi=110, layout="constrained")
    axes = figure.subplots()
    for name, value in zip(fit.names, fit.values, strict=True):
        axes.plot(np.arange(1, len(fit.history) + 1), [row[name] / value for row in fit.history], "o-", label=name)
    axes.axhline(1.0, color="#1b2229", linewidth=0.8)
    axes.set(xlabel="iteration", ylabel="over the last value")
    axes.legend(frameon=False)
    return _png(figure)
