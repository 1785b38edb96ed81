"""Calibration: optics, lamps and sensors from known sources and from tracks, by second-order steps on stored paths."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lampyris._checks import fail
from lampyris.detector import Detector
from lampyris.fit.blocks import Step, solve
from lampyris.fit.calibration import Calibration
from lampyris.fit.calibration_problem import CalibrationSettings, Problem, State, make_problem
from lampyris.fit.calibration_result import Findings, collect, shared_values
from lampyris.fit.calibration_step import ALL, LAST, ROUGH, Prepared, draw, moved, rough_offsets
from lampyris.fit.checkpoint import Standing, fingerprint, load, save
from lampyris.fit.equations import Equations, equations
from lampyris.fit.flash_score import HEAVY
from lampyris.fit.free import EFFICIENCY, OFFSET, SPREAD
from lampyris.fit.goodness import goodness_of
from lampyris.fit.held import held_numbers
from lampyris.fit.run import Run
from lampyris.fit.track_fits import TrackFits, track_fits
from lampyris.fit.tracks import Tracks
from lampyris.transport.paths import enough_steps

FIRST_PATHS = 2**18
ROUGH_PATHS = 2**20
"""Paths of all runs together in the first stage, no more than `FIRST_PATHS` each."""
LIGHT = 0.1
"""Photoelectrons of a typical path that the default number of paths aims at."""
MOST_PATHS = 2**25
"""The largest default number of paths, of all runs together."""
UNSTEADY = 0.25
"""Steps, in errors, that fits with tracks may still make: each track is fitted anew to its own tolerance."""
NEAR = 1.0
"""Steps, in errors, below which the next stage begins."""
FEWEST = 0.5
"""Paths are drawn anew when the effective number of deposits falls to this share of the first."""


class Progress(NamedTuple):
    """What is told after every iteration."""

    iteration: int
    values: dict[str, float]
    largest_step: float
    """in errors"""


def calibrate(
    detector: Detector,
    runs: Sequence[Run],
    free: Sequence[str],
    *,
    tracks: Tracks | None = None,
    key: PRNGKeyArray | None = None,
    settings: CalibrationSettings | None = None,
    report: Callable[[Progress], None] | None = None,
    checkpoint: Path | str | None = None,
) -> Calibration:
    """Fit parameters of a detector, chosen by path, to runs with known sources; the detector given is the start.

    `free` names parameters as `print(detector)` does: "medium.absorption_length" moves a spectrum as a whole,
    "medium.absorption_length.value" each of its entries; * stands for anything. "sensors.relative_efficiency",
    "sensors.time_offset" and "sensors.transit_time_spread" fit a number for each channel, "runs.*.photons" the light of
    the sources. Where all sources and all efficiencies are free, a gauge keeps the mean efficiency.

    Charges and first-hit times of all channels count. Indirect light comes from paths among the true sensors, drawn with
    `key`, which are weighted anew at every step. `tracks` are events of particles that are fitted together with the
    detector, beside the runs or without any. With `checkpoint` every iteration is kept in that file, and a fit that
    was stopped goes on where it was. At the end the data are asked of the numbers that were held too: one that is wrong makes
    a poor fit and is named. Raises `LampyrisError` for what makes no sense.
    """
    begin = time.perf_counter()
    for number, run in enumerate(runs):
        run.check(detector, f"runs[{number}]")
    if tracks is not None:
        tracks.check(detector)
    problem = make_problem(detector, runs, free, settings or CalibrationSettings(), tracks)
    fitter = _Fitter(problem, jax.random.key(0) if key is None else key, report, checkpoint)
    standing, prepared, last = fitter.run()
    last = last or equations(problem, standing._replace(stage=LAST), prepared, fitter.fits)
    spread = float(problem.free.detector.sensors.charge_spread)
    goodness = goodness_of(last.pulls, problem.near.zone, spread, _own_numbers(problem, last), len(problem.names))
    statistics = {
        "iterations": float(len(standing.history)),
        "paths": float(sum(run.light.paths.count for run in prepared[:1])),
        "steps": float(sum(run.light.paths.steps.distance.shape[1] for run in prepared[:1])),
        "saturated": float(sum((~p.seen.used).sum() for p in prepared)),
    }
    step, tracked = last.solution(), {}
    if fitter.fits is not None:
        goodness = replace(goodness, track_map=fitter.fits.goodness(last.track_pulls, last.followed, problem.near.zone))
        tracked = track_fits(last.followed, step)
        statistics |= {"tracks": float(len(tracked)), "tracks_left_out": float(len(fitter.fits.hits) - len(tracked))}
    held = held_numbers(problem, standing, prepared)
    statistics["seconds"] = time.perf_counter() - begin
    return collect(problem, standing, step, Findings(goodness, held, statistics, tracked))


def _own_numbers(problem: Problem, last: Equations) -> tuple[float, float]:
    """How many parameters of a channel move its charge, and how many its times, to fit the data of the lamps.

    Each counts with the share of these data in what is known of it; the rest is that of priors and of tracks.
    """
    of_data, whole = (np.einsum("coo->co", blocks.own).copy() for blocks in (last.lamps, last.whole))
    for place, path in enumerate(problem.own_paths):
        if path in problem.priors:
            of_data[:, place] -= 1.0 / problem.priors[path][1] ** 2
    share = (of_data / np.maximum(whole, 1e-12)).mean(axis=0)
    numbers = dict(zip(problem.own_paths, share.tolist(), strict=True))
    return numbers.get(EFFICIENCY, 0.0), numbers.get(OFFSET, 0.0) + numbers.get(SPREAD, 0.0)


class _Fitter:
    """The loop: roughly to near the end, then with all; paths are drawn anew where parameters have moved far."""

    def __init__(self, problem: Problem, key: PRNGKeyArray, report, checkpoint: Path | str | None):
        self.problem, self.key, self.report = problem, key, report
        self.path = None if checkpoint is None else Path(checkpoint)
        self.identity = fingerprint(problem, key) if self.path is not None else ""
        detector = problem.free.detector
        self.steps = max((enough_steps(run.source, detector, key=key) for run in problem.runs), default=0)
        self.fits = None if problem.tracks is None else TrackFits(problem.tracks, detector)

    def run(self) -> tuple[Standing, list[Prepared], Equations | None]:
        """Iterate to the end; the equations there are those of the last iteration if it made no step."""
        standing = load(self.path, self.identity) if self.path is not None else None
        standing = standing or Standing.begin(ROUGH if self.problem.runs else LAST, self.problem.start())
        prepared, made = self._draw(standing), None
        while not standing.converged and len(standing.history) < self.problem.settings.most_iterations:
            made = equations(self.problem, standing, prepared, self.fits)
            after = self._iterate(standing, prepared, made)
            if self.path is not None:
                save(self.path, after, self.identity)
            if after.draws != standing.draws:
                prepared = self._draw(after)
            standing = after
        return standing, prepared, made if standing.converged and self.fits is None else None

    def _draw(self, standing: Standing) -> list[Prepared]:
        key = jax.random.fold_in(self.key, standing.draws)
        wanted, runs = self.problem.settings.paths, len(self.problem.runs)
        if standing.stage == ROUGH or not runs:
            few = min(FIRST_PATHS, ROUGH_PATHS // max(runs, 1), wanted or FIRST_PATHS)
            timed = OFFSET in self.problem.own_paths
            return draw(self.problem, standing.drawn, (few, self.steps), key, timed=timed)
        most = max(FIRST_PATHS, MOST_PATHS // runs)
        enough = 2 ** round(np.log2(np.clip(standing.light / LIGHT, FIRST_PATHS, most)))
        prepared = draw(self.problem, standing.drawn, (wanted or enough, self.steps), key)
        self._check_times(standing, prepared)
        return prepared

    def _weights(self, standing: Standing, prepared: list[Prepared]) -> list[float]:
        """Photoelectrons of a typical path of each run."""
        free = self.problem.free_at(standing.drawn)
        return [float(run.light.at(free, standing.drawn.theta, run.light.marks)[0].weight) for run in prepared]

    def _check_times(self, standing: Standing, prepared: list[Prepared]) -> None:
        """Raise `LampyrisError` where numbers are free that only times tell, and times cannot count."""
        if not any(path in self.problem.own_paths for path in (OFFSET, SPREAD)):
            return
        worst = max(self._weights(standing, prepared))
        if worst >= HEAVY:
            count = prepared[0].light.paths.count
            fail("paths", f">= {int(count * worst / HEAVY) + 1}, so that times can be fitted", count)

    def _iterate(self, standing: Standing, prepared: list[Prepared], made: Equations) -> Standing:
        """One step, and where to go from there."""
        problem = self.problem
        step, stage = solve(made.whole), standing.stage
        size, first = _size(step), standing.effective or tuple(made.effective)
        worn = min((e / f for e, f in zip(made.effective, first, strict=True)), default=1.0) < FEWEST
        timed = any(path in problem.own_paths for path in (OFFSET, SPREAD))
        anew = worn or (size < NEAR and stage < (LAST if timed else ALL))
        tolerance = problem.settings.tolerance
        converged = not anew and size < (max(tolerance, UNSTEADY) if made.followed else tolerance)
        # what moves no more keeps the state that its equations are those of
        state = standing.state if converged and self.fits is None else moved(problem, standing.state, step)
        light = max((w * run.light.paths.count for w, run in zip(made.weights, prepared, strict=True)), default=0.0)
        history = self._told(standing, state, size)
        after = standing._replace(state=state, effective=first, converged=converged, light=light, history=history)
        if self.fits is not None and made.followed:
            after = after._replace(tracks=self.fits.rows(made.followed))
        return self._drawn_anew(after, prepared, size) if anew else after

    def _told(self, standing: Standing, state: State, size: float) -> tuple[dict[str, float], ...]:
        """The history with the new state, which is reported."""
        told = dict(zip(self.problem.names, shared_values(self.problem, state)[0].tolist(), strict=True))
        history = (*standing.history, told | {"stage": float(standing.stage), "step": size})
        if self.report is not None:
            self.report(Progress(len(history), told, size))
        return history

    def _drawn_anew(self, standing: Standing, prepared: list[Prepared], size: float) -> Standing:
        """New paths at the present state; near the end of a stage the next one."""
        stage, state = standing.stage, standing.state
        following = stage if size >= NEAR else min(stage + 1, LAST)
        if stage == ROUGH and following == ALL and OFFSET in self.problem.own_paths:
            offset = rough_offsets(self.problem, state, prepared)
            state = state._replace(channel=state.channel._replace(offset=offset))
        return standing._replace(state=state, stage=following, draws=standing.draws + 1, drawn=state, effective=())


def _size(step: Step) -> float:
    """Length of a step: the largest of the shared ones, or the rms of those of the channels, in errors."""
    shared = np.abs(step.shared) / np.sqrt(np.maximum(np.diag(step.covariance), 1e-300))
    variance = np.maximum(np.einsum("coo->co", step.own_covariance), 1e-300)
    own = np.sqrt((step.own**2 / variance).mean(axis=0)) if step.own.size else np.zeros(0)
    return float(max([*shared, *own], default=0.0))
