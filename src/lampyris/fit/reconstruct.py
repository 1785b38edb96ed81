"""Reconstruction of a track from one event."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.emission import load_profile
from lampyris.emission.profile import TrackProfile
from lampyris.fit.newton import Climb, Local, maximise
from lampyris.fit.objective import local_model
from lampyris.fit.parameters import NAMES, SCALES, jacobian, moved
from lampyris.fit.result import Fit, empty_covariance, make_errors
from lampyris.fit.seed import Seed, find_seed
from lampyris.likelihood import Dispersion, observe
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import Hybrid
from lampyris.units import SPEED_OF_LIGHT

FEWEST_HITS = 20
SHIFTS = (0.0, 0.3, 0.6)
"""How far behind the seed's point the vertex may lie, in lengths of the track."""
ROUGH_BLUR = 3.0
"""Further spread of the times in the first stage [ns]."""
MARGIN = 0.05
"""Closest that a vertex may come to the wall [m]."""


_moved = eqx.filter_jit(moved)


class _Problem:
    """One event with all that its likelihood needs, counting evaluations."""

    def __init__(
        self, detector: Detector, hits: Hits, profile: TrackProfile, transport: Hybrid, dispersion: Dispersion
    ):
        self.detector, self.profile, self.transport, self.dispersion = detector, profile, transport, dispersion
        self.seen = observe(hits, detector.sensors, dispersion.channel)
        self.rough = observe(hits, detector.sensors, 2.0 * dispersion.channel)
        self.evaluations = 0

    def local(self, track: Track, blur: float) -> Local:
        """Value, gradient, curvature; with `blur` [ns] the rough likelihood of the first stage."""
        self.evaluations += 1
        seen = self.rough if blur > 0 else self.seen
        return local_model(track, seen, self.detector, self.transport, self.dispersion, blur)

    def move(self, track: Track, step: np.ndarray) -> Track | None:
        """The moved track, held inside the detector and the range of the profile."""
        low, high = self.profile.energy_range
        step = np.array(step)
        energy = float(track.energy)
        step[0] = np.clip(step[0], np.log(low / energy) / SCALES[0], np.log(high / energy) / SCALES[0])
        candidate = _moved(track, jnp.asarray(step, float))
        return candidate if float(on_host(self.detector.shape.signed_distance, candidate.position)) > MARGIN else None


def reconstruct(
    detector: Detector,
    hits: Hits,
    *,
    particle: str = "mu-",
    start: Track | None = None,
    transport: Hybrid | None = None,
    dispersion: Dispersion | None = None,
) -> Fit:
    """Fit energy, vertex, direction and time of a particle to one event; no truth is needed.

    Without a `start` it finds its own: time multilateration, mean direction, total charge. A first stage fits with
    times and charges blurred, so that it catches from metres away; the second is the likelihood itself. `dispersion`
    says how far single events differ from the mean one; the covariance is the inverse of the curvature.

    Raises `LampyrisError` for an empty or unsound event; everything else ends in the `result` of the fit.
    """
    hits.check(detector.sensors.count)
    profile = load_profile(particle)
    profile.check_medium(detector.medium)
    spread = float(detector.sensors.charge_spread)
    chosen = Dispersion(charge_spread=spread) if dispersion is None else dispersion
    problem = _Problem(detector, hits, profile, Hybrid() if transport is None else transport, chosen)
    count = int(np.asarray(hits.hit).sum())
    if start is None:
        start = _start(problem, find_seed(detector, hits), particle)
    if count < FEWEST_HITS:
        return _fit(
            problem, Climb(start, Local(np.nan, np.zeros(7), np.zeros((7, 7)), np.nan), 0, False), "too few hits", count
        )
    rough = maximise(lambda t: problem.local(t, ROUGH_BLUR), problem.move, start, most_iterations=12, tolerance=1.0)
    climb = maximise(lambda t: problem.local(t, 0.0), problem.move, rough.point)
    return _fit(problem, climb, _result(problem, climb), count, rough.iterations)


def _start(problem: _Problem, seed: Seed, particle: str) -> Track:
    """The most likely of a few tracks through the point of the seed, with the energy that its charge asks for."""
    low, high = problem.profile.energy_range
    energy, best, best_value = float(np.sqrt(low * high)), None, -np.inf
    for shift in SHIFTS:
        for _ in range(2):
            back = shift * float(on_host(problem.profile.length, energy))
            position = _inside(problem.detector, seed.position - back * seed.direction, seed.position)
            time = seed.time - float(np.linalg.norm(position - seed.position)) / SPEED_OF_LIGHT
            track = Track(particle, energy, position, seed.direction, time)
            local = problem.local(track, ROUGH_BLUR)
            if local.value > best_value:
                best, best_value = track, local.value
            energy = _energy_of_light(problem, energy, float(problem.seen.charge) / local.total)
    assert best is not None
    return best


def _energy_of_light(problem: _Problem, energy: float, ratio: float) -> float:
    """The energy at which a track gives `ratio` times the light of a track of `energy`, within the profile's range."""
    grid = np.geomspace(*problem.profile.energy_range, 200)
    light = on_host(problem.profile.photons, grid)
    wanted = ratio * np.interp(energy, grid, light)
    return float(np.interp(wanted, light, grid))


def _inside(detector: Detector, position: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """The position, moved towards a point inside until it is inside itself."""
    for share in np.linspace(1.0, 0.0, 11):
        point = fallback + share * (position - fallback)
        if float(on_host(detector.shape.signed_distance, point)) > 2.0 * MARGIN:
            return point
    return fallback * 0.99


def _result(problem: _Problem, climb: Climb) -> str:
    """The code of `SENTENCES` for where the climb ended."""
    low, high = problem.profile.energy_range
    energy = float(climb.point.energy)
    distance = float(on_host(problem.detector.shape.signed_distance, climb.point.position))
    if energy < 1.001 * low or energy > 0.999 * high or distance < 2.0 * MARGIN:
        return "at boundary"
    return "converged" if climb.converged else "not converged"


def _fit(problem: _Problem, climb: Climb, result: str, hits: int, rough_iterations: int = 0) -> Fit:
    """Errors from the curvature, and all that is told of the fit."""
    covariance = empty_covariance()
    if np.isfinite(climb.local.value):
        size, vectors = np.linalg.eigh(climb.local.curvature)
        if size.min() > 0:
            turned = jacobian(climb.point) @ vectors
            covariance = (turned / size) @ turned.T
    statistics = {
        "hits": hits,
        "charge": float(problem.seen.charge),
        "iterations": climb.iterations,
        "rough_iterations": rough_iterations,
        "evaluations": problem.evaluations,
    }
    return Fit(climb.point, make_errors(covariance), covariance, NAMES, climb.local.value, result, statistics)
