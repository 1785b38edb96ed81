"""Calibration: optics, lamps and sensors from the data of known sources, by second-order steps on stored paths."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lampyris._checks import fail
from lampyris.detector import Detector
from lampyris.fit.blocks import Blocks, Step, solve
from lampyris.fit.calibration import Calibration
from lampyris.fit.calibration_problem import OWN_PATHS, CalibrationSettings, Problem, State, make_problem
from lampyris.fit.calibration_result import collect, shared_values
from lampyris.fit.checkpoint import Standing, fingerprint, load, save
from lampyris.fit.flash_score import HEAVY, ChannelState, Observed, Pull, Weighing, observe_run, pull
from lampyris.fit.free import EFFICIENCY, OFFSET, SPREAD
from lampyris.fit.goodness import goodness_of
from lampyris.fit.lamp_light import LampLight
from lampyris.fit.run import Run
from lampyris.transport.paths import enough_steps

FIRST_PATHS = 2**18
LIGHT = 0.1
"""Photoelectrons of a typical path that the default number of paths aims at."""
MOST_PATHS = 2**25
"""The largest default number of paths, of all runs together."""
NEAR = 1.0
"""Steps, in errors, below which the next stage begins."""
LONGEST = 0.5
"""Longest step of a shared parameter, in log or logit, and of an efficiency or a spread, relative."""
UNKNOWN_EFFICIENCY = 0.2
"""Relative rms of efficiencies that are free, before they are fitted."""
ROUGH, ALL, LAST = 0, 1, 2
"""Stages: shared parameters from charges with few paths; everything; everything again with marks at the right times."""
FEWEST = 0.5
"""Paths are drawn anew when the effective number of deposits falls to this share of the first."""


class Progress(NamedTuple):
    """What is told after every iteration."""

    iteration: int
    values: dict[str, float]
    largest_step: float
    """in errors"""


class Prepared(NamedTuple):
    """A run with its paths, and its data sorted by the marks."""

    light: LampLight
    seen: Observed
    recorded: np.ndarray
    """marks as recorded times [ns]"""


def calibrate(
    detector: Detector,
    runs: Sequence[Run],
    free: Sequence[str],
    *,
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
    `key`, which are weighted anew at every step. With `checkpoint` every iteration is kept in that file, and a fit that
    was stopped goes on where it was. Raises `LampyrisError` for what makes no sense.
    """
    begin = time.perf_counter()
    for number, run in enumerate(runs):
        run.check(detector, f"runs[{number}]")
    problem = make_problem(detector, runs, free, settings or CalibrationSettings())
    fitter = _Fitter(problem, jax.random.key(0) if key is None else key, report, checkpoint)
    standing, prepared = fitter.run()
    blocks, pulls, _ = measure(problem, standing.state, prepared, LAST)
    spread = float(problem.free.detector.sensors.charge_spread)
    goodness = goodness_of(pulls, problem.near.zone, spread, _own_numbers(problem), len(problem.names))
    statistics = {
        "iterations": float(len(standing.history)),
        "seconds": time.perf_counter() - begin,
        "paths": float(prepared[0].light.paths.count),
        "steps": float(prepared[0].light.paths.steps.distance.shape[1]),
        "saturated": float(sum((~p.seen.used).sum() for p in prepared)),
    }
    return collect(problem, standing, solve(blocks), goodness, statistics)


def _own_numbers(problem: Problem) -> tuple[int, int]:
    """How many parameters of a channel move its charge, and how many its times."""
    return int(EFFICIENCY in problem.own_paths), sum(path in problem.own_paths for path in (OFFSET, SPREAD))


