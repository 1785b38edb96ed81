"""Light on the wall as a function of short range: hat functions on cells in space, for any shape."""

from functools import lru_cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.ndimage import distance_transform_edt

from lampyris.shape import Shape

SAMPLES = 2**17


class WallGrid(NamedTuple):
    """The nodes of cells along each side of a shape that are near its wall; places run from -1 to 1 along each axis."""

    cells: int
    row: np.ndarray
    """of each node of the whole box: itself, or the nearest, among those near the wall"""
    place: np.ndarray
    """(nodes, 3)"""
    area: np.ndarray
    """(nodes, faces): the share of the area of each face that belongs to each node"""

    @property
    def nodes(self) -> int:
        """Number of nodes near the wall."""
        return len(self.place)

    @classmethod
    def of(cls, shape: Shape, cells: int) -> "WallGrid":
        """The grid of all shapes of this kind."""
        kind: type = type(shape)
        return _made(kind, cells)

    def hats(self, scaled: Float[Array, "n 3"]) -> tuple[Int[Array, "n 8"], Float[Array, "n 8"]]:
        """Nodes at the corners of the cell of each point of the wall and their weights, which add up to 1."""
        place = 0.5 * (scaled + 1.0) * self.cells
        low = jnp.clip(jnp.floor(place), 0.0, self.cells - 1.0)
        t = place - low
        i, j, k = (low[:, axis, None].astype(jnp.int32) + jnp.arange(2) for axis in range(3))
        x, y, z = (jnp.stack([1.0 - t[:, axis], t[:, axis]], axis=1) for axis in range(3))
        size = self.cells + 1
        index = (i[:, :, None, None] * size + j[:, None, :, None]) * size + k[:, None, None, :]
        weight = x[:, :, None, None] * y[:, None, :, None] * z[:, None, None, :]
        return jnp.asarray(self.row)[index.reshape(-1, 8)], weight.reshape(-1, 8)

    def gathered(self, rows: Float[Array, "... r"], group: Int[Array, "..."], groups: int) -> Float[Array, "nodes g r"]:
        """Sums of rows over the nodes and groups that `group` numbers: the node times `groups`, and the group."""
        width = rows.shape[-1]
        sums = jnp.zeros((self.nodes * groups, width), rows.dtype).at[group.ravel()].add(rows.reshape(-1, width))
        return sums.reshape(self.nodes, groups, width)

    def density_at(
        self, light: Float[Array, "nodes r"], point: Float[Array, "n 3"], shape: Shape
    ) -> Float[Array, "n r"]:
        """Light that the nodes gathered, per area [1/m^2], at points of the wall."""
        area = jnp.asarray(self.area, light.dtype) @ shape.face_areas()
        node, weight = self.hats(point / shape.half_extent())
        values = (weight[:, :, None] * light[node]).sum(axis=1)
        return values / jnp.maximum((weight * area[node]).sum(axis=1), 1e-30)[:, None]

    def blur(self, shape: Shape) -> Float[Array, " 3"]:
        """Width (rms) along each axis that light is blurred with by being gathered on nodes and read from them [m].

        A point is shared by two nodes with a variance of t(1 - t), 1/6 of a squared cell on average, both times.
        """
        return 2.0 * shape.half_extent() / (self.cells * np.sqrt(3.0))


@lru_cache(maxsize=16)
def _made(shape: type[Shape], cells: int) -> WallGrid:
    size, columns = cells + 1, []
    for points in shape.face_samples(SAMPLES):
        place = 0.5 * (points + 1.0) * cells
        low = np.clip(np.floor(place), 0, cells - 1).astype(int)
        t = place - low
        weight = np.stack([1.0 - t, t], axis=1)
        total = np.zeros(size**3)
        for a, b, c in np.ndindex(2, 2, 2):
            index = ((low[:, 0] + a) * size + low[:, 1] + b) * size + low[:, 2] + c
            total += np.bincount(index, weight[:, a, 0] * weight[:, b, 1] * weight[:, c, 2], size**3)
        columns.append(total / len(points))
    area = np.stack(columns, axis=1)
    near = area.sum(axis=1) > 0.0
    # a point between the samples may have nodes that no sample has: the nearest one stands for them
    away = ~near.reshape((size,) * 3)
    closest = np.asarray(distance_transform_edt(away, return_distances=False, return_indices=True))
    row = (np.cumsum(near) - 1)[np.ravel_multi_index(tuple(closest), away.shape).ravel()]
    place = np.stack(np.nonzero(~away), axis=1) * (2.0 / cells) - 1.0
    return WallGrid(cells, row.astype(np.int32), place.astype(np.float32), area[near])
