"""The tracks of a calibration: found once, fitted anew whenever the detector has moved."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.emission import load_profile
from lampyris.fit.blocks import Blocks, Step
from lampyris.fit.calibration_problem import Problem as Calibrating
from lampyris.fit.calibration_problem import State as Standing
from lampyris.fit.free import Rebuild
from lampyris.fit.goodness import goodness_of_tracks
from lampyris.fit.model import State, model_of
from lampyris.fit.newton import maximise
from lampyris.fit.objective import Scattered
from lampyris.fit.parameters import NAMES
from lampyris.fit.problem import Problem, fine_transport, total_spread
from lampyris.fit.reconstruct import reconstruct
from lampyris.fit.result import Fit, make_errors
from lampyris.fit.settle import CLOSE, STILL
from lampyris.fit.track_score import Asked, TrackPull, track_pull
from lampyris.fit.tracks import Tracks
from lampyris.response import Hits
from lampyris.source import Track

REFRESHES = 3
"""Most evaluations of the indirect light of a track for one step of the detector."""


class Followed(NamedTuple):
    """One event whose track is fitted."""

    number: int
    problem: Problem
    state: State
    scattered: Scattered
    value: float
    """log-likelihood"""


class TrackFits:
    """The events of a calibration. States of tracks are kept as rows of numbers; those of events left out are NaN."""

    def __init__(self, tracks: Tracks, detector: Detector):
        self.tracks, self.hits = tracks, tracks.events()
        spread = float(detector.sensors.charge_spread)
        self.dispersion = model_of(tracks.particle).dispersion._replace(charge_spread=spread)

    def first(self, detector: Detector) -> np.ndarray:
        """States of the tracks from the data alone; an event without a converged fit is left out."""
        if self.tracks.starts is not None:
            model = model_of(self.tracks.particle)
            return np.stack([_row(model.start(track)) for track in self.tracks.starts])
        rows = [self._find(detector, hits) for hits in self.hits]
        width = max(len(row) for row in rows)
        if width == 0:
            raise LampyrisError("`tracks` must hold an event whose track can be found, but no fit of any converged.")
        return np.stack([row if len(row) else np.full(width, np.nan) for row in rows])

    def _find(self, detector: Detector, hits: Hits) -> np.ndarray:
        found = reconstruct(detector, hits, particle=self.tracks.particle, transport=fine_transport(detector))
        if found.result != "converged":
            return np.zeros(0)
        return _row(model_of(self.tracks.particle).start(found.value))

    def _problem(self, detector: Detector, hits: Hits, energy: Array) -> Problem:
        particle = self.tracks.particle
        spread = total_spread(model_of(particle), load_profile(particle), energy)
        dispersion = self.dispersion._replace(total=spread)
        return Problem(detector, hits, particle, fine_transport(detector), dispersion)

    def refit(self, detector: Detector, rows: np.ndarray) -> list[Followed]:
        """Fit all tracks again, from where they were."""
        kept = np.flatnonzero(np.isfinite(rows).all(axis=1))
        return [self._refit(detector, int(number), rows[number]) for number in kept]

    def _refit(self, detector: Detector, number: int, row: np.ndarray) -> Followed:
        state = _state(self.tracks.particle, row)
        problem = self._problem(detector, self.hits[number], state.track.energy)
        scattered = problem.scattered(state)
        expected, missing, value = problem.local(state, scattered, 0.0).expected, None, np.nan
        for _ in range(REFRESHES):
            problem.weigh(expected)
            climb = maximise(
                partial(problem.local, scattered=scattered, blur=0.0),
                problem.move,
                state,
                tolerance=CLOSE,
                missing=missing,
            )
            before, state, missing = state, climb.point, climb.missing
            expected, value = climb.local.expected, climb.local.value
            scattered = problem.scattered(state)
            if problem.distance_moved(before, state, climb.local.curvature) < STILL:
                break
        return Followed(number, problem, state, scattered, value)

    def rows(self, followed: list[Followed]) -> np.ndarray:
        """States as rows of numbers."""
        made = {one.number: _row(one.state) for one in followed}
        nothing = np.full(len(next(iter(made.values()))), np.nan)
        return np.stack([made.get(number, nothing) for number in range(len(self.hits))])

    def pulls(self, problem: Calibrating, standing: Standing, followed: list[Followed]) -> list[TrackPull]:
        """Equations of all events."""
        rebuild, theta = Rebuild(problem.free_at(standing)), jnp.asarray(standing.theta, float)
        return [
            track_pull(
                Asked(one.problem.model, rebuild, theta, one.problem.transport),
                one.state,
                one.scattered,
                one.problem.seen,
                one.problem.dispersion,
            )
            for one in followed
        ]

    def goodness(self, pulls: list[TrackPull], followed: list[Followed], zone: np.ndarray) -> float:
        """How well the charges of all tracks fit, summed over zones."""
        charge = np.stack([np.asarray(one.problem.hits.charge, float) for one in followed])
        gain = np.asarray(followed[0].problem.detector.sensors.gain, float)
        expected = np.stack([pull.expected for pull in pulls])
        expected *= (charge.sum(axis=1) / (expected * gain).sum(axis=1))[:, None]
        return goodness_of_tracks((charge / gain - expected) / np.sqrt([pull.variance for pull in pulls]), zone)


def track_places(free: int, shared: int, number: int, pull: TrackPull) -> np.ndarray:
    """Columns of the parameters of an event: those of the detector, and its own behind all shared ones."""
    own = pull.gradient.size - free
    return np.r_[np.arange(free), shared + own * number + np.arange(own)]


def add_tracks(lamps: Blocks, pulls: list[TrackPull], free: int) -> Blocks:
    """Equations with those of the tracks."""
    shared = len(lamps.shared_gradient)
    whole = lamps.extended(sum(pull.gradient.size - free for pull in pulls))
    for number, pull in enumerate(pulls):
        at = track_places(free, shared, number, pull)
        whole.inform(at, pull.gradient, pull.information)
        if whole.own.shape[1]:
            whole.inform_of_channels(at, pull.own_gradient, pull.own, pull.mixed)
    return whole


def track_fits(followed: list[Followed], step: Step) -> dict[int, Fit]:
    """What is known of each track, by the number of its event; errors hold those of the detector."""
    own = len(step.of_tracks) // max(len(followed), 1)
    places = [slice(own * index, own * (index + 1)) for index in range(len(followed))]
    return {one.number: _fit(one, step.of_tracks[at, at]) for one, at in zip(followed, places, strict=True)}


def _fit(one: Followed, covariance: np.ndarray) -> Fit:
    track, problem = one.state.track, one.problem
    whole = problem.covariance(track, covariance)
    return Fit(track, make_errors(whole), whole, NAMES, one.value, "converged", {"charge": problem.charge})


def _row(state: State) -> np.ndarray:
    """A state as numbers: energy, place, direction, time, latent numbers."""
    track = state.track
    parts = (track.energy, track.position, track.direction, track.time, state.latent)
    return np.concatenate([np.asarray(part, float).ravel() for part in parts])


def _state(particle: str, row: np.ndarray) -> State:
    return State(Track(particle, row[0], row[1:4], row[4:7], row[7]), jnp.asarray(row[8:], float))
