"""How far fits are from the truth: the definitions of all resolutions, biases, pulls and coverages, in one place.

No event is left out: one that has a truth but no fit is infinitely far away, and counts as a miss.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lampyris.fit.parameters import NAMES
from lampyris.particle.kind import KINDS

SHARE = 0.68
"""Quantile by which resolutions are quoted."""
WITHIN = 0.6826894921
"""Share of a normal distribution within one standard deviation."""
WITHIN_ALL = 8.176
"""Chi-square of seven degrees of freedom below which that share lies."""
FAR = 100.0
"""Distance from the true vertex beyond which a fit counts as a miss [cm]."""
FRAME = {"energy": [0], "along": [1], "across": [2, 3], "direction": [4, 5], "time": [6]}
"""Columns of pulls in the frame of a track."""
NO_FIT = ("no hits", "too few hits", "unusable", "failed")
"""Results of events for which there is no fit, at most the start of one."""


class Sample(NamedTuple):
    """Fits of many events; rows of `value` that are not finite are events without a fit."""

    value: Float[np.ndarray, "events 7"]
    """in the order and the units of `parameters.values`"""
    covariance: Float[np.ndarray, "events 7 7"]
    truth: Float[np.ndarray, "events 7"]
    """not finite where it is not known"""
    result: tuple[str, ...]
    particle: str
    """that was fitted"""
    true_particle: tuple[str, ...]
    """one for each event; empty where it is not known, and taken for the fitted one"""

    @property
    def known(self) -> np.ndarray:
        """Events whose truth is known."""
        return np.asarray(np.isfinite(self.truth).all(axis=1))

    @property
    def fitted(self) -> np.ndarray:
        """Events that have a fit."""
        return np.isfinite(self.value).all(axis=1) & ~np.isin(self.result, NO_FIT)


class Deviations(NamedTuple):
    """Fit against truth, event by event, of the events whose truth is known; infinite or NaN where there is no fit."""

    vertex: np.ndarray
    """distance of the vertices [cm]"""
    longitudinal: np.ndarray
    """its part along the true direction, signed [cm]"""
    transverse: np.ndarray
    """its part across the true direction [cm]"""
    direction: np.ndarray
    """angle to the true initial direction [deg]"""
    momentum: np.ndarray
    """(fitted - true) / true [percent]"""
    away: np.ndarray
    """fitted minus true values, (events, 7), the azimuth wrapped"""
    pull: np.ndarray
    """`away` over its error, (events, 7); NaN where there is no error"""
    turned_pull: np.ndarray
    """(events, 7), of the numbers in the frame of the true track, in the order of `FRAME`"""
    own_error: np.ndarray
    """(events, 7), of the same numbers, as the fits tell them [of the true energy, m, rad, ns]"""
    chi_square: np.ndarray
    """of all seven together; NaN where there is no covariance"""


def deviations(sample: Sample) -> Deviations:
    """Compare every fit whose truth is known with it."""
    known, fitted = sample.known, sample.fitted[sample.known]
    truth, value = sample.truth[known], np.where(fitted[:, None], sample.value[known], np.nan)
    away = value - truth
    away[:, 5] = (away[:, 5] + np.pi) % (2.0 * np.pi) - np.pi
    true_direction, shift = _unit(truth), 100.0 * away[:, 1:4]
    along = (shift * true_direction).sum(axis=1)
    across = np.linalg.norm(shift - along[:, None] * true_direction, axis=1)
    sine = np.linalg.norm(np.cross(_unit(value), true_direction), axis=1)
    angle = np.degrees(np.arctan2(sine, (_unit(value) * true_direction).sum(axis=1)))
    names = np.array(sample.true_particle, object)[known]
    true_momentum = _momentum(truth[:, 0], np.where(names == "", sample.particle, names))
    momentum = 100.0 * (_momentum(value[:, 0], [sample.particle] * len(value)) / true_momentum - 1.0)
    covariance = np.where(fitted[:, None, None], sample.covariance[known], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        pull = away / np.sqrt(np.einsum("eii->ei", covariance))
    far = lambda values: np.where(fitted, values, np.inf)  # noqa: E731
    vertex = np.linalg.norm(shift, axis=1)
    turned, error = _turned(away, covariance, truth)
    error[:, 0] /= truth[:, 0]
    sizes = (far(vertex), far(along), far(across), far(angle), far(momentum))
    return Deviations(*sizes, away, pull, turned, error, _chi_square(away, covariance))


def resolution(sample: Sample) -> dict:
    """All figures of a sample as plain numbers; without a truth only the counts of events and results.

    `q68` and `median` are quantiles of the size of a deviation over all events with a truth (infinite if too many have no
    fit), `bias` the mean of the signed deviation over those with a fit, each with its standard error. Pulls, their widths
    (standard deviations) and coverages are taken over the fits that have errors, `with_errors` of them; coverage is the
    share of truths within one standard deviation, `all`: within the 68 % region of all seven numbers. `own_error_median` are
    the errors that fits give themselves: what their likelihood leaves open, the Cramer-Rao bound if it is right.
    """
    codes, counts = np.unique(np.array(sample.result, object).astype(str), return_counts=True)
    told: dict = {"events": len(sample.value), "results": dict(zip(codes.tolist(), counts.tolist(), strict=True))}
    if len(sample.value):
        told["converged_fraction"] = float(np.mean(np.array(sample.result) == "converged"))
    if not sample.known.any():
        return told
    found = deviations(sample)
    told |= {"with_truth": len(found.vertex), "without_fit": int(np.isinf(found.vertex).sum())}
    for name, unit in (("vertex", "cm"), ("longitudinal", "cm"), ("transverse", "cm"), ("direction", "deg")):
        told |= _quantiles(name, unit, getattr(found, name))
    told |= _quantiles("momentum", "percent", found.momentum)
    told |= _bias("longitudinal_bias", "cm", found.longitudinal) | _bias("momentum_bias", "percent", found.momentum)
    told["beyond_1m"] = int((found.vertex > FAR).sum())
    return told | {"bias": _biases(found)} | _pulls(found)


def _quantiles(name: str, unit: str, values: np.ndarray) -> dict[str, float]:
    """68 % quantile with its standard error, and median, of sizes."""
    size = np.sort(np.where(np.isfinite(values), np.abs(values), np.inf))
    spread = np.sqrt(len(size) * SHARE * (1.0 - SHARE))
    # ranks one standard deviation of the binomial distribution below and above
    low, high = (_quantile(size, SHARE + side * spread / len(size)) for side in (-1.0, 1.0))
    told = {f"{name}_q68_{unit}": _quantile(size, SHARE), f"{name}_q68_error_{unit}": 0.5 * (high - low)}
    return told | {f"{name}_median_{unit}": _quantile(size, 0.5)}


def _quantile(size: np.ndarray, share: float) -> float:
    """A quantile of sorted sizes, of which the last may be infinite."""
    at = np.clip(share, 0.0, 1.0) * (len(size) - 1)
    below, above = size[int(np.floor(at))], size[int(np.ceil(at))]
    return float(below if below == above else below + (above - below) * (at % 1.0))


def _bias(name: str, unit: str, values: np.ndarray) -> dict[str, float]:
    """Mean of the finite values and its standard error."""
    mean, error = _mean(values[np.isfinite(values)])
    return {f"{name}_{unit}": mean, f"{name}_error_{unit}": error}


def _mean(values: np.ndarray) -> tuple[float, float]:
    if len(values) == 0:
        return float("nan"), float("nan")
    spread = values.std(ddof=1) if len(values) > 1 else np.nan
    return float(values.mean()), float(spread / np.sqrt(len(values)))


def _biases(found: Deviations) -> dict[str, float]:
    """Mean deviation of every parameter in its own unit."""
    return {name: _mean(column[np.isfinite(column)])[0] for name, column in zip(NAMES, found.away.T, strict=True)}


def _pulls(found: Deviations) -> dict:
    """Mean and width of the pulls, and coverage, of every parameter."""
    pull = found.pull[np.isfinite(found.pull).all(axis=1)]
    told: dict = {"with_errors": len(pull)}
    if len(pull) == 0:
        return told
    told["pull_mean"] = dict(zip(NAMES, pull.mean(axis=0).tolist(), strict=True))
    told["pull_width"] = dict(zip(NAMES, pull.std(axis=0).tolist(), strict=True))
    covered = dict(zip(NAMES, (np.abs(pull) < 1.0).mean(axis=0).tolist(), strict=True))
    whole = found.chi_square[np.isfinite(found.chi_square)]
    told["coverage_68"] = covered | ({"all": float((whole < WITHIN_ALL).mean())} if len(whole) else {})
    good = np.isfinite(found.turned_pull).all(axis=1)
    return told | _turned_pulls(found.turned_pull[good]) | {"own_error_median": _own_errors(found.own_error[good])}


def _own_errors(error: np.ndarray) -> dict[str, float]:
    """Medians of the errors of fits in one axis."""
    units = {
        "energy": ("percent", 100.0),
        "along": ("cm", 100.0),
        "across": ("cm", 100.0),
        "direction": ("deg", np.degrees(1.0)),
        "time": ("ns", 1.0),
    }
    if len(error) == 0:
        return {}
    return {f"{name}_{unit}": float(scale * np.median(error[:, FRAME[name]])) for name, (unit, scale) in units.items()}


def _turned_pulls(pull: np.ndarray) -> dict:
    """Widths of the pulls in the frame of the track, and the size below which the share of a normal one lies within 1."""
    width, size = {}, {}
    for name, columns in FRAME.items():
        width[name] = float(np.sqrt((pull[:, columns] ** 2).mean()))
        size[name] = float(np.quantile(np.abs(pull[:, columns]), WITHIN))
    return {"track_pull_rms": width, "track_pull_q68": size}


def _chi_square(away: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Deviation squared in units of the whole covariance."""
    found = np.full(len(away), np.nan)
    for row in np.flatnonzero(np.isfinite(away).all(axis=1) & np.isfinite(covariance).all(axis=(1, 2))):
        try:
            found[row] = away[row] @ np.linalg.solve(covariance[row], away[row])
        except np.linalg.LinAlgError:
            continue
    return found


