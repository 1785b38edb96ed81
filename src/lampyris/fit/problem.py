"""One event with all that its likelihood needs, and the moves that a fit may make."""

from functools import lru_cache
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from lampyris._checks import LampyrisError
from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.emission import TrackProfile, load_profile
from lampyris.fit.leak import leak_spread
from lampyris.fit.model import State, TrackModel, model_of
from lampyris.fit.newton import Local, covariance_of
from lampyris.fit.objective import Asked, Evaluator, Value, asked_of, local_of, value_of
from lampyris.fit.parameters import SCALES, jacobian, place_step, slipped, with_turn
from lampyris.fit.settle import standard_distance
from lampyris.likelihood import Charges, Dispersion, Quadratic, observe
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import Hybrid

MARGIN = 0.05
"""Closest that a vertex may come to the wall [m]."""
ROUGH_BLUR = 3.0
"""Further spread of the times in the first stage [ns]."""
ROUGH_DISPERSION = 0.4
"""Relative rms of the charges in the first stage."""
PLACE = 0.007
"""Relative rms of predicted totals about the true mean of an event: how much of a sharp ring falls between the sensors depends
on every bend (40 muons of 1 GeV in SK: .006 +- .001 with fitted bends, .009 as if they were straight)."""
RAYS, MANY_RAYS = (2**13, 2**15, 2**15), (2**18, 2**18, 2**16)
"""Rays of fits in all, for light that scatters once, and for mirrored light; noise in SK is .2 % of the variance of counting."""
BRIGHT = 1.0
"""Photoelectrons of the channels that tell how rough an event is."""


def fine_transport(detector: Detector) -> Hybrid:
    """The light of fits: mirror images are resolved to about a sensor's distance from the next, as a fit needs no derivatives.

    Smaller cells would only have more noise. Scintillation wants more rays: half of its light may be indirect, and the lean
    that Cherenkov light gives it is a percent.
    """
    rays = RAYS if detector.medium.scintillation is None else MANY_RAYS
    return _resolving(_cells(detector), *rays)


def coarse_transport(detector: Detector) -> Hybrid:
    """As `fine_transport`, for light that is little."""
    return _resolving(_cells(detector), *RAYS)


def _cells(detector: Detector) -> int:
    between = np.sqrt(float(detector.shape.area()) / detector.sensors.count)
    across = 2.0 * float(np.max(np.asarray(detector.shape.half_extent())))
    return int(np.clip(round(across / (0.8 * between)), 8, 64))


@lru_cache(maxsize=8)
def _resolving(cells: int, rays: int, scatter_rays: int, mirror_rays: int) -> Hybrid:
    return Hybrid(rays=rays, mirror_rays=mirror_rays, cells=cells, scatter_rays=scatter_rays, mirror_points=0)


def total_spread(model: TrackModel, profile: TrackProfile, energy: Array, place: float = PLACE) -> float:
    """Relative rms of the total light of particles of an energy about its prediction, which is off by `place`."""
    return float(np.hypot(light_spread(model, profile, energy), place))


def light_spread(model: TrackModel, profile: TrackProfile, energy: Array) -> float:
    """Relative rms of the light that particles of an energy make beside what the latent numbers of a model tell."""
    return model.untold * float(profile.photons_rms(energy) / profile.photons(energy))


def may_start(detector: Detector, points: np.ndarray) -> np.ndarray:
    """Which of some points are far enough inside for a vertex to start from."""
    return np.asarray(on_host(detector.shape.signed_distance, points)) > 2.0 * MARGIN


def check_light(detector: Detector, particle: str) -> None:
    """Raise `LampyrisError` where tracks of a particle cannot be fitted: in scintillators and away from plain water."""
    profile = load_profile(particle)
    if detector.medium.scintillation is not None:
        raise LampyrisError(
            f"Tracks are fitted by their Cherenkov light alone, but the medium of {detector.name or 'the detector'} scintillates."
        )
    profile.check_medium(detector.medium)


