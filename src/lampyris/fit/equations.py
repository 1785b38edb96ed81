"""All equations of a step of a calibration: those of the lamps and those of the tracks."""

from typing import NamedTuple

import numpy as np

from lampyris.fit.blocks import Blocks, Step, solve
from lampyris.fit.calibration_problem import Problem
from lampyris.fit.calibration_step import ROUGH, Prepared, measure
from lampyris.fit.checkpoint import Standing
from lampyris.fit.flash_score import Pull
from lampyris.fit.track_fits import Followed, TrackFits, add_tracks, track_places
from lampyris.fit.track_score import TrackPull

FEWEST_EVENTS = 16
"""Tracks below which their scatter is too uncertain to make errors of."""


class Equations(NamedTuple):
    """Equations at a state of a calibration."""

    free: int
    """parameters of the detector that all share"""
    lamps: Blocks
    whole: Blocks
    pulls: list[Pull]
    effective: list[float]
    """effective number of deposits of each run"""
    weights: list[float]
    """photoelectrons of a typical path of each run"""
    followed: list[Followed]
    track_pulls: list[TrackPull]

    def solution(self) -> Step:
        """The step, with the errors that the scatter of the tracks shows.

        How much a single muon differs from what a fit can describe is known roughly, and what it says of the detector
        with it. The covariance of the shared parameters is therefore made of the scores of the events themselves,
        between two inverses of the expected information.
        """
        step = solve(self.whole)
        if len(self.track_pulls) < FEWEST_EVENTS:
            return step
        answer = step.answer
        score = self.lamps.score
        covariance = answer.spread(score.shared, score.mixed, score.own) + step.path_noise
        for number, pull in enumerate(self.track_pulls):
            places = track_places(self.free, len(self.lamps.shared_gradient), number, pull)
            moves = answer.shared[:, places] @ pull.gradient
            if answer.own.shape[2]:
                moves = moves + np.einsum("cs,c->s", answer.own[..., 0], pull.own_gradient)
            covariance += np.outer(moves, moves)
        return step._replace(covariance=covariance)


def equations(problem: Problem, standing: Standing, prepared: list[Prepared], fits: TrackFits | None) -> Equations:
    """Equations of lamps at the state of a calibration, and of the tracks once the lamps have told what they can."""
    lamps, pulls, effective, weights = measure(problem, standing.state, prepared, standing.stage)
    if fits is None or standing.stage == ROUGH:
        return Equations(problem.free.count, lamps, lamps, pulls, effective, weights, [], [])
    detector = problem.detector_at(standing.state)
    rows = standing.tracks if standing.tracks.size else fits.first(detector)
    followed = fits.refit(detector, rows)
    tracked = fits.pulls(problem, standing.state, followed)
    whole = add_tracks(lamps, tracked, problem.free.count)
    return Equations(problem.free.count, lamps, whole, pulls, effective, weights, followed, tracked)
