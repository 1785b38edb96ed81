"""Exact search of the sensor at a point of the wall, and of all sensors near it."""

from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from lampyris._checks import is_concrete
from lampyris._math import dot
from lampyris.detector import Detector
from lampyris.sensors import Sensors
from lampyris.transport.contract import check_flush

MOST_CELLS = 2_000_000


Tree = TypeVar("Tree", bound=eqx.Module)


def held(tree: Tree) -> Tree:
    """The tree without derivatives: inside `jax.grad` it holds numbers again, inside `jax.jit` what is traced stays so."""
    return jax.tree.map(lambda leaf: leaf if is_concrete(leaf) else jax.lax.stop_gradient(leaf), tree)


class Cells(eqx.Module):
    """Cells in space, each with the list of all balls that reach into it, as long as the longest needs to be.

    No ball is ever left out, whatever the layout.
    """

    origin: Float[Array, "3"]
    cell: Float[Array, ""]
    counts: tuple[int, int, int] = eqx.field(static=True)
    members: Int[Array, "cells most"]

    @classmethod
    def about(cls, half_extent: Array, centre: np.ndarray, reach: np.ndarray) -> "Cells":
        """Cells that fill a box about the origin, with the balls of these centres and radii [m]."""
        centre, reach = np.asarray(centre, float), np.asarray(reach, float)
        half = np.asarray(half_extent, float) * 1.001 + 1e-3
        cell = max(float(np.median(reach)), float(np.cbrt(np.prod(2.0 * half) / MOST_CELLS)))
        counts = np.maximum(np.ceil(2.0 * half / cell).astype(int), 1)
        large = reach > 1.5 * cell  # apart, because all of one call take the room of the largest
        groups = [np.flatnonzero(group) for group in (large, ~large) if group.any()]
        found = [_reached(centre[group], 1.01 * reach[group] + 1e-3, half, cell, counts) for group in groups]
        members = np.concatenate([group[member] for group, (_, member) in zip(groups, found, strict=True)])
        table = _lists(np.concatenate([cells for cells, _ in found]), members, int(counts.prod()))
        along_x, along_y, along_z = map(int, counts)
        return cls(jnp.asarray(-half, float), jnp.asarray(cell, float), (along_x, along_y, along_z), jnp.asarray(table))

    def at(self, point: Float[Array, "n 3"]) -> tuple[Int[Array, "n 3"], Int[Array, " n"]]:
        """The cell that holds each point: its place along the axes, and its number."""
        limit = jnp.asarray(self.counts) - 1
        index = jnp.clip(((point - self.origin) / self.cell).astype(int), 0, limit)
        return index, (index[:, 0] * self.counts[1] + index[:, 1]) * self.counts[2] + index[:, 2]


class SensorGrid(eqx.Module):
    """Cells with the sensors whose disks, stretched by a factor, can reach into them.

    Made on the host from a concrete detector (which `jax.grad` gives, `jax.jit` does not); works for every shape.
    """

    cells: Cells
    position: Float[Array, "channels 3"]
    normal: Float[Array, "channels 3"]
    radius: Float[Array, " channels"]

    @classmethod
    def of(cls, detector: Detector, stretch: float = 1.0) -> "SensorGrid":
        """The grid of a detector. Raises `LampyrisError` for sensors that stand out of the wall."""
        check_flush(detector)
        with jax.ensure_compile_time_eval():  # numbers stay numbers inside `jax.jit`
            sensors = held(detector.sensors)
            reach = stretch * np.asarray(sensors.radius, float)
            cells = Cells.about(held(detector.shape).half_extent(), np.asarray(sensors.position), reach)
            return cls(cells, sensors.position, sensors.normal, sensors.radius)

    def near(self, point: Float[Array, "n 3"]) -> Int[Array, "n most"]:
        """Channels of all sensors whose stretched disk may hold each point, filled up with -1."""
        return self.cells.members[self.cells.at(point)[1]]

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

    def find(self, point: Float[Array, "n 3"]) -> Int[Array, " n"]:
        """Channel whose disk holds each point of the wall, -1 where there is bare wall."""
        members = self.cells.members[self.cells.at(point)[1]]
        found = jnp.full(point.shape[0], -1, members.dtype)
        for candidate in members.T:
            away = point - self.position[candidate]
            height = dot(away, self.normal[candidate])
            radius = self.radius[candidate]
            inside = (dot(away, away) - height**2 < radius**2) & (jnp.abs(height) < radius) & (candidate >= 0)
            found = jnp.where(inside & (found < 0), candidate, found)
        return found


class SoftDisks(NamedTuple):
    """The disks of sensors with soft edges, as what they cover of the wall."""

    grid: SensorGrid
    width: float

    def at(self, point: Float[Array, "n 3"], detector: Detector) -> Float[Array, " n"]:
        """Covered share at points of the wall. **Gradients**: right, the grid's reach given."""
        _, share = self.grid.overlap(point, detector.sensors, self.width)
        return jnp.minimum(share.sum(axis=1), 1.0)


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
    table = np.full((count, int(column.max(initial=0)) + 1), -1, np.int32)
    table[cells, column] = members
    return table
