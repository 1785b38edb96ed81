"""Reconstruction of a track from one event."""

from functools import partial
from typing import Any

import numpy as np

from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.fit.glow_problem import GlowProblem, glow_climb, glow_start
from lampyris.fit.hit_pattern import hit_pattern
from lampyris.fit.model import State, TrackModel
from lampyris.fit.newton import Climb, Local, covariance_of, maximise
from lampyris.fit.parameters import NAMES
from lampyris.fit.problem import Problem, energy_of_light, may_start, pulled_inside
from lampyris.fit.result import Fit, empty_covariance, make_errors, result_of
from lampyris.fit.ring_scan import Candidate, RingScan
from lampyris.fit.seed import find_seed
from lampyris.fit.settle import Stages, settle
from lampyris.likelihood import Charges, Dispersion
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import Hybrid

FEWEST_HITS = 20
LOOKS = 3
"""Most further looks at an event whose fit ends oddly."""
ODD = 4.5
"""Standard deviations of a latent number or of the total charge beyond which a fit is looked at again."""
WIDE = (0.06, 0.02)
"""Rms [rad] by which cones are widened, one after the other, where a fit is looked at again: a hard scatter halfway makes two
rings, and the sharp likelihood has no way from one to both."""
RIDGE = 18.0
"""Gain of the log-likelihood from which a top that wide cones lead to is taken. A ring that turns has many tops: of two that are
as high within this, the one that was found with sharp cones is nearer to the vertex, as its turns follow clumps of light less."""
LOOSE = 4.0
"""Gain of the log-likelihood that is left undone where it is only asked whether another top is that much higher."""
STOPPING = 0.8
"""Share of the way to the wall after which a track stops that is tried with its end inside."""
ROUGH = 10.0
"""Gain of the log-likelihood that the rough stage leaves to the next."""


def reconstruct(
    detector: Detector,
    hits: Hits,
    *,
    particle: str = "mu-",
    start: Track | None = None,
    transport: Hybrid | None = None,
    dispersion: Dispersion | None = None,
    model: TrackModel | None = None,
) -> Fit:
    """Fit energy, vertex, direction and time of a particle to one event; no truth is needed.

    Without a `start` it finds its own: time multilateration, a scan of rings through that point, total charge. A first
    stage fits with times and charges blurred, so that it catches from metres away; the second is the likelihood itself.
    Muons are fitted with their bends and the stretch of their range as latent numbers, electrons and gammas with depths and
    leans of their shower. In a medium that scintillates electrons and positrons of some MeV are fitted as points, with the
    mean over the directions that their Cherenkov light may have.

    `transport` is how the light is predicted, finer than the default `Hybrid` if none is given. `model` describes the light by
    other latent numbers than those, `dispersion` says how far single events differ from the prediction, both as the kind of
    particle has it if none is given; the covariance is the block of the seven numbers in the inverse information of all.

    Raises `LampyrisError` for an empty or unsound event, and for a particle that cannot be fitted in this medium; everything
    else ends in the `result` of the fit.
    """
    hits.check(detector.sensors.count)
    return fit_problem(problem_of(detector, hits, particle, transport, dispersion, model), start)


def problem_of(detector: Detector, hits: Hits, particle: str, *rest: Any, **options: Any) -> Problem:
    """The problem of an event as its medium wants it; `rest` as in `Problem`."""
    kind = Problem if detector.medium.scintillation is None else GlowProblem
    return kind(detector, hits, particle, *rest, **options)


def fit_problem(problem: Problem, start: Track | None = None) -> Fit:
    """Fit one event from a start, or from one of its own."""
    count = int(np.asarray(problem.hits.hit).sum())
    find, climb = (glow_start, glow_climb) if isinstance(problem, GlowProblem) else (start_of, _climb)
    if start is None:
        start = find(problem)
    problem.spread_of(start)
    state = problem.model.start(start)
    if count < FEWEST_HITS:
        nothing = Local(np.nan, np.zeros(7), np.zeros((7, 7)), Charges(np.zeros(0), np.zeros(0)))
        return _fit(
            problem,
            Stages(Climb(state, nothing, 0, False, nothing.curvature), False, 0, 0, np.nan),
            "too few hits",
            count,
        )
    stages = climb(problem, state)
    return _fit(problem, stages, _result(problem, stages), count)


