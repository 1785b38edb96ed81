"""Fits of points that glow in a scintillator: where they start, how they climb, and what they know in the end."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from lampyris._checks import LampyrisError
from lampyris.fit.directions import cone_about
from lampyris.fit.glow import (
    KNOWN,
    Even,
    Rings,
    Slow,
    around_point,
    even_light,
    even_quadratic,
    indirect_glow,
    indirect_rings,
)
from lampyris.fit.glow_profile import Glowing, GlowProfile
from lampyris.fit.glow_weighed import Weighed
from lampyris.fit.model import State, TrackModel
from lampyris.fit.newton import Local, maximise
from lampyris.fit.objective import Asked, local_of
from lampyris.fit.problem import Problem, coarse_transport, energy_of_light, pulled_inside
from lampyris.fit.seed import find_seed
from lampyris.fit.settle import NEAR, Stages, settle
from lampyris.likelihood import Dispersion
from lampyris.source import Track

DIRECTIONS, FEW = 96, 24
"""Directions that are weighed against each other in the end, and while the point is sought."""
WIDE, WORTH, CONES = 3.0, 0.7, 3
"""Opening of the cone of directions, in rms of what is known of the direction; how much narrower it must be than the last one
to be worth another climb, and the most cones."""
INWARDS = 0.85
"""Distance from the middle, over that of the start, of the second start of a climb that ends at the wall."""
TURNS = 3
"""Most evaluations of the indirect light in a climb."""


class GlowProblem(Problem):
    """One event of a point that glows; its states hold place and time of the mean deposit, `KNOWN` is what moves them."""

    place = 0.0
    model: Glowing
    directions: np.ndarray | None = None
    """(n, 3), over which the likelihood is averaged; even Cherenkov light if there are none"""
    rings: Rings | None = None
    """of the first point that is asked for"""

    def described(self, particle: str, model: TrackModel | None) -> tuple[TrackModel, Any]:
        if model is not None:
            raise LampyrisError(
                "`model` must be left out in a medium that scintillates: points of light have one alone."
            )
        profile = GlowProfile.of(particle, self.detector)
        return Glowing(profile), profile

    def leaving(self, track: Track) -> float:
        """None: a particle that glows as a point stops within centimetres."""
        return 0.0

    def scattered(self, state: State) -> Slow:
        own = state.track, self.seen.time - self.detector.sensors.time_offset
        rings = self.rings
        if rings is None:
            rings = self.evaluator.work(indirect_rings, own, self.detector, coarse_transport(self.detector))
            self.rings = rings
        glow, by_time = self.evaluator.work(indirect_glow, own, self.detector, self.transport)
        return Slow(glow, by_time, state.track, rings)

    def move(self, state: State, step: np.ndarray) -> State | None:
        whole = np.zeros(7)
        whole[KNOWN] = step
        return super().move(state, whole)

    def local(self, state: State, scattered: Slow, blur: float) -> Local:
        """Value, gradient and curvature in the numbers `KNOWN`; times are never blurred."""
        self.evaluations += 1
        return self._local(self._asked(state, scattered, self.dispersion))

    def in_full(self, state: State, scattered: Slow) -> float:
        return self._local(self._asked(state, scattered, self.dispersion._replace(weight=1.0))).value

    def weighed(self, state: State, directions: np.ndarray) -> Weighed:
        """The likelihood about a state for each of some directions, with the indirect light of its own."""
        asked = self._asked(state, self.scattered(state), self.dispersion)
        return self._weighed(*self._even(asked), asked, directions)

    def _local(self, asked: Asked) -> Local:
        local, even = self._even(asked)
        return local if self.directions is None else self._weighed(local, even, asked, self.directions).mean

    def _even(self, asked: Asked) -> tuple[Local, Even]:
        even = self.evaluator.work(even_light, asked, self.detector)
        return local_of(self.evaluator.work(even_quadratic, (even, asked.seen, asked.dispersion))), even

    def _weighed(self, local: Local, even: Even, asked: Asked, directions: np.ndarray) -> Weighed:
        # always as many at a time: one function to compile, which fits side by side may share
        parts = [
            self.evaluator.work(around_point, (even, asked, jnp.asarray(part, float)), self.detector)
            for part in np.split(directions, range(FEW, len(directions), FEW))
        ]
        values, gradients = (
            np.concatenate([np.asarray(column, float) for column in columns]) for columns in zip(*parts, strict=True)
        )
        return Weighed(local, directions, values, gradients)

    def _asked(self, state: State, scattered: Slow, dispersion: Dispersion) -> Asked:
        return Asked((self.model,), (state,), (scattered,), self.seen, dispersion.as_arrays(), jnp.zeros(()))

    def beyond(self, track: Track) -> np.ndarray:
        """A single particle leaves its energy beside the mean place."""
        spread = self.profile.away(float(track.energy))
        return np.diag(spread**2 * np.array([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))


def glow_start(problem: Problem) -> Track:
    """The point from times and charges, with the energy that the charge asks for."""
    low, high = problem.profile.energy_range
    seed, energy = find_seed(problem.detector, problem.hits), np.sqrt(low * high)
    position, scattered = pulled_inside(problem, seed.position), None
    for _ in range(2):
        track = Track(problem.particle, energy, position, seed.direction, seed.time)
        state = problem.model.start(track)
        scattered = problem.scattered(state) if scattered is None else scattered
        light = problem.local(state, scattered, 0.0).expected.total.sum()
        energy = float(np.clip(energy_of_light(problem, energy, problem.charge / light), 1.01 * low, 0.99 * high))
    return Track(problem.particle, energy, position, seed.direction, seed.time)


def _further_in(problem: Problem, state: State) -> State:
    """The state of a point nearer to the middle: the first light of slow scintillation puts those near a wall too far out."""
    track = state.track
    return problem.model.start(
        Track(track.particle, track.energy, INWARDS * track.position, track.direction, track.time)
    )


def glow_climb(problem: Problem, state: State) -> Stages:
    """Climb to the point with even Cherenkov light, then with the mean over its directions.

    The cone of directions narrows about those that are likely, as far as the data tell.
    """
    assert isinstance(problem, GlowProblem)
    scattered = problem.scattered(state)
    objective = partial(problem.local, scattered=scattered, blur=0.0)
    problem.weigh(objective(state).expected)
    first = maximise(objective, problem.move, state, tolerance=NEAR)
    if problem.at_boundary(first.point.track):
        again = maximise(objective, problem.move, _further_in(problem, state), tolerance=NEAR)
        first = max(first, again, key=lambda climb: climb.local.value)
    axis, opening = np.array([0.0, 0.0, 1.0]), np.pi
    point, expected = first.point, first.local.expected
    for _ in range(CONES):
        problem.directions = cone_about(axis, opening, FEW)
        stages = settle(problem, point, expected, TURNS)
        point, expected = stages.climb.point, stages.climb.local.expected
        weighed = problem.weighed(point, cone_about(axis, opening, DIRECTIONS))
        axis, before, opening = weighed.axis, opening, min(WIDE * weighed.angle, np.pi)
        if opening > WORTH * before:
            break
    track, covariance = weighed.vertex(point.track, problem.profile)
    local = weighed.mean._replace(gradient=np.zeros(7), curvature=np.linalg.inv(covariance))
    climb = stages.climb._replace(point=problem.model.start(track), local=local)
    return stages._replace(climb=climb, rough=first.iterations)
