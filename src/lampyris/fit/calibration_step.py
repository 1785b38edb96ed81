"""One step of a calibration: paths of all runs, equations of a step, and the state after it."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lampyris.fit.blocks import Blocks, Step
from lampyris.fit.calibration_problem import OWN_PATHS, Problem, State
from lampyris.fit.calibration_result import shared_values
from lampyris.fit.flash_score import ChannelState, Observed, Pull, Weighing, observe_run, pull
from lampyris.fit.free import OFFSET
from lampyris.fit.lamp_light import QUANTILES, LampLight

LONGEST = 0.5
"""Longest step of a shared parameter, in log or logit, and of an efficiency or a spread, relative."""
UNKNOWN_EFFICIENCY = 0.2
"""Relative rms of efficiencies that are free, before they are fitted."""
ROUGH, ALL, LAST = 0, 1, 2
"""Stages: shared parameters from charges with few paths; everything; everything again with marks at the right times."""


class Prepared(NamedTuple):
    """A run with its paths, and its data sorted by the marks."""

    light: LampLight
    seen: Observed
    recorded: np.ndarray
    """marks as recorded times [ns]"""


def rough_offsets(problem: Problem, state: State, prepared: list[Prepared]) -> np.ndarray:
    """Time offsets (channels,) from the early quantile of first hits against its expectation; old ones without hits.

    Late hits must not count: a channel in a mirrored beam has most of them tens of nanoseconds later than its neighbours.
    Nor must the earliest, which may be dark.
    """
    channel, away = [], []
    for run, ready in zip(problem.runs, prepared, strict=True):
        for event in run.events():
            hit = np.flatnonzero(np.asarray(event.hit, bool) & ready.seen.used)
            channel.append(hit)
            away.append(np.asarray(event.time, float)[hit] - ready.light.marks[hit, :2].mean(axis=1))
    early = float(np.mean(QUANTILES[:2]))
    return channel_quantiles(np.concatenate(channel), np.concatenate(away), early, state.channel.offset)


def channel_quantiles(channel: np.ndarray, value: np.ndarray, share: float, otherwise: np.ndarray) -> np.ndarray:
    """Quantile of the values of each channel, that of `otherwise` (channels,) where it has none."""
    order = np.lexsort((value, channel))
    if not len(order):
        return otherwise
    count = np.bincount(channel, minlength=len(otherwise))
    first = np.concatenate([[0], np.cumsum(count)[:-1]])
    place = share * np.maximum(count - 1, 0)
    low = np.minimum(first + np.floor(place).astype(int), len(order) - 1)
    high = np.minimum(first + np.ceil(place).astype(int), len(order) - 1)
    part = place - np.floor(place)
    found = (1.0 - part) * value[order[low]] + part * value[order[high]]
    return np.where(count > 0, found, otherwise)


def draw(
    problem: Problem, state: State, size: tuple[int, int], key: PRNGKeyArray, *, timed: bool = True
) -> list[Prepared]:
    """Draw the paths of all runs at a state, their number and that of their steps given, and sort the data.

    Without `timed` there are no marks, and charges alone count.
    """
    free = problem.free_at(state)
    prepared = []
    for number, run in enumerate(problem.runs):
        own = jax.random.fold_in(key, number)
        light = LampLight.draw(run.source, free, state.theta, problem.near, size, own, timed=timed)
        recorded = light.marks + state.channel.offset[:, None]
        prepared.append(Prepared(light, observe_run(run, recorded, problem.free.detector.sensors), recorded))
    return prepared


def measure(
    problem: Problem, state: State, prepared: list[Prepared], stage: int
) -> tuple[Blocks, list[Pull], list[float], list[float]]:
    """Equations of a step at a state, residuals of the runs, effective numbers of deposits, and weights of paths."""
    channels = len(state.channel.efficiency)
    own = problem.own if stage != ROUGH else problem.own[:0]
    weighing = Weighing(stage != ROUGH, UNKNOWN_EFFICIENCY if len(own) < len(problem.own) else 0.0)
    blocks = Blocks(problem.free.count + len(problem.solved), channels, len(own))
    free, sensors = problem.free_at(state), problem.free.detector.sensors
    pulls, effective, weights = [], [], []
    for number, run in enumerate(prepared):
        marks = run.recorded - state.channel.offset[:, None]
        light, count = run.light.at(free, state.theta, marks)
        made = pull(run.seen, light, state.channel, float(np.exp(state.brightness[number])), marks, sensors, weighing)
        columns = np.arange(problem.free.count)
        place = np.flatnonzero(problem.solved == number)
        kept = np.r_[1 : problem.free.count + 1, np.zeros(len(place), int)]
        made = made._replace(slopes=made.slopes[..., kept], weights=made.weights[..., kept])
        blocks.add(made, np.concatenate([columns, problem.free.count + place]), own)
        pulls.append(made)
        effective.append(count)
        weights.append(float(light.weight))
    _add_priors(problem, state, blocks, own)
    return blocks, pulls, effective, weights


def _add_priors(problem: Problem, state: State, blocks: Blocks, own: np.ndarray) -> None:
    values, slopes = shared_values(problem, state)
    for name, (mean, rms) in problem.priors.items():
        if name in problem.own_paths:
            for index in np.flatnonzero(own == OWN_PATHS.index(name)):
                blocks.prior_of_channels(int(index), state.channel[own[index]] - mean, rms)
        else:
            index = problem.free.names.index(name)
            blocks.prior(index, values[index] - mean, slopes[index], rms)


def moved(problem: Problem, state: State, step: Step) -> State:
    """The state after a step, which is cut to a length that the model can be trusted over."""
    shared, channels = shortened(step)
    theta = state.theta + shared[: problem.free.count]
    brightness = state.brightness.copy()
    brightness[problem.solved] += shared[problem.free.count :]
    own = [column.copy() for column in state.channel]
    for index, number in enumerate(problem.own[: channels.shape[1]]):
        limit = LONGEST * (own[number] if number != OWN_PATHS.index(OFFSET) else 2.0 * own[2])
        own[number] = own[number] + np.clip(channels[:, index], -limit, limit)
    if problem.pinned:
        mean = own[0].mean()
        own[0], brightness = own[0] / mean, brightness + np.log(mean)
    return State(theta, brightness, ChannelState(*own))


def shortened(step: Step) -> tuple[np.ndarray, np.ndarray]:
    """The step in shared parameters, none longer than `LONGEST`, and that of the channels.

    Where a parameter would go further, it is held at the limit and the equations of all others are solved again: one that
    runs away, as a small reflectance in its logit, does not keep the others from moving.
    """
    shared, held = step.shared, np.zeros(len(step.shared), bool)
    inverse = step.answer.shared[:, : len(shared)]
    for _ in range(len(shared)):
        beyond = np.where(held, 0.0, np.abs(shared))
        if beyond.max(initial=0.0) <= LONGEST:
            break
        held[beyond.argmax()] = True
        wanted = np.clip(shared, -LONGEST, LONGEST)[held] - step.shared[held]
        shared = step.shared + inverse[:, held] @ np.linalg.solve(inverse[np.ix_(held, held)], wanted)
    return shared, step.own + step.leaning @ (shared - step.shared)