def _turned(away: np.ndarray, covariance: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pulls and errors of energy, vertex along and across the true direction, the two turns of the direction, and time.

    Unlike those of theta and phi, they do not depend on where a track points, and nothing is singular at a pole.
    """
    theta, phi = truth[:, 4], truth[:, 5]
    southward = np.stack([np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)], axis=1)
    eastward = np.stack([-np.sin(phi), np.cos(phi), np.zeros_like(phi)], axis=1)
    turn = np.zeros((len(truth), 7, 7))
    turn[:, 0, 0] = turn[:, 4, 4] = turn[:, 6, 6] = 1.0
    turn[:, 5, 5] = np.sin(theta)
    turn[:, 1:4, 1:4] = np.stack([_unit(truth), southward, eastward], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(np.einsum("eij,ejk,eik->ei", turn, covariance, turn))
        return np.einsum("eij,ej->ei", turn, away) / error, error


def _unit(value: np.ndarray) -> np.ndarray:
    """Directions of rows of values."""
    theta, phi = value[:, 4], value[:, 5]
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)


def _momentum(energy: np.ndarray, particles) -> np.ndarray:
    """Momentum [MeV/c] of a kinetic energy; of a particle without a known mass the energy itself."""
    mass = np.array([KINDS[name].mass if name in KINDS else 0.0 for name in particles])
    return np.sqrt(energy * (energy + 2.0 * mass))
