"""Reconstruction of several tracks from one vertex: rings of one event, how many there are, and the mass of their parent."""

from collections.abc import Sequence
from functools import partial
from itertools import permutations
from typing import NamedTuple

import numpy as np

from lampyris._checks import fail
from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.emission import load_profile
from lampyris.fit.newton import Climb, maximise
from lampyris.fit.parameters import NAMES, values
from lampyris.fit.problem import check_light, may_start
from lampyris.fit.reconstruct import FEWEST_HITS, ROUGH, reconstruct
from lampyris.fit.result import SENTENCES, Fit, empty_covariance, make_errors
from lampyris.fit.ring_scan import RingScan
from lampyris.fit.ring_search import find_rings
from lampyris.fit.rings_problem import Rings, RingsProblem, places_of
from lampyris.fit.seed import find_seed
from lampyris.fit.settle import settle
from lampyris.likelihood import Dispersion
from lampyris.particle.kind import KINDS
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import Hybrid

SHORT = "too few hits"
REFRESHES = 12
"""Most evaluations of the indirect light; along their common direction two rings find their vertex in small steps."""


class RingsFit(NamedTuple):
    """Result of a fit of several tracks from one vertex; printing it gives each of them."""

    fits: tuple[Fit, ...]
    """one for each particle; vertex and time are the same in all"""
    covariance: np.ndarray
    """(7 + 3 (rings - 1),) * 2: the seven numbers of the first ring, then energy, theta, phi of each other one"""
    log_likelihood: float
    result: str
    """one of the keys of `SENTENCES`"""
    statistics: dict[str, float]

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The fitted tracks."""
        return tuple(fit.value for fit in self.fits)

    @property
    def mass(self) -> tuple[float, float]:
        """Invariant mass of all tracks together with its error [MeV]."""
        numbers = _numbers(self.tracks)
        particles = [track.particle for track in self.tracks]
        slopes = []
        for place, size in enumerate(1e-4 * np.maximum(np.abs(numbers), 0.1)):
            step = size * (np.arange(len(numbers)) == place)
            slopes.append((_mass(particles, numbers + step) - _mass(particles, numbers - step)) / (2.0 * size))
        error = np.sqrt(max(float(np.asarray(slopes) @ self.covariance @ np.asarray(slopes)), 0.0))
        return _mass(particles, numbers), error

    def __str__(self) -> str:
        head = f"{len(self.fits)} rings: {SENTENCES[self.result]} log-likelihood {self.log_likelihood:.1f}"
        if self.result == SHORT:
            return head
        mass, error = self.mass
        return "\n".join([head, f"invariant mass {mass:.4g} +- {error:.3g} MeV", *map(str, self.fits)])


def reconstruct_rings(
    detector: Detector,
    hits: Hits,
    particles: Sequence[str] = ("gamma", "gamma"),
    *,
    start: Sequence[Track] | None = None,
    transport: Hybrid | None = None,
    dispersion: Dispersion | None = None,
) -> RingsFit:
    """Fit several particles that start at one vertex at one time to an event: the gammas of a pi0, a lepton and a pion.

    Each has its own energy, direction and latent numbers, with the light and the likelihood of `reconstruct`. Without a
    `start` (tracks in the order of `particles`, which share the vertex of the first) directions and shares of the light come
    from a coarse picture of pairs of rings, and where `particles` are of different kinds every order of them is tried there.
    Gammas start to shine where they convert, about half a metre from the vertex; how far is left to the latent depths of
    their showers.

    Raises `LampyrisError` for fewer than two particles, for an empty or unsound event and for a medium that scintillates;
    everything else ends in the `result` of the fit.
    """
    hits.check(detector.sensors.count)
    if len(particles) < 2:
        fail("particles", "at least two (one is for `reconstruct`)", ", ".join(particles) or "none")
    if start is not None and [track.particle for track in start] != list(particles):
        fail("start", f"tracks of {', '.join(particles)}", ", ".join(track.particle for track in start) or "none")
    for particle in particles:
        check_light(detector, particle)
    problem = RingsProblem(detector, hits, particles, transport, dispersion)
    count = int(np.asarray(hits.hit).sum())
    if count < FEWEST_HITS * len(particles):
        return _nothing(problem, particles, count)
    starts = [_together(start)] if start is not None else _starts(problem, particles)
    climbs = [_rough(problem, problem.start(tracks)) for tracks in starts]
    rough = max(climbs, key=lambda climb: climb.local.value)
    stages = settle(problem, rough.point, rough.local.expected, REFRESHES)
    fits = problem.fits(stages._replace(rough=rough.iterations))
    covariance = problem.covariance(stages.climb.point, stages.climb.local.curvature)
    edges = [fit.result for fit in fits if fit.result == "at boundary"]
    return RingsFit(fits, covariance, fits[0].log_likelihood, (*edges, fits[0].result)[0], fits[0].statistics)


def count_rings(
    detector: Detector,
    hits: Hits,
    particle: str = "e-",
    *,
    most: int = 3,
    gain: float = 50.0,
    transport: Hybrid | None = None,
) -> list[Fit | RingsFit]:
    """Fits with one ring, two and so on of a kind of particle, as long as the likelihood asks for one more.

    The last fit of the list is the one to take: a further ring gained less than `gain` in log-likelihood, or `most` are
    reached. A ring that is not there gains too, as it brings three numbers and the latent ones of its shower, and a hard photon
    that leaves a shower early is half a ring: single electrons of a few hundred MeV gain up to some tens.
    """
    if most < 1:
        fail("most", ">= 1", most)
    found: list[Fit | RingsFit] = [reconstruct(detector, hits, particle=particle, transport=transport)]
    while len(found) < most and found[-1].result != SHORT:
        more = reconstruct_rings(detector, hits, [particle] * (len(found) + 1), transport=transport)
        if not more.log_likelihood - found[-1].log_likelihood > gain:
            break
        found.append(more)
    return found


def _together(tracks: Sequence[Track]) -> list[Track]:
    """The tracks from the vertex and the time of the first."""
    first = tracks[0]
    return [Track(t.particle, t.energy, first.position, t.direction, first.time) for t in tracks]


def _starts(problem: RingsProblem, particles: Sequence[str]) -> list[list[Track]]:
    """Tracks along the rings of the coarse picture, in every order of the particles that makes a difference."""
    data = problem.data
    scan, seed = RingScan(data.detector, data.hits, data.profile), find_seed(data.detector, data.hits)
    rings = find_rings(scan, seed.position, len(particles), partial(may_start, data.detector))
    light = np.interp(scan.energy_at(rings.position), scan.energies, scan.photons)
    order = np.argsort(-rings.shares)
    kinds = sorted(set(permutations(particles)))
    found = []
    for names in kinds:
        # rings in the order of their light get the particles of this permutation
        left, tracks = list(zip(names, order, strict=True)), []
        for particle in particles:
            name, number = next(pair for pair in left if pair[0] == particle)
            left.remove((name, number))
            energy = _energy(particle, rings.shares[number] * light)
            tracks.append(Track(particle, energy, rings.position, rings.directions[number], rings.time))
        found.append(tracks)
    return found


def _energy(particle: str, photons: float) -> float:
    """Energy at which a particle makes so much light, in the range of its profile."""
    profile = load_profile(particle)
    grid = np.geomspace(*profile.energy_range, 200)
    return float(np.interp(photons, on_host(profile.photons, grid), 0.999 * grid))


def _rough(problem: RingsProblem, state: Rings) -> Climb:
    """The stage with times and charges blurred, which catches from afar."""
    scattered = problem.scattered(state)
    return maximise(
        lambda s: problem.rough_local(s, scattered), problem.move, state, most_iterations=20, tolerance=ROUGH
    )


def _nothing(problem: RingsProblem, particles: Sequence[str], hits: int) -> RingsFit:
    """The result of an event with too few hits."""
    statistics = {"hits": float(hits), "charge": problem.data.charge}
    empty, fits = empty_covariance(), []
    for particle in particles:
        energy = float(np.sqrt(np.prod(load_profile(particle).energy_range)))
        track = Track(particle, energy, np.zeros(3), [0.0, 0.0, 1.0])
        fits.append(Fit(track, make_errors(empty), empty, NAMES, np.nan, SHORT, statistics))
    plain = problem.ties.plain
    return RingsFit(tuple(fits), np.full((plain, plain), np.nan), np.nan, SHORT, statistics)


def _numbers(tracks: Sequence[Track]) -> np.ndarray:
    """The free numbers of all tracks in the order of the covariance."""
    each = [values(track) for track in tracks]
    return np.concatenate([each[0], *(own[[0, 4, 5]] for own in each[1:])])


def _mass(particles: Sequence[str], numbers: np.ndarray) -> float:
    """Invariant mass of particles from their free numbers [MeV]."""
    total = np.zeros(4)
    for number, particle in enumerate(particles):
        kinetic, theta, phi = numbers[places_of(number)][[0, 4, 5]]
        mass = KINDS[particle].mass
        momentum = np.sqrt(kinetic * (kinetic + 2.0 * mass))
        across = np.sin(theta)
        way = np.array([across * np.cos(phi), across * np.sin(phi), np.cos(theta)])
        total += np.append(momentum * way, kinetic + mass)
    return float(np.sqrt(max(total[3] ** 2 - (total[:3] ** 2).sum(), 0.0)))
