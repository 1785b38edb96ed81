"""How well a calibrated model describes the data, channel by channel and in maps."""

import numpy as np

from lampyris.fit.calibration import Goodness
from lampyris.fit.flash_score import Pull


def goodness_of(pulls: list[Pull], zone: np.ndarray, charge_spread: float, own: int, shared: int) -> Goodness:
    """Judge the whitened residuals of all runs; `own` and `shared` are the numbers of fitted parameters.

    Charges of channels: chi-square, with the fourth moment of compound Poisson counts. Times: the same sum, its spread
    taken from the channels themselves. Maps: residuals summed over zones, which shot noise leaves small.
    """
    scaled = np.stack([p.residual for p in pulls])
    expected = np.stack([p.expected for p in pulls])
    runs, channels = scaled.shape[:2]
    free = max(runs - own, 1) / runs
    squares = (1.0 + charge_spread**2) * (1.0 + 2.0 * charge_spread**2) * (1.0 + 3.0 * charge_spread**2)
    fourth = squares / (1.0 + charge_spread**2) ** 2 / np.maximum(expected, 1e-3)
    charge = ((scaled[..., 0] ** 2).sum() - runs * channels * free) / np.sqrt((2.0 + fourth).sum())
    maps = [_map(scaled[..., column], zone, free, shared) for column in range(scaled.shape[2])]
    if scaled.shape[2] == 1:
        return Goodness(float(charge), 0.0, maps[0], 0.0, scaled[..., 0])
    times = (scaled[..., 1:] ** 2).sum(axis=2)
    early = (times - (scaled.shape[2] - 1) * free).mean() / (times.std() / np.sqrt(times.size))
    return Goodness(float(charge), float(early), maps[0], max(maps[1:]), scaled[..., 0])


def _map(residual: np.ndarray, zone: np.ndarray, free: float, shared: int) -> float:
    """Chi-square of sums over zones as a deviation of a normal distribution."""
    sizes = np.bincount(zone)
    sums = np.stack([np.bincount(zone, run, len(sizes)) / np.sqrt(sizes) for run in residual])
    degrees = max(sums.size * free - shared, 1.0)
    # the cube root of a chi-square is nearly normal (Wilson and Hilferty)
    ratio = np.cbrt((sums**2).sum() / degrees) - (1.0 - 2.0 / (9.0 * degrees))
    return float(ratio / np.sqrt(2.0 / (9.0 * degrees)))