class _Fitter:
    """The loop: roughly to near the end, then with all; paths are drawn anew where parameters have moved far."""

    def __init__(self, problem: Problem, key: PRNGKeyArray, report, checkpoint: Path | str | None):
        self.problem, self.key, self.report = problem, key, report
        self.path = None if checkpoint is None else Path(checkpoint)
        self.identity = fingerprint(problem, key) if self.path is not None else ""
        detector = problem.free.detector
        self.steps = max(enough_steps(run.source, detector, key=key) for run in problem.runs)

    def run(self) -> tuple[Standing, list[Prepared]]:
        """Iterate to the end."""
        start = self.problem.start()
        standing = load(self.path, self.identity) if self.path is not None else None
        standing = standing or Standing(ROUGH, 0, start, start, (), (), False)
        prepared = self._draw(standing)
        while not standing.converged and len(standing.history) < self.problem.settings.most_iterations:
            after = self._iterate(standing, prepared)
            if self.path is not None:
                save(self.path, after, self.identity)
            if after.draws != standing.draws:
                prepared = self._draw(after)
            standing = after
        return standing, prepared

    def _draw(self, standing: Standing) -> list[Prepared]:
        key = jax.random.fold_in(self.key, standing.draws)
        wanted = self.problem.settings.paths
        first = FIRST_PATHS if wanted is None else min(wanted, FIRST_PATHS)
        if standing.stage == ROUGH:
            return draw(self.problem, standing.drawn, (first, self.steps), key)
        if wanted is None:
            wanted = self._enough(standing, first)
        prepared = draw(self.problem, standing.drawn, (wanted, self.steps), key)
        self._check_times(standing, prepared)
        return prepared

    def _enough(self, standing: Standing, first: int) -> int:
        """A power of two of paths that bring little light each, as far as memory allows."""
        few = draw(self.problem, standing.drawn, (first, self.steps), self.key)
        needed = first * max(self._weights(standing, few)) / LIGHT
        most = MOST_PATHS // len(self.problem.runs)
        return max(first, 2 ** round(np.log2(min(max(needed, first), most))))

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

    def _iterate(self, standing: Standing, prepared: list[Prepared]) -> Standing:
        """One step, and where to go from there."""
        problem = self.problem
        blocks, _, effective = measure(problem, standing.state, prepared, standing.stage)
        step = solve(blocks)
        size = _size(step)
        state = moved(problem, standing.state, step)
        told = dict(zip(problem.names, shared_values(problem, state)[0].tolist(), strict=True))
        history = (*standing.history, told | {"stage": float(standing.stage), "step": size})
        if self.report is not None:
            self.report(Progress(len(history), told, size))
        first = standing.effective or tuple(effective)
        after = standing._replace(state=state, history=history, effective=first)
        worn = min(e / f for e, f in zip(effective, first, strict=True)) < FEWEST
        timed = any(path in problem.own_paths for path in (OFFSET, SPREAD))
        if worn or (size < NEAR and standing.stage < (LAST if timed else ALL)):
            stage = standing.stage if size >= NEAR else min(standing.stage + 1, LAST)
            if standing.stage == ROUGH and stage == ALL and OFFSET in problem.own_paths:
                state = state._replace(channel=state.channel._replace(offset=rough_offsets(problem, state, prepared)))
                after = after._replace(state=state)
            return after._replace(stage=stage, draws=standing.draws + 1, drawn=state, effective=())
        return after._replace(converged=size < problem.settings.tolerance)


def rough_offsets(problem: Problem, state: State, prepared: list[Prepared]) -> np.ndarray:
    """Time offsets (channels,) from the mean distance of first hits to their expected median; old ones without hits."""
    away, hits = np.zeros_like(state.channel.offset), np.zeros_like(state.channel.offset)
    for run, ready in zip(problem.runs, prepared, strict=True):
        middle = 0.5 * (ready.light.marks[:, 1] + ready.light.marks[:, 2])  # the quantiles of 40 and 65 %
        for event in run.events():
            hit = np.asarray(event.hit, bool) & ready.seen.used
            away += np.where(hit, np.asarray(event.time, float) - middle, 0.0)
            hits += hit
    return np.where(hits > 0, away / np.maximum(hits, 1), state.channel.offset)


