"""One event of several tracks, with all that their common likelihood needs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lampyris.detector import Detector
from lampyris.fit.model import State, TrackModel
from lampyris.fit.newton import Local, covariance_of
from lampyris.fit.objective import Scattered, asked_of, local_of, value_of
from lampyris.fit.parameters import NAMES, SCALES, jacobian, place_step, slipped, with_turn
from lampyris.fit.problem import PLACE, ROUGH_BLUR, Problem, light_spread
from lampyris.fit.result import Fit, make_errors, result_of
from lampyris.fit.settle import Stages, standard_distance
from lampyris.likelihood import Charges, Dispersion
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import Hybrid

SHARED = (1, 2, 3, 6)
"""Numbers of tracks from one vertex that are those of the first: the vertex and its time."""


class Rings(NamedTuple):
    """A point of a fit: the states of all tracks."""

    states: tuple[State, ...]

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks alone."""
        return tuple(state.track for state in self.states)


def places_of(number: int, shared: tuple[int, ...] = SHARED) -> np.ndarray:
    """Where the seven numbers of a track stand among the free ones of all tracks: those it shares are those of the first."""
    alone = [index for index in range(7) if index not in shared]
    places = np.arange(7)
    if number > 0:
        places[alone] = 7 + len(alone) * (number - 1) + np.arange(len(alone))
    return places


class Ties:
    """How a step in the free numbers moves all tracks.

    Free are the seven numbers of the first track, then those of each other one that are not `shared` with it, then the latent
    numbers of all.
    """

    def __init__(self, models: Sequence[TrackModel], shared: tuple[int, ...] = SHARED):
        sizes = [model.size for model in models]
        self.first = np.concatenate([[0], np.cumsum(sizes)])
        self.places = [places_of(number, shared) for number in range(len(models))]
        self.plain = int(self.places[-1].max()) + 1
        latent = self.plain
        self.matrix = np.zeros((sum(sizes), self.plain + sum(sizes) - 7 * len(models)))
        for places, start, size in zip(self.places, self.first, sizes, strict=False):
            rest = np.arange(size - 7)
            self.matrix[start + np.arange(7), places] = 1.0
            self.matrix[start + 7 + rest, latent + rest] = 1.0
            latent += len(rest)

    def of_tracks(self, step: np.ndarray) -> list[np.ndarray]:
        """The steps of all tracks; a short `step` leaves the rest as it is."""
        whole = self.matrix[:, : len(step)] @ step
        return [whole[a:b] for a, b in zip(self.first[:-1], self.first[1:], strict=True)]

    def tied(self, local: Local) -> Local:
        """A quadratic model of all numbers of all tracks as one of the free ones."""
        return local._replace(
            gradient=self.matrix.T @ local.gradient, curvature=self.matrix.T @ local.curvature @ self.matrix
        )


