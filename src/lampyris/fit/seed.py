"""Where to look for a track, from the data alone: a point and time by multilateration, and the mean direction of light."""

from typing import NamedTuple

import numpy as np

from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.response import Hits
from lampyris.units import SPEED_OF_LIGHT

MOST_HITS = 512
WIDTHS = (8.0, 4.0, 2.5)
"""Widths of the time residuals [ns] in the three searches, each finer than the one before."""


class Seed(NamedTuple):
    """Where light seems to come from, when, and to where most of it goes."""

    position: np.ndarray
    time: float
    direction: np.ndarray


def find_seed(detector: Detector, hits: Hits) -> Seed:
    """Point, time and mean direction of an event.

    The point maximises the charge-weighted number of hits whose times agree with one flash there; late (indirect) and
    dark hits fall outside the window of residuals and do not pull. For a track it is a point on its way.
    """
    index, charge = _chosen(hits)
    sensors = np.asarray(detector.sensors.position)[index]
    time = (np.asarray(hits.time) - np.asarray(detector.sensors.time_offset))[index]
    speed = SPEED_OF_LIGHT / float(on_host(detector.medium.group_index, 400.0))
    grid, spacing = _grid(detector)
    position, start = np.zeros(3), 0.0
    for width in WIDTHS:
        position, start = _best(grid, sensors, time, charge, speed, width)
        spacing = spacing / 3.0
        offsets = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        grid = position + spacing * offsets
        grid = grid[on_host(detector.shape.contains, grid)]
        if not len(grid):
            break
    return Seed(position, start, _direction(detector, hits, position, start, speed))


def _chosen(hits: Hits) -> tuple[np.ndarray, np.ndarray]:
    """The channels with most charge, at most a few hundred."""
    charge = np.where(np.asarray(hits.hit), np.asarray(hits.charge), 0.0)
    order = np.argsort(-charge, kind="stable")[:MOST_HITS]
    return order, np.minimum(charge[order], 10.0)


def _grid(detector: Detector) -> tuple[np.ndarray, float]:
    """About two thousand points that fill the detector, and their spacing [m]."""
    half = on_host(detector.shape.half_extent)
    spacing = float(np.cbrt(np.prod(2.0 * half) / 3000.0))
    axes = [np.arange(-h + 0.5 * spacing, h, spacing) for h in half]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid[on_host(detector.shape.signed_distance, grid) > 0.2 * spacing], spacing


def _best(grid, sensors, time, charge, speed, width) -> tuple[np.ndarray, float]:
    """The grid point at which most charge agrees in time, and its time, refined from an early quantile."""
    best_score, best, best_time = -1.0, grid[0], 0.0
    for points in np.array_split(grid, -(-len(grid) // 256)):
        residual = time - np.linalg.norm(sensors - points[:, None], axis=-1) / speed
        centre = _weighted_quantile(residual, charge, 0.3)
        for _ in range(4):
            near = charge * np.exp(-0.5 * ((residual - centre[:, None]) / width) ** 2)
            centre = (near * residual).sum(axis=1) / np.maximum(near.sum(axis=1), 1e-9)
        score = near.sum(axis=1)
        if score.max() > best_score:
            row = int(score.argmax())
            best_score, best, best_time = float(score[row]), points[row], float(centre[row])
    return best, best_time


def _weighted_quantile(value: np.ndarray, weight: np.ndarray, quantile: float) -> np.ndarray:
    """Quantile of every row."""
    order = np.argsort(value, axis=1)
    cumulative = np.cumsum(weight[order], axis=1)
    column = (cumulative < quantile * cumulative[:, -1:]).sum(axis=1)
    return np.take_along_axis(value, order, axis=1)[np.arange(len(value)), column]


def _direction(detector: Detector, hits: Hits, position: np.ndarray, start: float, speed: float) -> np.ndarray:
    """Mean direction of the prompt light, each channel weighted by what its place would see of an even flash."""
    away = np.asarray(detector.sensors.position) - position
    distance = np.linalg.norm(away, axis=1)
    facing = np.clip(-(away * np.asarray(detector.sensors.normal)).sum(axis=1) / distance, 0.15, 1.0)
    residual = (np.asarray(hits.time) - np.asarray(detector.sensors.time_offset)) - start - distance / speed
    prompt = np.asarray(hits.hit) & (np.abs(residual) < 15.0)
    light = np.where(prompt, np.asarray(hits.charge), 0.0) * np.maximum(distance, 1.0) ** 2 / facing
    mean = (light[:, None] * away / distance[:, None]).sum(axis=0)
    length = np.linalg.norm(mean)
    return mean / length if length > 0 else np.array([0.0, 0.0, 1.0])