def draw(problem: Problem, state: State, size: tuple[int, int], key: PRNGKeyArray) -> list[Prepared]:
    """Draw the paths of all runs at a state, their number and that of their steps given, and sort the data."""
    free = problem.free_at(state)
    prepared = []
    for number, run in enumerate(problem.runs):
        own = jax.random.fold_in(key, number)
        light = LampLight.draw(run.source, free, state.theta, problem.near, size, own)
        recorded = light.marks + state.channel.offset[:, None]
        prepared.append(Prepared(light, observe_run(run, recorded, problem.free.detector.sensors), recorded))
    return prepared


def measure(
    problem: Problem, state: State, prepared: list[Prepared], stage: int
) -> tuple[Blocks, list[Pull], list[float]]:
    """Equations of a step at a state, residuals of the runs, and effective numbers of deposits."""
    channels = len(state.channel.efficiency)
    own = problem.own if stage != ROUGH else problem.own[:0]
    weighing = Weighing(stage != ROUGH, UNKNOWN_EFFICIENCY if len(own) < len(problem.own) else 0.0)
    blocks = Blocks(problem.free.count + len(problem.solved), channels, len(own))
    free, sensors = problem.free_at(state), problem.free.detector.sensors
    pulls, effective = [], []
    for number, run in enumerate(prepared):
        marks = run.recorded - state.channel.offset[:, None]
        light, count = run.light.at(free, state.theta, marks)
        made = pull(run.seen, light, state.channel, float(np.exp(state.brightness[number])), marks, sensors, weighing)
        columns = np.arange(problem.free.count)
        place = np.flatnonzero(problem.solved == number)
        shared = np.concatenate([made.shared[..., 1:], made.shared[..., :1] * np.ones(len(place))], axis=-1)
        made = made._replace(shared=shared)
        blocks.add(made, np.concatenate([columns, problem.free.count + place]), own)
        pulls.append(made)
        effective.append(count)
    _add_priors(problem, state, blocks, own)
    return blocks, pulls, effective


def _add_priors(problem: Problem, state: State, blocks: Blocks, own: np.ndarray) -> None:
    values, slopes = shared_values(problem, state)
    for name, (mean, rms) in problem.settings.priors.items():
        if name in problem.own_paths:
            for index in np.flatnonzero(own == OWN_PATHS.index(name)):
                blocks.prior_of_channels(int(index), state.channel[own[index]] - mean, rms)
        else:
            index = problem.free.names.index(name)
            blocks.prior(index, values[index] - mean, slopes[index], rms)


def _size(step: Step) -> float:
    """Length of a step: the largest of the shared ones, or the rms of those of the channels, in errors."""
    shared = np.abs(step.shared) / np.sqrt(np.maximum(np.diag(step.covariance), 1e-300))
    variance = np.maximum(np.einsum("coo->co", step.own_covariance), 1e-300)
    own = np.sqrt((step.own**2 / variance).mean(axis=0)) if step.own.size else np.zeros(0)
    return float(max([*shared, *own], default=0.0))


def moved(problem: Problem, state: State, step: Step) -> State:
    """The state after a step, which is cut to a length that the model can be trusted over."""
    step_ = step.shared * min(1.0, LONGEST / max(np.abs(step.shared).max(initial=0.0), 1e-30))
    theta = state.theta + step_[: problem.free.count]
    brightness = state.brightness.copy()
    brightness[problem.solved] += step_[problem.free.count :]
    own = [column.copy() for column in state.channel]
    for index, number in enumerate(problem.own[: step.own.shape[1]]):
        limit = LONGEST * (own[number] if number != OWN_PATHS.index(OFFSET) else 2.0 * own[2])
        own[number] = own[number] + np.clip(step.own[:, index], -limit, limit)
    if problem.pinned:
        mean = own[0].mean()
        own[0], brightness = own[0] / mean, brightness + np.log(mean)
    return State(theta, brightness, ChannelState(*own))
