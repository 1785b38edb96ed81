"""Errors of a fit to either side: where the likelihood has fallen by a half while all other numbers follow."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.fit.newton import Local, maximise
from lampyris.fit.parameters import NAMES, SCALES, slipped
from lampyris.fit.result import Fit
from lampyris.fit.top import at_the_top
from lampyris.likelihood import Dispersion
from lampyris.response import Hits
from lampyris.transport import Hybrid

DROP = 0.5
"""Fall of the log-likelihood at one standard deviation."""
EXACT = 0.02
"""Difference of the fall from `DROP` that does not matter: two percent of the error."""
ROUNDS = 6
"""Most places that are tried on either side."""
KNOWN = ("energy", "x", "y", "z", "time")


class Interval(NamedTuple):
    """Distances to both ends, in the unit of the number; infinite where the edge of what is allowed comes first."""

    minus: float
    plus: float


def profile_errors(
    detector: Detector,
    hits: Hits,
    fit: Fit,
    names: Sequence[str] = KNOWN,
    *,
    transport: Hybrid | None = None,
    dispersion: Dispersion | None = None,
) -> dict[str, Interval]:
    """Errors of a converged fit by the profile likelihood: energy [MeV], x, y, z [m], time [ns].

    One number is held away from its best value, all others climb, the latent ones of the event with them, and the ends of
    the interval are where the log-likelihood has fallen by 1/2. Where the likelihood is a parabola these are the errors of
    the covariance; each name costs a few dozen evaluations. What no likelihood knows, the slip of the light along the track,
    is added as in the covariance. `transport` and `dispersion` must be those of the fit.

    **Reference**: F. James, Statistical Methods in Experimental Physics, section 9.3 (World Scientific, 2006).

    Raises `LampyrisError` for a fit that has not converged and for names that it does not know.
    """
    for name in names:
        if name not in KNOWN:
            raise LampyrisError(f"`names` must be of {', '.join(KNOWN)}, but hold {name!r}.")
    problem, state, scattered = at_the_top(detector, hits, fit, transport, dispersion)
    objective = partial(problem.local, scattered=scattered, blur=0.0)
    found = {}
    for name in names:
        index = NAMES.index(name)
        reach = profile_interval(objective, problem.move, state, index)
        found[name] = _in_units(reach, index, fit, problem.dispersion.slip)
    return found


def profile_interval(
    objective: Callable[[Any], Local], move: Callable[[Any, np.ndarray], Any | None], top: Any, index: int
) -> Interval:
    """Both ends of the interval of one parameter about the `top` of an objective, in units of a step."""
    local = objective(top)
    covariance = np.linalg.inv(local.curvature)
    size, way = np.sqrt(covariance[index, index]), covariance[:, index] / covariance[index, index]

    def held(point: Any) -> Local:
        there = objective(point)
        smaller = np.delete(np.delete(there.curvature, index, axis=0), index, axis=1)
        return there._replace(gradient=np.delete(there.gradient, index), curvature=smaller)

    def fall(reach: float) -> float:
        point = move(top, way * reach)
        if point is None:
            return np.inf
        climb = maximise(held, lambda p, step: move(p, np.insert(step, index, 0.0)), point, tolerance=0.1 * EXACT)
        return local.value - climb.local.value

    return Interval(-_end(fall, -size), _end(fall, size))


def _end(fall: Callable[[float], float], reach: float) -> float:
    """How far, from a guess, one goes for a fall by `DROP`; infinite where an infinite fall, the edge, comes first."""
    for _ in range(ROUNDS):
        drop = fall(reach)
        if np.isinf(drop):
            return float(np.copysign(np.inf, reach))
        if abs(drop - DROP) < EXACT:
            break
        reach *= float(np.clip(np.sqrt(DROP / max(drop, 1e-3)), 0.5, 2.0))
    return reach


def _in_units(reach: Interval, index: int, fit: Fit, slip: float) -> Interval:
    """An interval in the unit of its number, with the slip of the light along the track."""
    if index == 0:
        energy = float(fit.value.energy)
        return Interval(
            *(energy * abs(np.expm1(side * end * SCALES[0])) for side, end in zip((-1, 1), reach, strict=True))
        )
    own = slipped(fit.value, slip)[index]
    return Interval(*(float(np.hypot(end * SCALES[index], own)) for end in reach))
