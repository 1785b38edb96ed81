"""The last stage of a fit: cones that are wide at first lead to the highest of many tops."""

from typing import NamedTuple

import numpy as np
import pytest

from lampyris.fit.newton import Local
from lampyris.fit.reconstruct import RIDGE, _over_the_ridge
from lampyris.fit.settle import CLOSE, settle
from lampyris.likelihood import Charges

TOP, APART, RIPPLE = 3.0, 2.0, 4.0
NOTHING = Charges(np.zeros(0), np.zeros(0))


class Place(NamedTuple):
    """A state of one number."""

    track: float

    @classmethod
    def start(cls, track):
        return cls(track)


START = Place(-1.0)


class Rippled:
    """One number whose likelihood has tops `APART` from each other, the highest at `TOP`; wide cones smooth the ripples.

    From one top to the next the likelihood falls `steep` times as fast as from the middle of a normal distribution.
    """

    model = Place

    def __init__(self, smooths=True, steep=1.0):
        self.smooths, self.steep, self.width, self.widths = smooths, steep, 0.0, []

    def widen(self, width):
        self.width = width if self.smooths else 0.0
        return self.smooths

    def local(self, state, scattered, blur):
        if not self.widths or self.widths[-1] != self.width:
            self.widths.append(self.width)
        height = RIPPLE * np.exp(-0.5 * (20.0 * 2.0 * np.pi * self.width) ** 2)
        turn = 2.0 * np.pi / APART
        away = state.track - TOP
        value = -0.5 * self.steep * away**2 + height * np.cos(turn * away)
        slope = -self.steep * away - turn * height * np.sin(turn * away)
        return Local(value, np.array([slope]), np.eye(1) * (self.steep + turn**2 * height), NOTHING)

    def move(self, state, step):
        return Place(state.track + step[0])

    def scattered(self, state):
        return None

    def weigh(self, expected):
        pass

    def learn(self, curvature):
        pass

    def in_full(self, state, scattered):
        return self.local(state, scattered, 0.0).value

    def distance_moved(self, before, now, curvature):
        return float(np.sqrt(curvature[0, 0]) * abs(now.track - before.track))


def test_wide_cones_find_the_highest_top_and_end_sharp():
    problem = Rippled()
    stages = settle(problem, START, NOTHING, widths=(0.03,))
    assert stages.converged
    # within the gain that a climb leaves, in units of the width of the top
    assert abs(stages.climb.point.track - TOP) < np.sqrt(2.0 * CLOSE / (1.0 + (2.0 * np.pi / APART) ** 2 * RIPPLE))
    assert problem.widths[0] > 0.0
    assert problem.widths[-1] == 0.0


@pytest.mark.parametrize("widths", [(), (0.03,)])
def test_sharp_cones_alone_stay_at_the_nearest_top(widths):
    """Without widths, or with a model that has no cones to widen, each top is an end."""
    problem = Rippled(smooths=not widths)
    stages = settle(problem, START, NOTHING, widths=widths)
    assert stages.converged
    assert stages.climb.point.track == pytest.approx(START.track, abs=0.5 * APART)
    assert problem.widths == [0.0]


def test_several_widths_are_climbed_one_after_the_other():
    problem = Rippled()
    assert settle(problem, START, NOTHING, widths=(0.06, 0.02)).converged
    assert problem.widths == [0.06, 0.02, 0.0]


@pytest.mark.parametrize("steep", [1.0, 3.0])
def test_a_top_over_the_ridge_is_taken_where_it_is_much_higher(steep):
    problem = Rippled(steep=steep)
    stuck = settle(problem, START, NOTHING)
    higher = 0.5 * steep * (START.track - TOP) ** 2
    assert (higher > 1.2 * RIDGE) == (steep > 2.0)
    other = _over_the_ridge(problem, stuck)
    if steep < 2.0:
        assert other is stuck
    else:
        assert other.converged
        assert other.climb.local.value - stuck.climb.local.value == pytest.approx(higher, rel=0.2)


def test_a_model_without_cones_has_no_other_top():
    problem = Rippled(smooths=False, steep=3.0)
    stuck = settle(problem, START, NOTHING)
    assert _over_the_ridge(problem, stuck) is stuck
