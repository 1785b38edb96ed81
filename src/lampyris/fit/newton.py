"""Damped second-order maximisation: steps from a local quadratic model, kept only if they gain."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lampyris._host import small_matrices

TRIALS = 12
"""Most steps that are tried from one point."""
LEAST = 0.05
"""Share of the tolerance below which the gain that a shortened step promises is not worth a trial: the surface is rough."""


class Local(NamedTuple):
    """An objective about a point: value, gradient, and minus its (approximate) second derivatives."""

    value: float
    gradient: np.ndarray
    curvature: np.ndarray
    expected: Any
    """the data expected there"""


class Climb(NamedTuple):
    """Where a maximisation ended."""

    point: Any
    local: Local
    iterations: int
    converged: bool
    missing: np.ndarray
    """what secants of the slope have told of the curvature beyond that of `local`"""


@small_matrices()
def maximise(
    objective: Callable[[Any], Local],
    move: Callable[[Any, np.ndarray], Any | None],
    start: Any,
    *,
    most_iterations: int = 30,
    tolerance: float = 0.02,
    longest: float = 4.0,
    missing: np.ndarray | None = None,
) -> Climb:
    """Climb from `start`. `move(point, step)` gives the new point, or `None` where it must not go.

    The curvature is made positive by the absolute values of its eigenvalues; no step is longer than `longest`. Damping
    follows the ratio of the gain of a step to the gain that the quadratic model promised: it falls where the model holds,
    rises where it promised too much, and a step that loses is not taken. Converged when the model promises less than
    `tolerance` of gain: a step that is small against the errors.

    An expected curvature is right on average and wrong by half in some direction of a single event. Each step tells the
    true one along itself; what it tells is kept beside the expected one, and `missing` hands it on to the next climb.
    """
    point, local = start, objective(start)
    known = _Known(np.zeros_like(local.curvature) if missing is None else missing, LEAST * tolerance)
    for iteration in range(most_iterations):
        if promise(local, known.missing) < tolerance:
            return Climb(point, local, iteration, True, known.missing)
        missing = known.missing
        better = _better(objective, move, point, local, known, longest)
        if better is None:
            return Climb(point, local, iteration, promise(local, missing) < 10.0 * tolerance, missing)
        point, local = better
    return Climb(point, local, most_iterations, False, known.missing)


@dataclass
class _Known:
    """What a climb has learnt on its way."""

    missing: np.ndarray
    least: float
    """gain that a step must promise"""
    damping: float = 1e-3
    growth: float = 4.0


def _better(
    objective: Callable[[Any], Local],
    move: Callable[[Any, np.ndarray], Any | None],
    point: Any,
    local: Local,
    known: _Known,
    longest: float,
) -> tuple[Any, Local] | None:
    """A point of greater value, or nothing when ever shorter steps promise nothing more; all add to what is known."""
    for trial_number in range(TRIALS):
        step = damped_step(local, known.damping, longest, known.missing)
        promised = float(local.gradient @ step - 0.5 * step @ (local.curvature + known.missing) @ step)
        if trial_number and promised < known.least:
            break
        candidate = move(point, step)
        if candidate is not None:
            trial = objective(candidate)
            if np.isfinite(trial.value):
                known.missing = secant(known.missing, step, local.gradient - trial.gradient, trial.curvature)
            if trial.value > local.value:
                ratio = (trial.value - local.value) / max(promised, 1e-9)
                shrunk = known.damping * max(1.0 / 3.0, 1.0 - (2.0 * min(ratio, 1.5) - 1.0) ** 3)
                known.damping, known.growth = float(np.clip(shrunk, 1e-3, 1e6)), 4.0
                return candidate, trial
        known.damping, known.growth = max(known.damping, 0.05) * known.growth, 2.0 * known.growth
    return None


def secant(missing: np.ndarray, step: np.ndarray, change: np.ndarray, curvature: np.ndarray) -> np.ndarray:
    """What is missing from the curvature, as the `change` of the slope over a step tells.

    The symmetric update of least change in the metric of the curvature, the old part first scaled down where the step
    contradicts it.

    **Reference**: Dennis, Gay, Welsch, ACM Trans. Math. Software 7 (1981) 348.
    """
    wanted = change - curvature @ step
    had = missing @ step
    along = abs(step @ had)
    scale = min(1.0, abs(step @ wanted) / along) if along > 0 else 1.0
    metric = curvature @ step
    if step @ change > 0:
        metric = change + np.sqrt((step @ change) / max(step @ metric, 1e-30)) * metric
    weight = metric @ step
    if not weight > 1e-100:  # its square must not vanish
        return missing
    rest = wanted - scale * had
    both = np.outer(rest, metric)
    return scale * missing + (both + both.T) / weight - (rest @ step) / weight**2 * np.outer(metric, metric)


def damped_step(local: Local, damping: float, longest: float, missing: np.ndarray | float = 0.0) -> np.ndarray:
    """Solution of (|curvature| + damping * diagonal) step = gradient, cut to the longest step."""
    size, vectors = _positive(local.curvature + missing)
    curvature = (vectors * size) @ vectors.T
    step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), local.gradient)
    length = np.linalg.norm(step)
    return step * min(1.0, longest / max(length, 1e-30))


def promise(local: Local, missing: np.ndarray) -> float:
    """Gain that the quadratic model expects of the full step."""
    size, vectors = _positive(local.curvature + missing)
    return float(0.5 * np.sum((vectors.T @ local.gradient) ** 2 / size))


def covariance_of(curvature: np.ndarray, places: np.ndarray | slice) -> np.ndarray:
    """The block at `places` of the inverse: all other parameters are free too. NaN where something is not known at all."""
    size, vectors = np.linalg.eigh(curvature)
    block = vectors[places]
    return (block / size) @ block.T if size.min() > 0 else np.full((len(block), len(block)), np.nan)


def _positive(curvature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, made positive by their absolute values, and eigenvectors."""
    size, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return np.maximum(np.abs(size), 1e-8 * np.abs(size).max() + 1e-12), vectors
