"""What a calibration returns."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lampyris.describe import html_table
from lampyris.detector import Detector
from lampyris.fit.result import Fit

POOR = 5.0
"""Deviation of the goodness of fit that is called poor."""
SUSPECT = 3.5
"""Errors beyond which a number that was held is called wrong; of five right ones, one in 400 fits is."""
SENTENCES = {
    "converged": "The fit converged.",
    "not converged": "The fit stopped before it converged; its numbers may be far from the best ones.",
    "degenerate": "The data do not fix all parameters; see which combinations they leave open.",
    "poor fit": "The fit converged, but the model does not describe the data within their errors, or not with what was held.",
}


class Held(NamedTuple):
    """One number that was held, and the value that the data would give it next to those that were fitted."""

    name: str
    value: float
    asked: float
    error: float
    """of the asked value"""
    pull: float
    """shift, on the scale of the fit, in its errors"""
    unit: str

    def __str__(self) -> str:
        return (
            f"{self.name} was held at {self.value:.4g}, but the data ask for {self.asked:.4g} +- {self.error:.2g} "
            f"{self.unit}".rstrip()
            + f": {abs(self.pull):.1f} errors away."
        )


@dataclass(frozen=True)
class Goodness:
    """How well the calibrated detector describes the data.

    Each number is a sum of squared deviations in units of their expected size, turned into standard deviations of a
    normal distribution: beyond 4 the model lacks something.
    """

    charge: float
    """single channels, charges"""
    early: float
    """single channels, times"""
    charge_map: float
    """charges summed over zones of about a hundred sensors: slow changes over the wall"""
    early_map: float
    """times, likewise"""
    residual: np.ndarray
    """(runs, channels) charge, (data - expected) / error"""
    track_map: float = 0.0
    """charges of all tracks summed over zones, from the scatter between events"""

    @property
    def worst(self) -> float:
        """The largest of them."""
        return max(self.charge, self.early, self.charge_map, self.early_map, self.track_map)


@dataclass(frozen=True)
class Calibration:
    """A calibrated detector with errors; printing it gives each number with its error and unit.

    Errors hold the shot noise of the data, the spread of charges, and the noise of the prediction's own paths.
    """

    value: Detector
    names: tuple[str, ...]
    values: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    """of `values`"""
    units: tuple[str, ...]
    channel_errors: dict[str, np.ndarray]
    """standard deviation of each channel's parameter, by path"""
    result: str
    """one of the keys of `SENTENCES`"""
    open_combinations: tuple[str, ...]
    """what the data leave open, in words"""
    prediction_share: np.ndarray
    """noise of the prediction over the statistical error, for each of `values`"""
    goodness: Goodness
    statistics: dict[str, float]
    """iterations, paths, seconds"""
    history: tuple[dict[str, float], ...]
    """values of the parameters at each iteration"""
    held: tuple[Held, ...] = ()
    """what the data of the lamps ask of numbers that were not free"""
    tracks: dict[int, Fit] = field(default_factory=dict)
    """fits of the tracks by the number of their event; those that did not converge are not used and not here"""

    @property
    def sentence(self) -> str:
        """The result in words."""
        return SENTENCES[self.result]

    @property
    def correlation(self) -> np.ndarray:
        """Correlation matrix of the values."""
        return self.covariance / np.maximum(np.outer(self.errors, self.errors), 1e-300)

    @property
    def suspects(self) -> tuple[Held, ...]:
        """Numbers that were held and are wrong by the data, the worst first."""
        return tuple(sorted((h for h in self.held if abs(h.pull) > SUSPECT), key=lambda h: -abs(h.pull)))

    def error(self, name: str) -> float:
        """Standard deviation of a number by its name."""
        return float(self.errors[self.names.index(name)])

    def pulls(self, truth: dict[str, float]) -> dict[str, float]:
        """(fit - truth) / error of the numbers whose truth is given."""
        place = {name: number for number, name in enumerate(self.names)}
        return {n: float((self.values[place[n]] - t) / self.errors[place[n]]) for n, t in truth.items()}

    def __str__(self) -> str:
        rows = [f"{n:<36}{v:>12} +- {e:<10}{u}" for n, v, e, u in self._rows()]
        return "\n".join([self._head(), *rows, *self.open_combinations, *map(str, self.suspects)])

    def _repr_html_(self) -> str:
        """The same table in notebooks."""
        told = "; ".join([*self.open_combinations, *map(str, self.suspects)])
        return html_table(self._head(), ("", "value", "error", "unit"), self._rows(), told)

    def _head(self) -> str:
        return f"{self.value.name}: {self.sentence} Goodness of fit {self.goodness.worst:+.1f} sigma"

    def _rows(self) -> list[tuple[str, ...]]:
        """Name, value, error and unit of each number; of the channels their mean, with the mean error of one."""
        told = zip(self.names, self.values, self.errors, self.units, strict=True)
        rows = [(name, f"{value:.5g}", f"{error:.2g}", unit) for name, value, error, unit in told]
        for path, errors in self.channel_errors.items():
            value = np.asarray(getattr(self.value.sensors, path.rpartition(".")[2]), float)
            rows.append((f"{path} (mean of {len(errors)})", f"{value.mean():.5g}", f"{np.median(errors):.2g}", "each"))
        return rows