def _climb(problem: Problem, state: State) -> Stages:
    """The rough stage, then the likelihood itself; where that ends at an odd event, again from the same place.

    Far from the truth a fit may buy a wrong energy with turns and a range that no muon has, and stick there. Its place and
    its direction are good by then, and with the energy of its light, straight again, it finds the rest. A track that ends
    outside shines no more for more energy, so a fit does not find back from there: it is tried with its end inside too.
    """
    scattered = problem.scattered(state)
    climb = maximise(
        lambda s: problem.rough_local(s, scattered), problem.move, state, most_iterations=15, tolerance=ROUGH
    )
    problem.spread_of(climb.point.track)
    best = last = settle(problem, climb.point, climb.local.expected)

    def again(track: Track, energy: float) -> Stages:
        anew = problem.model.start(Track(track.particle, energy, track.position, track.direction, track.time))
        return settle(problem, anew, climb.local.expected, widths=WIDE)

    def better(one: Stages, other: Stages) -> Stages:
        likelier = max(one, other, key=lambda stages: stages.climb.local.value)
        return likelier._replace(fine=one.fine + other.fine)

    for _ in range(LOOKS):
        if not _odd(problem, last):
            break
        track, light = last.climb.point.track, last.climb.local.expected.total.sum()
        last = again(track, energy_of_light(problem, float(track.energy), problem.charge / light))
        best = better(best, last)
    track = best.climb.point.track
    inside = stopping_energy(problem, track)
    if inside is not None:
        best = better(best, again(track, inside))
    return _over_the_ridge(problem, best)._replace(rough=climb.iterations)


def _over_the_ridge(problem: Problem, stages: Stages) -> Stages:
    """The end of a fit, or a much higher top that wide cones lead to from there: that of a muon which scattered hard."""
    if not problem.widen(WIDE[0]):
        return stages
    track, local = stages.climb.point.track, stages.climb.local
    straight = problem.model.start(track)
    look = settle(problem, straight, local.expected, refreshes=0, widths=WIDE, near=LOOSE, scattered=stages.scattered)
    if look.climb.local.value < local.value + 0.5 * RIDGE:
        return stages
    other = settle(problem, look.climb.point, look.climb.local.expected, scattered=look.scattered)
    if other.climb.local.value < local.value + RIDGE:
        return stages
    return other._replace(fine=stages.fine + look.fine + other.fine)


def _odd(problem: Problem, stages: Stages) -> bool:
    """Whether a fit ended where few events are: with latent numbers or a total charge far from what is expected."""
    local = stages.climb.local
    latent = np.abs(np.asarray(stages.climb.point.latent, float)).max(initial=0.0)
    noise = np.hypot(problem.dispersion.total, np.sqrt((1.0 + problem.dispersion.charge_spread**2) / problem.charge))
    away = abs(np.log(problem.charge / local.expected.total.sum())) / noise
    return bool(max(latent, away) > ODD or not stages.converged)


def stopping_energy(problem: Problem, track: Track) -> float | None:
    """The energy at which a track that ends outside the detector would stop short of the wall; none if it ends inside."""
    position, direction = (np.asarray(part, float) for part in (track.position, track.direction))

    def room(length: float) -> float:
        return problem.room(position + length * direction)

    length = float(on_host(problem.profile.length, track.energy))
    if room(length) > 0.0:
        return None
    ways = length * np.linspace(0.0, 1.0, 65)
    reach = STOPPING * ways[np.argmax([room(way) <= 0.0 for way in ways])]
    low, high = problem.profile.energy_range
    grid = np.geomspace(low, high, 200)
    return float(np.interp(reach, on_host(problem.profile.length, grid), grid))


def start_of(problem: Problem) -> Track:
    """The start of a fit: the more likely of the best tracks of the ring scan, with the energy that its charge asks for."""
    detector, hits, (low, high) = problem.detector, problem.hits, problem.profile.energy_range
    seed = find_seed(detector, hits)
    candidates = RingScan(detector, hits, problem.profile).best(
        seed.position, seed.direction, partial(may_start, detector)
    )
    if not candidates:
        candidates = [
            Candidate(pulled_inside(problem, seed.position), seed.direction, seed.time, np.sqrt(low * high), 0.0)
        ]
    best, best_value = None, -np.inf
    for candidate in candidates:
        energy, scattered = float(np.clip(candidate.energy, 1.01 * low, 0.99 * high)), None
        for _ in range(2):
            track = Track(problem.particle, energy, candidate.position, candidate.direction, candidate.time)
            state = problem.model.start(track)
            scattered = problem.scattered(state) if scattered is None else scattered
            value, light = problem.rough_value(state, scattered)
            if best is None or value > best_value:
                best, best_value = track, value
            energy = energy_of_light(problem, energy, problem.charge / light)
    assert best is not None
    return best


def _result(problem: Problem, stages: Stages) -> str:
    """The code of `SENTENCES` for where the climb ended."""
    return result_of(problem.at_boundary(stages.climb.point.track), stages.converged)


def _fit(problem: Problem, stages: Stages, result: str, hits: int) -> Fit:
    """Errors from the curvature, and all that is told of the fit."""
    track, local = stages.climb.point.track, stages.climb.local
    expected = local.expected.total
    covariance = empty_covariance()
    if np.isfinite(local.value):
        covariance = problem.covariance(track, covariance_of(local.curvature, slice(7)))
    statistics = {
        "hits": hits,
        "charge": problem.charge,
        "iterations": stages.fine,
        "rough_iterations": stages.rough,
        "evaluations": problem.evaluations,
        "goodness": hit_pattern(expected, np.asarray(problem.hits.hit)) if expected.size else np.nan,
    }
    return Fit(track, make_errors(covariance), covariance, NAMES, stages.log_likelihood, result, statistics)
