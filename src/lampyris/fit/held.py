"""What the data say of the numbers that a calibration holds: whether they ask for other values."""

from dataclasses import replace

import numpy as np

from lampyris.fit.blocks import solve
from lampyris.fit.calibration import Held
from lampyris.fit.calibration_problem import Problem
from lampyris.fit.calibration_result import OPEN, shared_values
from lampyris.fit.calibration_step import ROUGH, Prepared, measure
from lampyris.fit.checkpoint import Standing


def held_numbers(problem: Problem, standing: Standing, prepared: list[Prepared]) -> tuple[Held, ...]:
    """Score tests at the end of a fit: for each number that was held, one step of it together with the free ones.

    Numbers that the data cannot tell from the free ones, or not at all, are left out.
    """
    if standing.stage == ROUGH or not problem.runs:
        return ()
    free = problem.free.with_held()
    first, count = problem.free.count, free.count
    wider = replace(problem, free=free)
    state = standing.state._replace(theta=np.append(standing.state.theta, np.zeros(count - first)))
    blocks = measure(wider, state, prepared, standing.stage)[0]
    values, slopes = shared_values(wider, state)
    rest = np.arange(count, count + len(problem.solved))
    told = []
    for place in range(first, count):
        step = solve(blocks.only(np.r_[:first, place, rest]))
        error = float(np.sqrt(step.covariance[first, first]))
        if not error < OPEN:
            continue
        theta = state.theta.copy()
        theta[place] += step.shared[first]
        asked = float(shared_values(wider, state._replace(theta=theta))[0][place])
        number, pull = free.numbers[place], float(step.shared[first]) / error
        told.append(
            Held(free.names[place], float(values[place]), asked, float(error * abs(slopes[place])), pull, number.unit)
        )
    return tuple(told)
