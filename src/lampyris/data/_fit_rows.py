"""The fit of one event as plain numbers."""

from typing import Any, NamedTuple

import numpy as np

from lampyris.data.records import Truth
from lampyris.fit import Fit
from lampyris.fit.parameters import values
from lampyris.source import Track

NO_HITS = "no hits"
STATISTICS = (
    "hits",
    "charge",
    "iterations",
    "rough_iterations",
    "evaluations",
    "goodness",
    "seconds",
    "wall_distance",
    "true_wall_distance",
)
"""What is told of each fit beside its numbers."""


class FitRow(NamedTuple):
    """The fit of one event as plain numbers."""

    event: int
    value: np.ndarray
    error: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    result: str
    truth: np.ndarray
    true_particle: str = ""
    note: str = ""
    """why there is no fit, or what was wrong with the truth"""
    statistics: dict[str, float] = {}  # noqa: RUF012 - never changed
    """some of `STATISTICS` by name"""

    @staticmethod
    def of(
        event: int,
        fit: Fit | None,
        truth: Track | Truth | None,
        *,
        result: str = NO_HITS,
        note: str = "",
        **told: float,
    ) -> "FitRow":
        """The row of a fit; without one, that of an event whose `result` says why. `told` are further statistics."""
        true, name = _true_values(truth), "" if truth is None else truth.particle
        if fit is None:
            nothing = np.full(7, np.nan)
            return FitRow(event, nothing, nothing, np.full((7, 7), np.nan), np.nan, result, true, name, note, told)
        error = np.array(list(fit.errors().values()))
        known = {name: float(fit.statistics[name]) for name in STATISTICS if name in fit.statistics} | told
        return FitRow(
            event, values(fit.value), error, fit.covariance, fit.log_likelihood, fit.result, true, name, note, known
        )


def _true_values(truth: Track | Truth | None) -> np.ndarray:
    """The seven numbers of a truth in the order of `lampyris.fit.parameters.values`; NaN without one."""
    if truth is None:
        return np.full(7, np.nan)
    x, y, z = np.asarray(truth.direction, float)
    angles = [np.arccos(np.clip(z, -1.0, 1.0)), np.arctan2(y, x)]
    return np.array([float(truth.energy), *np.asarray(truth.position, float), *angles, float(truth.time)])


def fit_row(told: dict[str, Any]) -> FitRow | None:
    """A row of its line; nothing if the line is not that of a row."""
    try:
        arrays = {name: np.array(told[name], float) for name in ("value", "error", "covariance", "truth")}
        known = {str(name): float(value) for name, value in told["statistics"].items()}
        value, error, covariance, truth = arrays.values()
        row = FitRow(
            int(told["event"]),
            value,
            error,
            covariance,
            float(told["log_likelihood"]),
            str(told["result"]),
            truth,
            str(told["true_particle"]),
            str(told["note"]),
            known,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    shapes = [array.shape for array in arrays.values()]
    return row if shapes == [(7,), (7,), (7, 7), (7,)] and row.event >= 0 else None
