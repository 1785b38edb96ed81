"""What a fit returns."""

from typing import NamedTuple

import numpy as np

from lampyris._svg import cells
from lampyris.describe import html_table
from lampyris.fit.parameters import NAMES, differences, values
from lampyris.source import Track

UNITS = ("MeV", "m", "m", "m", "rad", "rad", "ns")
SENTENCES = {
    "converged": "The fit converged.",
    "not converged": "The fit stopped before it converged; its numbers may be far from the best ones.",
    "at boundary": "The fit ended at the edge of the allowed energies or of the detector; its errors do not hold.",
    "too few hits": "The event has too few hits for a fit of seven numbers; only the start is given.",
}


class TrackErrors(NamedTuple):
    """Standard deviations of a fitted track."""

    energy: float
    """[MeV]"""
    position: np.ndarray
    """(3,) [m]"""
    theta: float
    """polar angle [rad]"""
    phi: float
    """azimuth [rad]"""
    time: float
    """[ns]"""


class Fit(NamedTuple):
    """Result of a track fit; printing it gives each number with its error and unit."""

    value: Track
    error: TrackErrors
    covariance: np.ndarray
    """(7, 7), in the order and the units of `names` and the table"""
    names: tuple[str, ...]
    log_likelihood: float
    result: str
    """one of the keys of `SENTENCES`"""
    statistics: dict[str, float]
    """hits, charge [pe], iterations of both stages, evaluations, goodness of the hit pattern [standard deviations]"""

    @property
    def sentence(self) -> str:
        """The result in words."""
        return SENTENCES[self.result]

    def values(self) -> dict[str, float]:
        """Fitted numbers by name."""
        return dict(zip(self.names, values(self.value).tolist(), strict=True))

    def errors(self) -> dict[str, float]:
        """Standard deviations by name."""
        return dict(zip(self.names, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))

    def pulls(self, truth: Track) -> dict[str, float]:
        """(fit - truth) / error by name."""
        away = differences(self.value, truth) / np.sqrt(np.diag(self.covariance))
        return dict(zip(self.names, away.tolist(), strict=True))

    def __str__(self) -> str:
        rows = [f"{name:<8}{value:>12} +- {error:<10}{unit}" for name, value, error, unit in self._rows()]
        return "\n".join([self._head(), *rows])

    def _repr_html_(self) -> str:
        """The same table in notebooks, with the correlations as a small picture."""
        table = html_table(self._head(), ("", "value", "error", "unit"), self._rows())
        errors = np.sqrt(np.diag(self.covariance))
        return table + cells(self.covariance / np.outer(errors, errors), "correlations of the seven numbers")

    def _head(self) -> str:
        return f"{self.value.particle}: {self.sentence} log-likelihood {self.log_likelihood:.1f}"

    def _rows(self) -> list[tuple[str, ...]]:
        """Name, value, error and unit of each number."""
        told = zip(self.values().items(), self.errors().values(), UNITS, strict=True)
        return [(name, f"{value:.4g}", f"{error:.3g}", unit) for (name, value), error, unit in told]


def result_of(at_boundary: bool, converged: bool) -> str:
    """The code of `SENTENCES` for where a climb ended."""
    if at_boundary:
        return "at boundary"
    return "converged" if converged else "not converged"


def make_errors(covariance: np.ndarray) -> TrackErrors:
    """Standard deviations of a covariance in the order of `NAMES`."""
    rms = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return TrackErrors(rms[0], rms[1:4], rms[4], rms[5], rms[6])


def empty_covariance() -> np.ndarray:
    """The covariance of a fit that knows nothing."""
    return np.full((len(NAMES), len(NAMES)), np.nan)
