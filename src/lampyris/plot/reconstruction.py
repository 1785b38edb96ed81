"""The page of a file of fits: resolutions, pulls and results as tables and figures. One file, no network."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from lampyris.data.fits_file import FitFile, summary
from lampyris.display.event import save_whole
from lampyris.fit.many import RESULTS
from lampyris.fit.parameters import NAMES
from lampyris.fit.resolution import deviations
from lampyris.fit.result import UNITS
from lampyris.plot._deviations import against, histograms, pulls, values
from lampyris.plot._page import page, picture, table

MOST_NOTES = 20
DEFINITIONS = (
    "Quantiles are those of the size of a deviation over all events whose truth is known; an event without a fit is "
    "infinitely far away. Biases are means of the signed deviation over events with a fit. Direction is the angle to the true "
    "initial direction, longitudinal and transverse are the parts of the vertex error along and across it, momentum is "
    "(fit - truth) / truth. A pull is (fit - truth) / error, its width the standard deviation, and coverage the share of truths "
    "within one error of the fit (68 % are due); both are taken over fits that have errors."
)


def save_reconstruction(path: Path | str, fits: FitFile) -> None:
    """Write the page of a file of fits; without a truth it shows what was fitted and how."""
    told, attributes = summary(fits), fits.attributes
    body = f"<p>{escape(_origin(fits))}</p>{_results(told)}"
    if told.get("with_truth"):
        body += f"<h2>Resolution</h2>{_resolution(told)}<p>{escape(DEFINITIONS)}</p>{_parameters(told)}"
        found, known = deviations(fits.sample), fits.sample.known
        body += picture("Deviations from the truth", histograms(found))
        if told.get("with_errors"):
            body += picture("Pulls", pulls(found))
        wall = fits.statistics.get("true_wall_distance", np.full(len(fits), np.nan))[known]
        body += picture("Errors against energy and distance from the wall", against(found, fits.truth[known, 0], wall))
    if fits.sample.fitted.any():
        body += picture("What was fitted", values(fits))
    body += _cost(told) + _notes(fits)
    title = f"Reconstruction of {attributes['input']}: {attributes['particle']} in {attributes['detector']}"
    save_whole("save_reconstruction", path, page(title, body))


def _origin(fits: FitFile) -> str:
    """Where the fits come from, in a line."""
    made = fits.attributes
    return f"{fits.path.name}: lampyris {made.get('lampyris', '')}, {made.get('date', '')}. {made.get('command', '')}"


def _results(told: dict[str, Any]) -> str:
    """How many events ended how."""
    rows = [
        (code, str(count), f"{100.0 * count / told['events']:.1f} %", RESULTS.get(code, ""))
        for code, count in sorted(told["results"].items(), key=lambda entry: -entry[1])
    ]
    return f"<h2>{told['events']} events</h2>{table(('result', 'events', 'share', ''), rows)}"


def _cost(told: dict[str, Any]) -> str:
    """What the fits took."""
    cost = []
    if "seconds_per_event" in told:
        cost.append(("time of an event, median", f"{told['seconds_per_event']:.3g} s"))
        cost.append(("time of all fits", f"{told['fit_seconds']:.4g} s"))
    if "iterations_median" in told:
        cost.append(("iterations, median and 95 %", f"{told['iterations_median']:g}, {told['iterations_95']:g}"))
    return f"<h2>Cost</h2>{table((), cost)}" if cost else ""


def _notes(fits: FitFile) -> str:
    """What was wrong with single events."""
    noted = [(f"event {number}", note) for number, note in zip(fits.event, fits.note, strict=True) if note]
    if not noted:
        return ""
    more = f"<p>{len(noted) - MOST_NOTES} more have notes.</p>" if len(noted) > MOST_NOTES else ""
    return f"<h2>Notes</h2>{table((), noted[:MOST_NOTES])}{more}"


def _resolution(told: dict[str, Any]) -> str:
    """Quantiles and biases."""
    rows = []
    for name, unit, sign in (
        ("vertex", "cm", "cm"),
        ("longitudinal", "cm", "cm"),
        ("transverse", "cm", "cm"),
        ("direction", "deg", "deg"),
        ("momentum", "percent", "%"),
    ):
        spread = f"{told[f'{name}_q68_{unit}']:.3g} +- {told[f'{name}_q68_error_{unit}']:.2g} {sign}"
        bias = told.get(f"{name}_bias_{unit}")
        shift = f"{bias:+.2g} +- {told[f'{name}_bias_error_{unit}']:.2g} {sign}" if bias is not None else ""
        rows.append((name, spread, f"{told[f'{name}_median_{unit}']:.3g} {sign}", shift))
    text = table(("", "68 % quantile", "median", "bias"), rows)
    far, without = told["beyond_1m"], told["without_fit"]
    return f"{text}<p>{far} of {told['with_truth']} beyond 1 m, {without} of them without a fit.</p>"


def _parameters(told: dict[str, Any]) -> str:
    """Bias, pull and coverage of every parameter."""
    if not told["with_errors"]:
        return ""
    rows = [
        (
            name,
            f"{told['bias'][name]:+.3g} {unit}",
            f"{told['pull_mean'][name]:+.3f}",
            f"{told['pull_width'][name]:.3f}",
            f"{100.0 * told['coverage_68'][name]:.1f} %",
        )
        for name, unit in zip(NAMES, UNITS, strict=True)
    ]
    count = told["with_errors"]
    errors = f"{1.0 / np.sqrt(count):.2f}, {1.0 / np.sqrt(2.0 * count):.2f} and {100.0 * np.sqrt(0.2166 / count):.1f} %"
    whole = told["coverage_68"].get("all", np.nan)
    note = f"{count} fits have errors; pull means, widths and coverages are then known to {errors} if the pulls are normal. "
    note += f"Of the truths {100.0 * whole:.1f} % lie within the 68 % region of all seven numbers together."
    head = ("", "bias", "pull mean", "pull width", "coverage")
    return f"<h2>Parameters</h2>{table(head, rows)}<p>{note}</p>"
