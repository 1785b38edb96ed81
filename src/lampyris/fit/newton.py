"""Damped second-order maximisation: steps from a local quadratic model, kept only if they gain."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Local(NamedTuple):
    """An objective about a point: value, gradient, and minus its (approximate) second derivatives."""

    value: float
    gradient: np.ndarray
    curvature: np.ndarray
    total: float
    """expected total of the data there, for those who want it"""


class Climb(NamedTuple):
    """Where a maximisation ended."""

    point: Any
    local: Local
    iterations: int
    converged: bool


def maximise(
    objective: Callable[[Any], Local],
    move: Callable[[Any, np.ndarray], Any | None],
    start: Any,
    *,
    most_iterations: int = 30,
    tolerance: float = 0.02,
    longest: float = 4.0,
) -> Climb:
    """Climb from `start`. `move(point, step)` gives the new point, or `None` where it must not go.

    The curvature is made positive by the absolute values of its eigenvalues, damped until a step gains, and no step is
    longer than `longest`. Converged when the quadratic model promises less than `tolerance` of gain: a step that is
    small against the errors.
    """
    point, local, damping = start, objective(start), 1e-3
    for iteration in range(most_iterations):
        if _promise(local) < tolerance:
            return Climb(point, local, iteration, True)
        for _ in range(12):
            step = damped_step(local, damping, longest)
            candidate = move(point, step)
            trial = objective(candidate) if candidate is not None else None
            if trial is not None and np.isfinite(trial.value) and trial.value > local.value:
                point, local, damping = candidate, trial, max(0.2 * damping, 1e-6)
                break
            damping = 10.0 * damping
        else:
            return Climb(point, local, iteration, _promise(local) < 10.0 * tolerance)
    return Climb(point, local, most_iterations, False)


def damped_step(local: Local, damping: float, longest: float) -> np.ndarray:
    """Solution of (|curvature| + damping * diagonal) step = gradient, cut to the longest step."""
    size, vectors = np.linalg.eigh(0.5 * (local.curvature + local.curvature.T))
    size = np.maximum(np.abs(size), 1e-8 * np.abs(size).max() + 1e-12)
    curvature = (vectors * size) @ vectors.T
    step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), local.gradient)
    length = np.linalg.norm(step)
    return step * min(1.0, longest / max(length, 1e-30))


def _promise(local: Local) -> float:
    """Gain that the quadratic model expects of the full step."""
    size, vectors = np.linalg.eigh(0.5 * (local.curvature + local.curvature.T))
    size = np.maximum(np.abs(size), 1e-8 * np.abs(size).max() + 1e-12)
    return float(0.5 * np.sum((vectors.T @ local.gradient) ** 2 / size))
