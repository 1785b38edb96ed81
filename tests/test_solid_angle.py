import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.transport.solid_angle import disk_solid_angle

RADIUS = 0.254
# height, lateral offset, solid angle: on the axis in closed form, off it after Paxton (1959)
TABLE = np.array(
    [
        [16.9, 0.0, 7.095293e-4],
        [1.0, 0.0, 0.1933749],
        [1.0, 0.3, 0.1720140838],
        [1.0, 1.0, 0.07206770158],
        [5.0, 5.0, 0.002867062247],
        [0.3, 0.25, 0.9768710027],
    ]
)


def fine(height, lateral, radius):
    return disk_solid_angle(height, lateral, radius, 64)


def usual(height, lateral, radius):
    return disk_solid_angle(height, lateral, radius)


def test_known_values(double_precision):
    height, lateral, expected = TABLE.T
    radius = np.full(len(TABLE), RADIUS)
    np.testing.assert_allclose(on_host(fine, height, lateral, radius), expected, rtol=2e-7)
    np.testing.assert_allclose(on_host(usual, height, lateral, radius), expected, rtol=1e-5)


def test_single_precision_is_enough():
    height, lateral, expected = TABLE.T
    np.testing.assert_allclose(on_host(usual, height, lateral, np.full(len(TABLE), RADIUS)), expected, rtol=2e-5)


def test_agrees_with_an_integral_over_the_disk_and_is_zero_from_behind(double_precision):
    generator = np.random.default_rng(0)
    radius = generator.uniform(0.5, 2.0, 60)
    height, lateral = generator.uniform(0.4, 3.0, 60) * radius, generator.uniform(0.0, 3.0, 60) * radius
    nodes, weights = np.polynomial.legendre.leggauss(80)
    rho = 0.5 * radius[:, None, None] * (1.0 + nodes[:, None])
    azimuth = 2.0 * np.pi * (np.arange(256) + 0.5) / 256
    squared = height[:, None, None] ** 2 + rho**2 + lateral[:, None, None] ** 2
    squared = squared - 2.0 * rho * lateral[:, None, None] * np.cos(azimuth)
    ring = (height[:, None, None] * rho / squared**1.5).mean(axis=2) * 2.0 * np.pi
    expected = (0.5 * radius[:, None] * weights * ring).sum(axis=1)
    np.testing.assert_allclose(on_host(fine, height, lateral, radius), expected, rtol=1e-7)
    np.testing.assert_array_equal(on_host(fine, -height, lateral, radius), 0.0)


def test_a_closed_wall_covers_the_whole_sphere(double_precision):
    size, cell = np.array([2.0, 3.0, 4.0]), 1 / 16
    source = np.array([0.4, -0.7, 1.1])
    height, lateral = [], []
    for axis in range(3):
        across = [a for a in range(3) if a != axis]
        grids = [np.arange(-0.5 * size[a] + 0.5 * cell, 0.5 * size[a], cell) - source[a] for a in across]
        distance = np.hypot(*np.meshgrid(*grids)).ravel()
        for side in (1.0, -1.0):
            lateral.append(distance)
            height.append(np.full(distance.size, 0.5 * size[axis] - side * source[axis]))
    height, lateral = np.concatenate(height), np.concatenate(lateral)
    # a square and a disk of its area differ by .004 (cell / height)^2, 1e-4 here
    total = on_host(usual, height, lateral, np.full(height.size, cell / np.sqrt(np.pi))).sum()
    assert total == pytest.approx(4.0 * np.pi, rel=3e-4)


def slope_and_difference(height, lateral, radius, step):
    """Derivative along a common change of all three numbers, and its finite difference."""
    ways = (0.7 * height, -0.4 * lateral + 0.1 * radius, 0.5 * radius)
    _, slope = jax.jvp(fine, (height, lateral, radius), ways)

    def moved(t):
        return fine(height + t * ways[0], lateral + t * ways[1], radius + t * ways[2])

    return slope, (moved(step) - moved(-step)) / (2.0 * step), jnp.isfinite(slope).all()


def test_gradient(double_precision):
    height, lateral, _ = TABLE.T
    slope, difference, finite = on_host(slope_and_difference, height, lateral, np.full(len(TABLE), RADIUS), 1e-6)
    assert finite
    np.testing.assert_allclose(slope, difference, rtol=1e-6)
