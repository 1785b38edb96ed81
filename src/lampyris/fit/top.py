"""The likelihood of an event about the top that a fit has found."""

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.fit.model import State
from lampyris.fit.objective import Scattered
from lampyris.fit.problem import Problem
from lampyris.fit.result import Fit
from lampyris.fit.settle import settle
from lampyris.likelihood import Dispersion
from lampyris.response import Hits
from lampyris.transport import Hybrid


def check_converged(fit: Fit) -> None:
    """Raise `LampyrisError` for a fit that has not converged."""
    if fit.result != "converged":
        raise LampyrisError(f"`fit` must have converged, but is {fit.result!r}.")


def at_the_top(
    detector: Detector, hits: Hits, fit: Fit, transport: Hybrid | None, dispersion: Dispersion | None
) -> tuple[Problem, State, Scattered]:
    """The likelihood of a converged fit, the state at its top with its latent numbers, and the indirect light there.

    A fit keeps the numbers of its track alone; the others are found again.
    """
    check_converged(fit)
    problem = Problem(detector, hits, fit.value.particle, transport, dispersion)
    problem.spread_of(fit.value)
    state = problem.model.start(fit.value)
    expected = problem.local(state, problem.scattered(state), 0.0).expected
    top: State = settle(problem, state, expected).climb.point
    return problem, top, problem.scattered(top)
