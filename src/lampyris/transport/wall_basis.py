"""Smooth functions on the wall of any shape: polynomials in position, orthonormal on each face."""

from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.shape import Shape

SAMPLES = 8192
SMALLEST = 1e-5


def exponents(degree: int) -> np.ndarray:
    """Powers (i, j, k) of all terms of total degree up to `degree`, lowest degree first."""
    grid = np.stack(np.meshgrid(*[np.arange(degree + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    grid = grid[grid.sum(axis=1) <= degree]
    return grid[np.argsort(grid.sum(axis=1), kind="stable")]


def terms(scaled: Float[Array, "n 3"], degree: int) -> Float[Array, "n terms"]:
    """Products of Chebyshev polynomials of the three scaled coordinates (each between -1 and 1)."""
    powers = [jnp.ones_like(scaled), scaled]
    for _ in range(degree - 1):
        powers.append(2.0 * scaled * powers[-1] - powers[-2])
    table = jnp.stack(powers, axis=-1)  # n, coordinate, power
    i, j, k = exponents(degree).T
    return table[:, 0, i] * table[:, 1, j] * table[:, 2, k]


@lru_cache(maxsize=32)
def projections(shape: type[Shape], degree: int) -> np.ndarray:
    """For each face, the matrix from mean values of the terms to coefficients of the projected density.

    It is the inverse of the terms' mean products on the face; combinations that vanish on the face are left out.
    """
    matrices = []
    for points in shape.face_samples(SAMPLES):
        values = np.asarray(_host_terms(points, degree))
        gram = values.T @ values / len(points)
        size, vectors = np.linalg.eigh(gram)
        good = size > SMALLEST * size[-1]
        matrices.append((vectors[:, good] / size[good]) @ vectors[:, good].T)
    return np.stack(matrices)


def _host_terms(points: np.ndarray, degree: int) -> np.ndarray:
    table = np.cos(np.arange(degree + 1) * np.arccos(np.clip(points, -1.0, 1.0))[..., None])
    i, j, k = exponents(degree).T
    return table[:, 0, i] * table[:, 1, j] * table[:, 2, k]