class RingsProblem:
    """As `Problem`, for several tracks, which `shared` numbers tie together: a vertex and its time by default."""

    def __init__(
        self,
        detector: Detector,
        hits: Hits,
        particles: Sequence[str],
        transport: Hybrid | None = None,
        dispersion: Dispersion | None = None,
        shared: tuple[int, ...] = SHARED,
    ):
        self.each = [Problem(detector, hits, particle, transport, dispersion) for particle in particles]
        self.data = self.each[0]
        self.ties = Ties(self.models, shared)
        if dispersion is None:
            # what the light of each track scatters by its energy follows; the total need not
            self.data.dispersion = self.data.dispersion._replace(total=PLACE)

    @property
    def models(self) -> list[TrackModel]:
        """The models of all tracks."""
        return [one.model for one in self.each]

    def start(self, tracks: Sequence[Track]) -> Rings:
        """The state of tracks about whose event nothing is known."""
        return Rings(tuple(model.start(track) for model, track in zip(self.models, tracks, strict=True)))

    def scattered(self, state: Rings) -> tuple[Scattered, ...]:
        """Indirect light of all tracks."""
        return tuple(one.scattered(own) for one, own in zip(self.each, state.states, strict=True))

    def weigh(self, expected: Charges) -> None:
        """Give each channel the dispersion of the charge that is expected now."""
        self.data.weigh(expected)

    def widen(self, width: float) -> bool:
        """Widen the cones of all models by `width` [rad]; whether any has some."""
        had = [one.widen(width) for one in self.each]
        return any(had)

    def learn(self, curvature: np.ndarray) -> None:
        """Average the models over what the curvature leaves open of their latent numbers."""
        ties = self.ties
        whole = ties.matrix @ covariance_of(curvature, slice(None)) @ ties.matrix.T
        for one, first, end in zip(self.each, ties.first[:-1], ties.first[1:], strict=True):
            one.know(whole[first + 7 : end, first + 7 : end])

    def local(self, state: Rings, scattered: tuple[Scattered, ...], blur: float) -> Local:
        """Value, gradient, curvature in the free numbers."""
        data = self.data
        data.evaluations += 1
        seen = data.rough if blur > 0 else data.seen
        return self.ties.tied(
            local_of(data.quadratic(asked_of(self.models, state.states, scattered, seen, data.dispersion, blur)))
        )

    def in_full(self, state: Rings, scattered: tuple[Scattered, ...]) -> float:
        """The log-likelihood in which every channel counts in full."""
        data = self.data
        full = data.dispersion._replace(weight=1.0)
        return value_of(data.value(asked_of(self.models, state.states, scattered, data.seen, full)))

    def rough_local(self, state: Rings, scattered: tuple[Scattered, ...]) -> Local:
        """As `local`, of the numbers of the tracks alone, with times and charges blurred."""
        local, plain = self.local(state, scattered, ROUGH_BLUR), self.ties.plain
        return local._replace(gradient=local.gradient[:plain], curvature=local.curvature[:plain, :plain])

    def move(self, state: Rings, step: np.ndarray) -> Rings | None:
        """The moved state, its energies in the ranges of their profiles, or nothing outside the detector."""
        made = []
        for one, own, part in zip(self.each, state.states, self.ties.of_tracks(step), strict=True):
            moved_one = one.move(own, part)
            if moved_one is None:
                return None
            made.append(moved_one)
        return Rings(tuple(made))

    def distance_moved(self, before: Rings, now: Rings, curvature: np.ndarray) -> float:
        """How far energies and vertices moved, in standard deviations of the fit."""
        away: dict[int, float] = {}
        for number, (a, b) in enumerate(zip(before.tracks, now.tracks, strict=True)):
            away |= dict(zip(self.ties.places[number][:4].tolist(), place_step(a, b).tolist(), strict=True))
        return standard_distance(np.array(list(away.values())), curvature, np.array(list(away)))

    def covariance(self, state: Rings, curvature: np.ndarray) -> np.ndarray:
        """Covariance of the values of all tracks, in the order of the free numbers, from the curvature of the fit.

        The light of each track differs from what its energy makes, and the light about each vertex may slip along its track.
        """
        ties = self.ties
        inverse = covariance_of(curvature, slice(ties.plain))
        turn, more = np.zeros_like(inverse), np.zeros_like(inverse)
        starts = set()
        for one, track, places in zip(self.each, state.tracks, ties.places, strict=True):
            spread = np.hypot(light_spread(one.model, one.profile, track.energy), one.leaving(track))
            inverse[places[0], places[0]] += (spread / SCALES[0]) ** 2
            inverse = with_turn(inverse, one.model.turn(float(track.energy)), places[4:6])
            turn[np.ix_(places, places)] = jacobian(track)
            if places[1] not in starts:
                along = slipped(track, self.data.dispersion.slip)
                more[np.ix_(places, places)] += np.outer(along, along)
            starts.add(places[1])
        return turn @ inverse @ turn.T + more

    def fits(self, stages: Stages) -> tuple[Fit, ...]:
        """The fit of each track, its errors from the information of all."""
        state, local = stages.climb.point, stages.climb.local
        whole = self.covariance(state, local.curvature)
        statistics = {
            "hits": float(np.asarray(self.data.hits.hit).sum()),
            "charge": self.data.charge,
            "iterations": float(stages.fine),
            "rough_iterations": float(stages.rough),
            "evaluations": float(self.data.evaluations),
        }
        found = []
        for one, track, places in zip(self.each, state.tracks, self.ties.places, strict=True):
            own, result = whole[np.ix_(places, places)], result_of(one.at_boundary(track), stages.converged)
            found.append(Fit(track, make_errors(own), own, NAMES, stages.log_likelihood, result, statistics))
        return tuple(found)
