"""Events by Monte Carlo against which predictions are held, and how well totals and chi-squares are known."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from _cases import Case

import lampyris as lp
from lampyris.response import detection_bound


class Counted(NamedTuple):
    """Photoelectrons of one event in every channel."""

    all: np.ndarray
    indirect: np.ndarray
    balance_error: float


def counted(case: Case, key, draw) -> list[Counted]:
    """Some events by Monte Carlo: one is looked at channel by channel, the totals are those of all."""
    return [_event(case.detector, case.event(draw), one, draw) for one in jax.random.split(key, case.events)]


def total_error(mean: float, of_rays: float, counts: list[np.ndarray]) -> tuple[float, float]:
    """By how much a predicted total is off the mean of counted ones, and the standard error of both together [percent]."""
    total = float(np.mean([count.sum() for count in counts]))
    return 100.0 * (mean / total - 1.0), 100.0 * float(np.hypot(np.sqrt(total / len(counts)), of_rays)) / total


def _event(detector, source, key, draw) -> Counted:
    bound = detection_bound(detector.sensors)
    arrivals, balance = lp.MonteCarlo()(source, detector, key=key, keep=bound)
    wavelength = jnp.asarray(arrivals.wavelength)
    chance = np.asarray(detector.sensors.quantum_efficiency(wavelength) / bound(wavelength))
    chance = chance * np.asarray(detector.sensors.acceptance(jnp.asarray(arrivals.cosine)))
    seen = draw.random(len(chance)) < chance
    of = [
        np.bincount(arrivals.channel[some], minlength=detector.sensors.count)
        for some in (seen, seen & ~arrivals.direct)
    ]
    return Counted(*of, balance.error())


def chi_square_error(mean: np.ndarray) -> float:
    """Standard error of the chi-square per channel of counts of these means; infinite for no channels."""
    if not len(mean):
        return float("inf")
    return float(np.sqrt(2.0 / len(mean) + (1.0 / mean).sum() / len(mean) ** 2))
