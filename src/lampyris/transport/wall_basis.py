"""Smooth functions on the wall of any shape: polynomials in position, orthonormal on each face."""

from functools import lru_cache, partial

import jax
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
    i, j, k = exponents(degree).T
    table = _powers(scaled, degree)
    return table[0][i].T * table[1][j].T * table[2][k].T


def _powers(scaled: Array, degree: int) -> list[Array]:
    """Chebyshev polynomials T_0 .. T_degree of each coordinate: three arrays (degree + 1, n)."""
    powers = [jnp.ones_like(scaled), scaled]
    for _ in range(degree - 1):
        powers.append(2.0 * scaled * powers[-1] - powers[-2])
    table = jnp.stack(powers[: degree + 1])
    return [table[:, :, axis] for axis in range(3)]


def _slopes(scaled: Array, degree: int) -> list[Array]:
    """Derivatives T_n' = n U_(n-1) of those polynomials."""
    second = [jnp.ones_like(scaled), 2.0 * scaled]
    for _ in range(degree - 2):
        second.append(2.0 * scaled * second[-1] - second[-2])
    table = jnp.stack([jnp.zeros_like(scaled), *(n * second[n - 1] for n in range(1, degree + 1))])
    return [table[:, :, axis] for axis in range(3)]


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def projected(rows: Float[Array, "rows n"], scaled: Float[Array, "n 3"], degree: int) -> Float[Array, "rows terms"]:
    """Sums over points of each row of weights times each term.

    Its derivative is written as products of matrices, which batches of tangents share.
    """
    return rows @ terms(scaled, degree)


@projected.defjvp
def _(degree, primals, tangents):
    rows, scaled = primals
    rows_dot, scaled_dot = tangents
    i, j, k = exponents(degree).T
    value, slope = _powers(scaled, degree), _slopes(scaled, degree)
    x, y, z = (value[axis][index] for axis, index in enumerate((i, j, k)))
    dx, dy, dz = (slope[axis][index] for axis, index in enumerate((i, j, k)))
    known = (x * y * z).T
    # first the change of every term, then one product with the rows, forwards and backwards
    along = scaled_dot.T[:, None, :]
    moved = along[0] * (dx * y * z) + along[1] * (x * dy * z) + along[2] * (x * y * dz)
    return rows @ known, rows_dot @ known + rows @ moved.T


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
