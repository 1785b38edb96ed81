"""Light on the wall as a smooth function of short range: quadratic B-splines on cells in space, for any shape."""

from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.shape import Shape

SAMPLES = 2**17


def splines(scaled: Float[Array, "n 3"], cells: int) -> tuple[Array, Array]:
    """Cell numbers and weights (each n, 27) of the B-splines that reach a point; the weights of a point add up to 1.

    `scaled` runs from -1 to 1, which spans `cells` cells; a margin of one cell on each side belongs to the grid.
    """
    place = 0.5 * (scaled + 1.0) * cells + 1.0
    middle = jnp.clip(jnp.floor(place), 1.0, float(cells)).astype(jnp.int32)
    t = place - middle  # 0 .. 1 within the middle cell
    weight = jnp.stack([0.5 * (1.0 - t) ** 2, 0.5 + t * (1.0 - t), 0.5 * t**2], axis=1)  # n, 3 cells, 3 axes
    size = cells + 2
    i, j, k = (middle[:, axis, None] + jnp.arange(-1, 2) for axis in range(3))
    index = (i[:, :, None, None] * size + j[:, None, :, None]) * size + k[:, None, None, :]
    product = weight[:, :, None, None, 0] * weight[:, None, :, None, 1] * weight[:, None, None, :, 2]
    return index.reshape(-1, 27), product.reshape(-1, 27)


def gathered(rows: Float[Array, "n r"], scaled: Float[Array, "n 3"], cells: int) -> Float[Array, "cells r"]:
    """Sums of the rows of all points over the cells that they reach."""
    index, weight = splines(scaled, cells)
    updates = (weight[:, :, None] * rows[:, None, :]).reshape(-1, rows.shape[1])
    return jnp.zeros(((cells + 2) ** 3, rows.shape[1]), rows.dtype).at[index.ravel()].add(updates)


def read(grid: Float[Array, "cells r"], scaled: Float[Array, "n 3"], cells: int) -> Float[Array, "n r"]:
    """Values of the grid at points."""
    index, weight = splines(scaled, cells)
    return (weight[:, :, None] * grid[index]).sum(axis=1)


@lru_cache(maxsize=16)
def face_shares(shape: type[Shape], cells: int) -> np.ndarray:
    """Share of the area of each face that belongs to each cell: (cells, faces)."""
    size, columns = cells + 2, []
    for points in shape.face_samples(SAMPLES):
        place = 0.5 * (points + 1.0) * cells + 1.0
        middle = np.clip(np.floor(place), 1, cells).astype(int)
        t = place - middle
        weight = np.stack([0.5 * (1.0 - t) ** 2, 0.5 + t * (1.0 - t), 0.5 * t**2], axis=1)
        total = np.zeros(size**3)
        for a, b, c in np.ndindex(3, 3, 3):
            index = ((middle[:, 0] + a - 1) * size + middle[:, 1] + b - 1) * size + middle[:, 2] + c - 1
            total += np.bincount(index, weight[:, a, 0] * weight[:, b, 1] * weight[:, c, 2], size**3)
        columns.append(total / len(points))
    return np.stack(columns, axis=1)
