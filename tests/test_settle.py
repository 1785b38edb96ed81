"""The last stage of a fit: cones that are wide at first lead to the highest of many tops."""

import numpy as np
import pytest

from lampyris.fit.newton import Local
from lampyris.fit.settle import CLOSE, settle
from lampyris.likelihood import Charges

TOP, APART, RIPPLE, START = 3.0, 2.0, 4.0, np.array([-1.0])
NOTHING = Charges(np.zeros(0), np.zeros(0))


class Rippled:
    """One number whose likelihood has tops `APART` from each other, the highest at `TOP`; wide cones smooth the ripples."""

    def __init__(self, smooths=True):
        self.smooths, self.width, self.widths = smooths, 0.0, []

    def widen(self, width):
        self.width = width if self.smooths else 0.0
        return self.smooths

    def local(self, state, scattered, blur):
        if not self.widths or self.widths[-1] != self.width:
            self.widths.append(self.width)
        height = RIPPLE * np.exp(-0.5 * (20.0 * 2.0 * np.pi * self.width) ** 2)
        turn = 2.0 * np.pi / APART
        phase = turn * (state[0] - TOP)
        value = -0.5 * (state[0] - TOP) ** 2 + height * np.cos(phase)
        slope = -(state[0] - TOP) - turn * height * np.sin(phase)
        return Local(value, np.array([slope]), np.eye(1) * (1.0 + turn**2 * height), NOTHING)

    def move(self, state, step):
        return state + step

    def scattered(self, state):
        return None

    def weigh(self, expected):
        pass

    def learn(self, curvature):
        pass

    def in_full(self, state, scattered):
        return self.local(state, scattered, 0.0).value

    def distance_moved(self, before, now, curvature):
        return float(np.sqrt(curvature[0, 0]) * abs(now - before)[0])


def test_wide_cones_find_the_highest_top_and_end_sharp():
    problem = Rippled()
    stages = settle(problem, START, NOTHING, widths=(0.03,))
    assert stages.converged
    # within the gain that a climb leaves, in units of the width of the top
    assert abs(stages.climb.point[0] - TOP) < np.sqrt(2.0 * CLOSE / (1.0 + (2.0 * np.pi / APART) ** 2 * RIPPLE))
    assert problem.widths[0] > 0.0
    assert problem.widths[-1] == 0.0


@pytest.mark.parametrize("widths", [(), (0.03,)])
def test_sharp_cones_alone_stay_at_the_nearest_top(widths):
    """Without widths, or with a model that has no cones to widen, each top is an end."""
    problem = Rippled(smooths=not widths)
    stages = settle(problem, START, NOTHING, widths=widths)
    assert stages.converged
    assert stages.climb.point[0] == pytest.approx(START[0], abs=0.5 * APART)
    assert problem.widths == [0.0]


def test_several_widths_are_climbed_one_after_the_other():
    problem = Rippled()
    assert settle(problem, START, NOTHING, widths=(0.06, 0.02)).converged
    assert problem.widths == [0.06, 0.02, 0.0]
