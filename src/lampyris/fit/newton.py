"""Damped second-order maximisation: steps from a local quadratic model, kept only if they gain."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Local(NamedTuple):
    """An objective about a point: value, gradient, and minus its (approximate) second derivatives."""

    value: float
    gradient: np.ndarray
    curvature: np.ndarray
    expected: np.ndarray
    """the data expected there"""


class Climb(NamedTuple):
    """Where a maximisation ended."""

    point: Any
    local: Local
    iterations: int
    converged: bool
    missing: np.ndarray
    """what secants of the slope have told of the curvature beyond that of `local`"""


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
    point, local, damping, growth = start, objective(start), 1e-3, 4.0
    missing = np.zeros_like(local.curvature) if missing is None else missing
    for iteration in range(most_iterations):
        if promise(local, missing) < tolerance:
            return Climb(point, local, iteration, True, missing)
        for _ in range(12):
            step = damped_step(local, damping, longest, missing)
            candidate = move(point, step)
            trial = objective(candidate) if candidate is not None else None
            taken = trial is not None and np.isfinite(trial.value) and trial.value > local.value
            ratio = (trial.value - local.value) / _expected_gain(local, step, missing) if taken else 0.0
            if trial is not None and np.isfinite(trial.value):
                missing = secant(missing, step, local.gradient - trial.gradient, trial.curvature)
            if taken:
                damping = np.clip(damping * max(1.0 / 3.0, 1.0 - (2.0 * min(ratio, 1.5) - 1.0) ** 3), 1e-3, 1e6)
                point, local, growth = candidate, trial, 4.0
                break
            damping, growth = max(damping, 0.05) * growth, 2.0 * growth
        else:
            return Climb(point, local, iteration, promise(local, missing) < 10.0 * tolerance, missing)
    return Climb(point, local, most_iterations, False, missing)


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
    if not weight > 0:
        return missing
    rest = wanted - scale * had
    both = np.outer(rest, metric)
    return scale * missing + (both + both.T) / weight - (rest @ step) / weight**2 * np.outer(metric, metric)


def _expected_gain(local: Local, step: np.ndarray, missing: np.ndarray) -> float:
    """Gain of a step in the quadratic model."""
    return max(float(local.gradient @ step - 0.5 * step @ (local.curvature + missing) @ step), 1e-9)


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


def _positive(curvature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, made positive by their absolute values, and eigenvectors."""
    size, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return np.maximum(np.abs(size), 1e-8 * np.abs(size).max() + 1e-12), vectors
