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

    The curvature is made positive by the absolute values of its eigenvalues; no step is longer than `longest`. Damping
    follows the ratio of the gain of a step to the gain that the quadratic model promised: it falls where the model holds,
    rises where it promised too much, and a step that loses is not taken. Converged when the model promises less than
    `tolerance` of gain: a step that is small against the errors.
    """
    point, local, damping, growth = start, objective(start), 1e-3, 4.0
    for iteration in range(most_iterations):
        if _promise(local) < tolerance:
            return Climb(point, local, iteration, True)
        for _ in range(12):
            step = damped_step(local, damping, longest)
            candidate = move(point, step)
            trial = objective(candidate) if candidate is not None else None
            if trial is not None and np.isfinite(trial.value) and trial.value > local.value:
                ratio = (trial.value - local.value) / _expected_gain(local, step)
                damping = np.clip(damping * max(1.0 / 3.0, 1.0 - (2.0 * min(ratio, 1.5) - 1.0) ** 3), 1e-3, 1e6)
                point, local, growth = candidate, trial, 4.0
                break
            damping, growth = max(damping, 0.05) * growth, 2.0 * growth
        else:
            return Climb(point, local, iteration, _promise(local) < 10.0 * tolerance)
    return Climb(point, local, most_iterations, False)


def _expected_gain(local: Local, step: np.ndarray) -> float:
    """Gain of a step in the quadratic model."""
    return max(float(local.gradient @ step - 0.5 * step @ local.curvature @ step), 1e-9)


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
