"""The last stage of a fit: the likelihood itself, with indirect light that follows the tracks."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from lampyris.fit.newton import Climb, Local, maximise
from lampyris.likelihood import Charges

REFRESHES = 10
"""Most evaluations of the indirect light."""
NEAR, CLOSE = 1.0, 0.02
"""Gains of the log-likelihood that are left to the next evaluation of the indirect light, and undone."""
STILL = 0.2
"""Move of a track, in standard deviations, below which its indirect light need not be evaluated anew: what `CLOSE` leaves."""


class Stages(NamedTuple):
    """How a fit went: where it ended, whether it converged, and its iterations in both stages."""

    climb: Climb
    converged: bool
    rough: int
    fine: int
    log_likelihood: float
    """in which every channel counts in full"""
    scattered: Any = None
    """indirect light at the end"""


class Settling(Protocol):
    """What is fitted, one track or several."""

    def scattered(self, state: Any) -> Any:
        """Indirect light at a state."""
        ...

    def weigh(self, expected: Charges) -> None:
        """Give the channels the weights of the charges that are expected."""
        ...

    def widen(self, width: float) -> bool:
        """Widen the cones of light by an rms [rad]; whether there are any that can be."""
        ...

    def learn(self, curvature: np.ndarray) -> None:
        """Take from the curvature of a climb how well the latent numbers are known."""
        ...

    def local(self, state: Any, scattered: Any, blur: float) -> Local:
        """The likelihood about a state."""
        ...

    def in_full(self, state: Any, scattered: Any) -> float:
        """The log-likelihood in which every channel counts in full."""
        ...

    def move(self, state: Any, step: np.ndarray) -> Any | None:
        """The moved state, or nothing where it must not go."""
        ...

    def distance_moved(self, before: Any, now: Any, curvature: np.ndarray) -> float:
        """How far the light has moved, in standard deviations."""
        ...


def settle(
    problem: Settling,
    state: Any,
    expected: Charges,
    refreshes: int = REFRESHES,
    widths: Sequence[float] = (),
    near: float = NEAR,
    scattered: Any = None,
) -> Stages:
    """Climb the likelihood from a state, its indirect light evaluated anew until the track stands still.

    `expected` are the charges by which the channels are weighed at first, `refreshes` the most evaluations of the light, `near`
    the gain that a climb before the first of them leaves undone, `scattered` the light at the state if it is known: without
    refreshes it is that of the whole climb.
    A sharp ring that turns has a top for every joint at which it may have turned. With cones widened by `widths` [rad] they melt
    into one, from which the climb goes on with sharp ones.
    """
    fine, missing, last = 0, None, None
    passes = [(near, width) for width in (*widths, 0.0)] + [(CLOSE, 0.0)] * refreshes
    for tolerance, width in passes:
        if not problem.widen(width) and width:
            continue  # nothing to widen
        if last is not None:
            problem.learn(last.curvature)
        if scattered is None or (last is not None and not width and refreshes):
            scattered = problem.scattered(state)  # wide cones are too rough for more
        problem.weigh(expected)
        objective = partial(problem.local, scattered=scattered, blur=0.0)
        climb = maximise(objective, problem.move, state, tolerance=tolerance, missing=missing)
        still = problem.distance_moved(state, climb.point, climb.local.curvature) < STILL
        fine, missing, state, last = fine + climb.iterations, climb.missing, climb.point, climb.local
        expected = last.expected
        converged = climb.converged and tolerance == CLOSE and still
        if converged:
            break
    return Stages(climb, converged, 0, fine, problem.in_full(state, scattered), scattered)


def standard_distance(away: np.ndarray, curvature: np.ndarray, places: np.ndarray) -> float:
    """Length of a change of the parameters at `places`, in standard deviations; infinite where too little is known."""
    if np.linalg.matrix_rank(curvature, hermitian=True) < len(curvature):
        return np.inf
    covariance = np.linalg.inv(curvature)[np.ix_(places, places)]
    return float(np.sqrt(max(away @ np.linalg.solve(covariance, away), 0.0)))
