"""Sensors that see similar light: the surroundings of each, and zones."""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, Int
from scipy.spatial import KDTree

from lampyris.detector import Detector

NEIGHBOURS, SURROUNDINGS = 8, 16
"""Sensors nearest to each of which its light, and the derivatives of its light, are made."""
ZONES = 128
APART = 4.0
"""Distances between neighbours that turning away by a right angle counts as much as."""


@dataclass(frozen=True)
class Neighbourhood:
    """Which sensors are near which, and zones of sensors that see similar light."""

    nearest: Int[np.ndarray, "channels near"]
    """the nearest first; sensors that look elsewhere, as behind an edge, count as further away"""
    zone: Int[np.ndarray, " channels"]

    @classmethod
    def of(cls, detector: Detector) -> "Neighbourhood":
        """Of the sensors of a detector."""
        position = np.asarray(detector.sensors.position, float)
        normal = np.asarray(detector.sensors.normal, float)
        count = min(SURROUNDINGS, len(position) - 1)
        distance, _ = KDTree(position).query(position, 2)
        place = np.concatenate([position, APART * np.median(distance[:, 1]) * normal], axis=1)
        _, found = KDTree(place).query(place, count + 1)
        return cls(np.asarray(found)[:, 1:], zones_of(position))


def smoothed(part, nearest: Array, area: Array):
    """Mean over sensors near each, per area; a mark stays that of the sensor only in its delay."""

    def mean(values: Array) -> Array:
        shape = (-1,) + (1,) * (values.ndim - 1)
        return (values / area.reshape(shape))[nearest].mean(axis=1) * area.reshape(shape)

    return jax.tree.map(mean, part)


def zones_of(position: np.ndarray) -> np.ndarray:
    """Number the sensors by zones of equal size: halves of halves, across the longest side of each."""
    zone, parts = np.zeros(len(position), np.int32), [np.arange(len(position))]
    while len(parts) < ZONES and max(map(len, parts)) > 16:
        halves = []
        for part in parts:
            axis = int(np.ptp(position[part], axis=0).argmax())
            order = part[np.argsort(position[part, axis], kind="stable")]
            halves += [order[: len(order) // 2], order[len(order) // 2 :]]
        parts = halves
    for number, part in enumerate(parts):
        zone[part] = number
    return zone
