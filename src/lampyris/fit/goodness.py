"""How well a calibrated model describes the data, channel by channel and in maps."""

import numpy as np

from lampyris.fit.calibration import Goodness
from lampyris.fit.flash_score import Pull

FEWEST_EVENTS = 8
"""Tracks below which their scatter tells nothing of the fit."""


def goodness_of(
    pulls: list[Pull], zone: np.ndarray, charge_spread: float, own: tuple[float, float], shared: int
) -> Goodness:
    """Judge the whitened residuals of all runs; `own` is the number of parameters of a channel that move
    its charge and its times, `shared` that of the others.

    Charges of channels: chi-square, with the fourth moment of compound Poisson counts. Times: the same sum, its spread
    taken from the channels themselves. Maps: residuals summed over zones, which shot noise leaves small.
    """
    if not pulls:
        return Goodness(0.0, 0.0, 0.0, 0.0, np.zeros((0, len(zone))))
    common = min(p.whitened.shape[1] for p in pulls)  # charges alone, if the times of a run do not count
    scaled = np.stack([p.whitened[:, :common] for p in pulls])
    expected = np.stack([p.expected for p in pulls])
    runs, channels = scaled.shape[:2]
    free = max(runs - own[0], 0.5) / runs
    squares = (1.0 + charge_spread**2) * (1.0 + 2.0 * charge_spread**2) * (1.0 + 3.0 * charge_spread**2)
    fourth = squares / (1.0 + charge_spread**2) ** 2 / np.maximum(expected, 1e-3)
    charge = ((scaled[..., 0] ** 2).sum() - runs * channels * free) / np.sqrt((2.0 + fourth).sum())
    charge_map = _map(scaled[..., 0], zone, free, shared)
    marks = scaled.shape[2] - 1
    if marks == 0:
        return Goodness(float(charge), 0.0, charge_map, 0.0, scaled[..., 0])
    left = max(1.0 - own[1] / (marks * runs), 0.5 / runs)
    times = (scaled[..., 1:] ** 2).sum(axis=2)
    early = (times - marks * left).mean() / (times.std() / np.sqrt(times.size))
    early_map = max(_map(scaled[..., column], zone, left, shared) for column in range(1, marks + 1))
    return Goodness(float(charge), float(early), charge_map, early_map, scaled[..., 0])


def goodness_of_tracks(residual: np.ndarray, zone: np.ndarray) -> float:
    """Judge whitened charges (events, channels) of tracks by their sums over zones.

    What the light of single events does beyond Poisson differs from event to event: the scatter of the sums between the
    events says how large their mean may be.
    """
    events = len(residual)
    if events < FEWEST_EVENTS:
        return 0.0
    sums = np.stack([np.bincount(zone, row) for row in residual])
    away = sums.mean(axis=0) / (sums.std(axis=0, ddof=1) / np.sqrt(events))
    # Student's t of few events is wider than a normal distribution
    return _deviation((away**2).sum() * (events - 3) / (events - 1), float(sums.shape[1]))


def _map(residual: np.ndarray, zone: np.ndarray, free: float, shared: int) -> float:
    """Chi-square of sums over zones as a deviation of a normal distribution."""
    sizes = np.bincount(zone)
    sums = np.stack([np.bincount(zone, run, len(sizes)) / np.sqrt(sizes) for run in residual])
    degrees = max(sums.size * free - shared, 1.0)
    return _deviation((sums**2).sum(), degrees)


def _deviation(chi_square: float, degrees: float) -> float:
    """A chi-square in standard deviations: its cube root is nearly normal (Wilson and Hilferty)."""
    ratio = np.cbrt(chi_square / degrees) - (1.0 - 2.0 / (9.0 * degrees))
    return float(ratio / np.sqrt(2.0 / (9.0 * degrees)))
