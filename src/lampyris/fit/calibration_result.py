"""From the last equations of a calibration to values, errors and words."""

from typing import NamedTuple

import numpy as np

from lampyris.fit.blocks import Step
from lampyris.fit.calibration import POOR, SUSPECT, Calibration, Goodness, Held
from lampyris.fit.calibration_problem import Problem, State
from lampyris.fit.checkpoint import Standing
from lampyris.fit.result import Fit

OPEN = 1.0
"""A combination of logs or logits with a larger error is called open."""


class Findings(NamedTuple):
    """What is told of a fit beside its numbers."""

    goodness: Goodness
    held: tuple[Held, ...]
    statistics: dict[str, float]
    tracks: dict[int, Fit]


def shared_values(problem: Problem, state: State) -> tuple[np.ndarray, np.ndarray]:
    """Values of all shared parameters and their derivatives with respect to their steps."""
    lamps = [run.source for run in problem.runs]
    wavelength = float(np.mean([float(getattr(lamp, "wavelength", 400.0)) for lamp in lamps] or [400.0]))
    values, slopes = problem.free.values(state.theta, wavelength)
    photons = np.array([float(getattr(lamps[n], "photons", 1.0)) * np.exp(state.brightness[n]) for n in problem.bright])
    return np.concatenate([values, photons]), np.concatenate([slopes, photons])


def collect(problem: Problem, standing: Standing, step: Step, findings: Findings) -> Calibration:
    """Values with errors, what the data leave open, and a result code."""
    values, slopes = shared_values(problem, standing.state)
    covariance, own = _with_gauge(problem, step)
    path_noise, _ = _with_gauge(problem, step._replace(covariance=step.path_noise))
    statistical = np.maximum(np.diag(covariance) - np.diag(path_noise), 1e-300)
    scaled = covariance * np.outer(slopes, slopes)
    errors = np.sqrt(np.diag(scaled))
    open_ = open_combinations(problem.names, covariance)
    result = "not converged"
    if standing.converged:
        wrong = findings.goodness.worst > POOR or any(abs(held.pull) > SUSPECT for held in findings.held)
        result = "degenerate" if open_ else "poor fit" if wrong else "converged"
    channel_errors = {path: np.sqrt(own[:, number]) for number, path in enumerate(problem.own_paths)}
    units = (*(number.unit for number in problem.free.numbers), *("photons" for _ in problem.bright))
    share = np.sqrt(np.maximum(np.diag(path_noise), 0.0) / statistical)
    return Calibration(
        problem.detector_at(standing.state),
        problem.names,
        values,
        errors,
        scaled,
        units,
        channel_errors,
        result,
        open_,
        share,
        findings.goodness,
        findings.statistics,
        standing.history,
        findings.held,
        findings.tracks,
    )


def _with_gauge(problem: Problem, step: Step) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of all shared parameters and variances of those of the channels.

    With a gauge the photons of the first run were held while all efficiencies moved; dividing these by their mean moves
    the photons of all runs by its logarithm.
    """
    own = np.einsum("coo->co", step.own_covariance)
    if not problem.pinned:
        return step.covariance, own
    mean_moves = step.leaning[:, 0].mean(axis=0)
    free = problem.free.count
    turn = np.zeros((len(problem.names), len(step.covariance)))
    turn[:free, :free] = np.eye(free)
    turn[free + 1 :, free:] = np.eye(len(problem.solved))
    turn[free:] += mean_moves
    added = np.zeros((len(problem.names), len(problem.names)))
    added[free:, free:] = step.alone[:, 0, 0].mean() / len(own)
    relative = step.leaning[:, 0] - mean_moves
    own[:, 0] = step.alone[:, 0, 0] + np.einsum("cs,st,ct->c", relative, step.covariance, relative)
    return turn @ step.covariance @ turn.T + added, own


def open_combinations(names: tuple[str, ...], covariance: np.ndarray) -> tuple[str, ...]:
    """Combinations of parameters, in log or logit, that the data leave open, in words."""
    if not len(covariance):
        return ()
    size, vectors = np.linalg.eigh(covariance)
    told = []
    for variance, vector in zip(size, vectors.T, strict=True):
        if variance <= OPEN**2:
            continue
        parts = [(names[i], vector[i]) for i in np.argsort(-np.abs(vector)) if abs(vector[i]) > 0.2]
        together = " and ".join(f"{name} ({weight:+.2f})" for name, weight in parts)
        verb = "is" if len(parts) == 1 else "are, moved together by these amounts in log or logit,"
        told.append(f"{together} {verb} not fixed by the data: known to a factor of exp({np.sqrt(variance):.1f}).")
    return tuple(told)