def energy_of_light(problem: "Problem", energy: float, ratio: float) -> float:
    """The energy at which a track gives `ratio` times the light of a track of `energy`, within the profile's range."""
    low, high = problem.profile.energy_range
    grid = np.geomspace(low, high, 200)
    light = on_host(problem.profile.photons, grid)
    wanted = ratio * np.interp(energy, grid, light)
    return float(np.interp(wanted, light, grid))


def pulled_inside(problem: "Problem", position: np.ndarray) -> np.ndarray:
    """The position, moved towards the middle of the detector until it is inside."""
    for share in np.linspace(1.0, 0.0, 11):
        if problem.room(share * position) > 2.0 * MARGIN:
            break
    return share * position


_stepped = eqx.filter_jit(lambda model, state, step: model.step(state, step))


class Problem:
    """One event; counts evaluations. `blur` [ns] above 0 asks for the rough likelihood of the first stage."""

    place: ClassVar[float] = PLACE
    """relative rms of predicted totals about true ones"""

    def __init__(
        self,
        detector: Detector,
        hits: Hits,
        particle: str,
        transport: Hybrid | None = None,
        dispersion: Dispersion | None = None,
        model: TrackModel | None = None,
        evaluator: Evaluator | None = None,
    ):
        self.detector, self.transport = detector, fine_transport(detector) if transport is None else transport
        self.evaluator = Evaluator(detector, self.transport) if evaluator is None else evaluator
        self.model, self.profile = self.described(particle, model)
        charge_spread = float(detector.sensors.charge_spread)
        known = self.model.dispersion._replace(charge_spread=charge_spread)
        self.dispersion = known if dispersion is None else dispersion
        self.adapts = dispersion is None
        self.hits, self.particle = hits, particle
        self.seen = self.rough = observe(hits, detector.sensors, ROUGH_DISPERSION)
        self.charge = float(self.seen.charge)
        self.evaluations = 0

    def described(self, particle: str, model: TrackModel | None) -> tuple[TrackModel, Any]:
        """How the light of a particle is described, unless a `model` says so, and how it depends on the energy.

        Raises `LampyrisError` where the particle cannot be fitted in this detector.
        """
        check_light(self.detector, particle)
        return model_of(particle) if model is None else model, load_profile(particle)

    def spread_of(self, track: Track) -> None:
        """Take the spread of the total light of such tracks: that of all their light, what leaves, and predictions.

        A dispersion that was given stays as it is.
        """
        if not self.adapts:
            return
        own = total_spread(self.model, self.profile, track.energy, self.place)
        self.dispersion = self.dispersion._replace(total=float(np.hypot(own, self.leaving(track))))

    def leaving(self, track: Track) -> float:
        """Relative rms of the light of a track by what leaves the detector."""
        return leak_spread(self.profile, self.detector.shape, track)

    def scattered(self, state: State) -> Any:
        """Indirect light of the track of a state."""
        return self.evaluator.scattered(state.track)

    def quadratic(self, asked: Asked) -> Quadratic:
        """The log-likelihood with its derivatives."""
        return self.evaluator.quadratic(asked)

    def beyond(self, track: Track) -> np.ndarray:
        """Covariance (7, 7) of the values of a fitted track that no likelihood knows of.

        The light may start ahead of the vertex along the track, and as much later, by the slip of the dispersion.
        """
        along = slipped(track, self.dispersion.slip)
        return np.outer(along, along)

    def covariance(self, track: Track, steps: np.ndarray) -> np.ndarray:
        """Covariance of the values of a track from that of its steps, with what is beyond the likelihood."""
        slopes = jacobian(track)
        open_steps = with_turn(steps[:7, :7], self.model.turn(float(track.energy)))
        return slopes @ open_steps @ slopes.T + self.beyond(track)

    def weigh(self, expected: Charges) -> None:
        """Give each channel the dispersion of the charge that is expected now."""
        if self.adapts:
            self.dispersion = self.dispersion._replace(channel=self._roughness(expected))
        self.seen = observe(self.hits, self.detector.sensors, self.dispersion.relative(expected))

    def widen(self, width: float) -> bool:
        """Widen the cones of the model by `width` [rad], 0 for sharp ones; whether it has any that can be."""
        before, self.model = self.model, self.model.widened(width)
        return self.model is not before

    def learn(self, curvature: np.ndarray) -> None:
        """Average the model over what the curvature leaves open of its latent numbers."""
        self.know(covariance_of(curvature, slice(7, None)))

    def know(self, covariance: np.ndarray) -> None:
        """Average the model over latent numbers that are known to a covariance; nothing changes if it is none."""
        if np.isfinite(covariance).all():
            self.model = self.model.known_to(covariance)

    def _roughness(self, expected: Charges) -> float:
        """Relative rms of the direct charges of bright channels about an expectation, beyond counting and clumps.

        Events differ in it: one electron's ring is smooth, another's is broken. It is never taken below that of the model,
        and never above that of the rough stage.
        """
        scale = self.charge / expected.total.sum()
        mean, direct = expected.total * scale, expected.direct * scale
        bright = mean > BRIGHT
        counting = (1.0 + self.dispersion.charge_spread**2) * mean + self.dispersion.clumps * direct
        away = np.where(np.asarray(self.hits.hit), np.asarray(self.hits.charge, float), 0.0) - mean
        squares = (away**2 - counting)[bright].sum() / max((direct[bright] ** 2).sum(), 1e-9)
        return float(np.clip(np.sqrt(max(squares, 0.0)), self.model.dispersion.channel, ROUGH_DISPERSION))

    def value(self, asked: Asked) -> Value:
        """The log-likelihood alone."""
        return self.evaluator.value(asked)

    def local(self, state: State, scattered: Any, blur: float) -> Local:
        """Value, gradient, curvature."""
        self.evaluations += 1
        return local_of(self.quadratic(self._asked_about(state, scattered, blur)))

    def rough_value(self, state: State, scattered: Any) -> tuple[float, float]:
        """The log-likelihood with times and charges blurred, and all the light that is expected [pe]."""
        found = self.value(self._asked_about(state, scattered, ROUGH_BLUR))
        return value_of(found), float(np.asarray(found.expected.total, float).sum())

    def in_full(self, state: State, scattered: Any) -> float:
        """The log-likelihood in which every channel counts in full."""
        full = self.dispersion._replace(weight=1.0)
        return value_of(self.value(asked_of([self.model], [state], [scattered], self.seen, full)))

    def _asked_about(self, state: State, scattered: Any, blur: float) -> Asked:
        seen = self.rough if blur > 0 else self.seen
        return asked_of([self.model], [state], [scattered], seen, self.dispersion, blur)

    def rough_local(self, state: State, scattered: Any) -> Local:
        """As `local`, of the seven numbers of the track alone, with its times and charges blurred."""
        local = self.local(state, scattered, ROUGH_BLUR)
        return local._replace(gradient=local.gradient[:7], curvature=local.curvature[:7, :7])

    def move(self, state: State, step: np.ndarray) -> State | None:
        """The moved state, its vertex inside the detector and its energy in the range of the profile, or nothing."""
        low, high = self.profile.energy_range
        step = np.concatenate([step, np.zeros(self.model.size - len(step))])
        energy = float(state.track.energy)
        step[0] = np.clip(step[0], np.log(low / energy) / SCALES[0], np.log(high / energy) / SCALES[0])
        candidate = _stepped(self.model, state, jnp.asarray(step, float))
        return candidate if self.room(candidate.track.position) > MARGIN else None

    def room(self, position) -> float:
        """Distance of a point from the wall [m], positive inside."""
        return float(on_host(self.detector.shape.signed_distance, position))

    def distance_moved(self, before: State, now: State, curvature: np.ndarray) -> float:
        """How far energy and vertex of the track moved, in standard deviations of the fit."""
        return standard_distance(place_step(before.track, now.track), curvature, np.arange(4))

    def at_boundary(self, track: Track) -> bool:
        """Whether a track stands at the edge of the energies of its profile or of the detector."""
        (low, high), energy = self.profile.energy_range, float(track.energy)
        return energy < 1.001 * low or energy > 0.999 * high or self.room(track.position) < 2.0 * MARGIN
