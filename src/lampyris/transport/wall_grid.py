"""Light on the wall as a function of short range: hat functions on cells in space, for any shape."""

from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from lampyris.shape import Shape

SAMPLES = 2**17


def hats(scaled: Float[Array, "n 3"], cells: int) -> tuple[Array, Array]:
    """Nodes (n, 8) at the corners of the cell of each point and their weights, which add up to 1.

    `scaled` runs from -1 to 1, which spans `cells` cells.
    """
    place = 0.5 * (scaled + 1.0) * cells
    low = jnp.clip(jnp.floor(place), 0.0, cells - 1.0)
    t = place - low
    i, j, k = (low[:, axis, None].astype(jnp.int32) + jnp.arange(2) for axis in range(3))
    x, y, z = (jnp.stack([1.0 - t[:, axis], t[:, axis]], axis=1) for axis in range(3))
    size = cells + 1
    index = (i[:, :, None, None] * size + j[:, None, :, None]) * size + k[:, None, None, :]
    weight = x[:, :, None, None] * y[:, None, :, None] * z[:, None, None, :]
    return index.reshape(-1, 8), weight.reshape(-1, 8)


def node_places(index: Int[Array, "..."], cells: int) -> Float[Array, "... 3"]:
    """Scaled places of nodes, each axis from -1 to 1."""
    size = cells + 1
    number = jnp.stack([index // size**2, index // size % size, index % size], axis=-1)
    return 2.0 * number / cells - 1.0


def gathered(rows: Float[Array, "n 8 r"], place: Int[Array, "n 8"], count: int) -> Float[Array, "count r"]:
    """Sums over `count` places of the rows that each point has for the eight about it."""
    width = rows.shape[-1]
    return jnp.zeros((count, width), rows.dtype).at[place.ravel()].add(rows.reshape(-1, width))


def gathered_in_time(
    weight: Float[Array, " n"],
    scaled: Float[Array, "n 3"],
    at: tuple[Int[Array, "n 2"], Float[Array, "n 2"]],
    size: tuple[int, int],
) -> Float[Array, "nodes delays"]:
    """Sums of the weights over the nodes about each point and the two delays about its time, with their shares `at`.

    `size` counts cells and delays. **Gradients**: right; they jump between cells.
    """
    cells, delays = size
    index, share = hats(scaled, cells)
    place = index[:, :, None] * delays + at[0][:, None, :]
    updates = weight[:, None, None] * share[:, :, None] * at[1][:, None, :]
    flat = jnp.zeros((cells + 1) ** 3 * delays, weight.dtype).at[place.ravel()].add(updates.ravel())
    return flat.reshape(-1, delays)


def read(grid: Float[Array, "nodes r"], scaled: Float[Array, "n 3"], cells: int) -> Float[Array, "n r"]:
    """Values of the grid at points."""
    index, weight = hats(scaled, cells)
    return (weight[:, :, None] * grid[index]).sum(axis=1)


def density_at(
    grid: Float[Array, "nodes r"], point: Float[Array, "n 3"], shape: Shape, cells: int
) -> Float[Array, "n r"]:
    """What the grid gathered, per area [1/m^2], at points of the wall."""
    kind: type = type(shape)
    area = jnp.asarray(face_shares(kind, cells), grid.dtype) @ shape.face_areas()
    values = read(jnp.concatenate([grid, area[:, None]], axis=1), point / shape.half_extent(), cells)
    return values[:, :-1] / jnp.maximum(values[:, -1:], 1e-30)


def blur_of(shape: Shape, cells: int) -> Float[Array, " 3"]:
    """Width (rms) along each axis that light is blurred with by being gathered on cells and read from them [m].

    A point is shared by two nodes with a variance of t(1 - t), 1/6 of a squared cell on average, both times.
    """
    return 2.0 * shape.half_extent() / (cells * np.sqrt(3.0))


@lru_cache(maxsize=16)
def face_shares(shape: type[Shape], cells: int) -> np.ndarray:
    """Share of the area of each face that belongs to each node: (nodes, faces)."""
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
    return np.stack(columns, axis=1)
