"""Exact search of the sensor at a point of the wall, and of all sensors near it."""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from lampyris._checks import is_concrete
from lampyris._math import dot
from lampyris.detector import Detector
from lampyris.sensors import Sensors

MOST_CELLS = 2_000_000


Tree = TypeVar("Tree", bound=eqx.Module)


def held(tree: Tree) -> Tree:
    """The tree without derivatives: inside `jax.grad` it holds numbers again, inside `jax.jit` what is traced stays so."""
    return jax.tree.map(lambda leaf: leaf if is_concrete(leaf) else jax.lax.stop_gradient(leaf), tree)


class SensorGrid(eqx.Module):
    """Cells in space, each with the list of all sensors whose disk, stretched by a factor, can reach into it.

    The lists are as long as the longest needs to be, so no sensor is ever left out. Made on the host from a concrete
    detector (which `jax.grad` gives, `jax.jit` does not); works for every shape.
    """

    origin: Float[Array, "3"]
    cell: Float[Array, ""]
    counts: tuple[int, int, int] = eqx.field(static=True)
    members: Int[Array, "cells most"]
    position: Float[Array, "channels 3"]
    normal: Float[Array, "channels 3"]
    radius: Float[Array, " channels"]

    @classmethod
    def of(cls, detector: Detector, stretch: float = 1.0) -> "SensorGrid":
        """The grid of a detector."""
        with jax.ensure_compile_time_eval():  # numbers stay numbers inside `jax.jit`
            return cls._made(held(detector), stretch)

    @classmethod
    def _made(cls, detector: Detector, stretch: float) -> "SensorGrid":
        sensors = detector.sensors
        position, radius = np.asarray(sensors.position, float), stretch * np.asarray(sensors.radius, float)
        half = np.asarray(detector.shape.half_extent(), float) * 1.001 + 1e-3
        cell = max(float(radius.max()), float(np.cbrt(np.prod(2.0 * half) / MOST_CELLS)))
        counts = np.maximum(np.ceil(2.0 * half / cell).astype(int), 1)
        cells, members = _reached(position, 1.01 * radius + 1e-3, half, cell, counts)
        table = _lists(cells, members, int(counts.prod()))
        along_x, along_y, along_z = map(int, counts)
        return cls(
            jnp.asarray(-half, float),
            jnp.asarray(cell, float),
            (along_x, along_y, along_z),
            jnp.asarray(table),
            sensors.position,
            sensors.normal,
            sensors.radius,
        )

    def near(self, point: Float[Array, "n 3"]) -> Int[Array, "n most"]:
        """Channels of all sensors whose stretched disk may hold each point, filled up with -1."""
        return self.members[self._cell_of(point)]

    def overlap(
        self, point: Float[Array, "n 3"], sensors: Sensors, width: float
    ) -> tuple[Int[Array, "n some"], Float[Array, "n some"]]:
        """Channels near each point (0 with no overlap fills up) and the share with which their disks hold it.

        **Gradients**: those of `soft_disk`; none for the width 0.
        """
        if width == 0:
            found = self.find(point)[:, None]
            return jnp.maximum(found, 0), (found >= 0).astype(point.dtype)
        near = self.near(point)
        channel = jnp.maximum(near, 0)
        away = point[:, None, :] - sensors.position[channel]
        squared, area = dot(away, away), sensors.radius[channel] ** 2
        share = soft_disk((squared - dot(away, sensors.normal[channel]) ** 2) / area, width)
        # the ball that the lists hold: it leaves out points that are above a disk and not beside it
        close = squared < 1.02 * (1.0 + width) * area
        return channel, jnp.where(close & (near >= 0), share, 0.0)

    def _cell_of(self, point: Float[Array, "n 3"]) -> Int[Array, " n"]:
        limit = jnp.asarray(self.counts) - 1
        index = jnp.clip(((point - self.origin) / self.cell).astype(int), 0, limit)
        return (index[:, 0] * self.counts[1] + index[:, 1]) * self.counts[2] + index[:, 2]

    def find(self, point: Float[Array, "n 3"]) -> Int[Array, " n"]:
        """Channel whose disk holds each point of the wall, -1 where there is bare wall."""
        flat = self._cell_of(point)
        found = jnp.full(point.shape[0], -1, self.members.dtype)
        for column in range(self.members.shape[1]):
            candidate = self.members[flat, column]
            away = point - self.position[candidate]
            height = dot(away, self.normal[candidate])
            radius = self.radius[candidate]
            inside = (dot(away, away) - height**2 < radius**2) & (jnp.abs(height) < radius) & (candidate >= 0)
            found = jnp.where(inside & (found < 0), candidate, found)
        return found


def soft_disk(squared: Array, width: float) -> Array:
    """Share with which a disk of radius 1 holds a point at the squared distance from its centre.

    It falls smoothly from 1 to 0 where the square passes 1 -+ `width`; beyond the width 1 the profile keeps its form and is
    stretched. Its integral is the area of the disk for every width, and it is exactly 0 from the square 1 + `width` on.
    **Gradients**: right and continuous.
    """
    steep, stretched = min(width, 1.0), max(1.0, 0.5 * (1.0 + width))
    t = jnp.clip((1.0 + steep - squared / stretched) / (2.0 * steep), 0.0, 1.0)
    return t**2 * (3.0 - 2.0 * t) / stretched


def _reached(position, reach, half, cell, counts) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (cell, sensor) for every cell that the cube about a disk touches."""
    low = np.clip(np.floor((position - reach[:, None] + half) / cell).astype(int), 0, counts - 1)
    high = np.clip(np.floor((position + reach[:, None] + half) / cell).astype(int), 0, counts - 1)
    span = (high - low).max(axis=0) + 1
    offsets = np.stack(np.meshgrid(*(np.arange(s) for s in span), indexing="ij"), axis=-1).reshape(-1, 3)
    cells = low[:, None, :] + offsets
    inside = np.all(cells <= high[:, None, :], axis=-1)
    flat = (cells[..., 0] * counts[1] + cells[..., 1]) * counts[2] + cells[..., 2]
    sensor = np.broadcast_to(np.arange(len(position))[:, None], flat.shape)
    return flat[inside], sensor[inside]


def _lists(cells: np.ndarray, members: np.ndarray, count: int) -> np.ndarray:
    """The members of each cell as rows, filled up with -1."""
    order = np.argsort(cells, kind="stable")
    cells, members = cells[order], members[order]
    first = np.searchsorted(cells, cells, side="left")
    column = np.arange(len(cells)) - first
    table = np.full((count, int(column.max()) + 1), -1, np.int32)
    table[cells, column] = members
    return table
