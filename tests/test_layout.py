import equinox as eqx
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris.layout import (
    barrel,
    box_panels,
    caps,
    fibonacci_sphere,
    join,
    modules,
    on_shape,
    overlapping,
    sphere_gaps,
    sphere_rings,
    square_grid,
)
from lampyris.shape import Box, Cylinder, Sphere

TANK = Cylinder(4.0, 6.0)
BALL = Sphere(2.0)
ROOM = Box([4.0, 6.0, 2.0])


inwards = eqx.filter_jit(lambda shape, points: shape.signed_distance(points))  # eager JAX compiles step by step


def check_placed(shape, placed, count):
    """Points on the wall, normals of unit length that lead inwards by the length of the step."""
    position, normal = placed
    assert position.shape == normal.shape == (count, 3)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1.0, atol=1e-6)
    distance = np.asarray(inwards(shape, np.stack([position, position + 0.01 * normal])))
    np.testing.assert_allclose(distance[0], 0.0, atol=1e-5)
    np.testing.assert_allclose(distance[1], 0.01, atol=2e-5)


def test_barrel_is_a_grid_with_the_given_pitch():
    placed = barrel(TANK, columns=12, rows=5, pitch=0.7, first_row=0.4)
    check_placed(TANK, placed, 60)
    np.testing.assert_allclose(np.unique(placed[0][:, 2].round(9)), -3.0 + 0.4 + 0.7 * np.arange(5), atol=1e-6)
    azimuth = np.sort(np.arctan2(*placed[0][:12, 1::-1].T))
    np.testing.assert_allclose(np.diff(azimuth), 2 * np.pi / 12, atol=1e-6)


def test_caps_are_mirror_images():
    position, normal = caps(TANK, count=52, pitch=0.8)
    check_placed(TANK, (position, normal), 104)
    np.testing.assert_array_equal(position[:52] * [1, 1, -1], position[52:])
    assert np.all(position[:52, 2] > 0)


@pytest.mark.parametrize("count", [1, 4, 5, 21, 36, 52, 1748])
def test_square_grid_takes_the_nearest_points_and_is_symmetric(count):
    grid = square_grid(count, 0.5)
    assert grid.shape == (count, 2)
    turned = np.stack([-grid[:, 1], grid[:, 0]], axis=1)
    assert {tuple(p) for p in grid.round(9) + 0.0} == {tuple(p) for p in turned.round(9) + 0.0}
    axis = np.arange(-40, 41) + (0.5 if count % 4 == 0 else 0.0)
    every = 0.5 * np.sort(np.hypot(*np.meshgrid(axis, axis)).ravel())
    np.testing.assert_allclose(np.sort(np.hypot(*grid.T)), every[:count], atol=1e-9)


def test_square_grid_refuses_counts_without_symmetry():
    with pytest.raises(
        LampyrisError, match=r"square_grid\(count=...\)` must be a multiple of 4, or one more, but is 62"
    ):
        square_grid(62, 1.0)


@pytest.mark.parametrize("count", [50, 997])
def test_layouts_on_a_sphere_are_even(count):
    for layout in (fibonacci_sphere, sphere_rings):
        position, normal = layout(BALL, count)
        check_placed(BALL, (position, normal), count)
        assert np.linalg.norm(position.mean(axis=0)) < 0.06 * 2.0
        distance = np.linalg.norm(position[:, None] - position, axis=2) + 9.0 * np.eye(count)
        hexagonal = 2.0 * np.sqrt(8.0 * np.pi / np.sqrt(3.0) / count)  # no layout has a larger least distance
        assert 0.75 * hexagonal < distance.min() < hexagonal


def test_small_disks_fit_into_the_gaps_of_large_ones():
    large = sphere_rings(BALL, 400)
    small = sphere_gaps(BALL, large[0], radius=0.17, small=0.03, count=500)
    check_placed(BALL, small, 500)
    position, normal = join(large, small)
    radius = np.repeat([0.17, 0.03], [400, 500])
    assert len(overlapping(position, normal, radius)) == 0
    with pytest.raises(LampyrisError, match="must be at most"):
        sphere_gaps(BALL, large[0], radius=0.17, small=0.03, count=5000)


def test_box_panels_keep_their_margin():
    position, normal = box_panels(ROOM, pitch=0.5, margin=0.25)
    check_placed(ROOM, (position, normal), 2 * (12 * 4 + 8 * 4 + 8 * 12))
    assert len(overlapping(position, normal, 0.25)) == 0
    check_placed(ROOM, box_panels(ROOM, pitch=0.5, margin=0.25, faces=(5,)), 96)


def test_modules_have_nineteen_flush_disks():
    centre = join(barrel(TANK, 10, 2, 2.0, 2.0), caps(TANK, 4, 1.0))
    position, normal = modules(TANK, *centre)
    check_placed(TANK, (position, normal), 19 * 28)
    np.testing.assert_allclose(position[::19], centre[0], atol=1e-5)
    distance = np.linalg.norm(position.reshape(28, 19, 3) - centre[0][:, None], axis=2)
    np.testing.assert_allclose(distance[:, 1:7], 0.09, rtol=2e-3)
    np.testing.assert_allclose(distance[:, 7:], 0.18, rtol=2e-3)
    assert len(overlapping(position, normal, 0.04)) == 0


def test_on_shape_agrees_with_the_analytic_normals():
    position, normal = join(barrel(TANK, 7, 3, 1.5, 1.0), caps(TANK, 5, 1.0))
    found_position, found_normal = on_shape(TANK, position + 0.01 * normal)
    np.testing.assert_allclose(found_position, position, atol=1e-5)
    np.testing.assert_allclose(found_normal, normal, atol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        (((0, 0, 0), (0, 0, 1)), ((1.9, 0, 0), (0, 0, 1)), 1),  # in one plane
        (((0, 0, 0), (0, 0, 1)), ((2.0, 0, 0), (0, 0, 1)), 0),  # touching
        (((0, 0, 0), (0, 0, 1)), ((0.5, 0, 0.3), (0, 0, 1)), 0),  # one above the other
        (((0, 0, 0), (0, 0, 1)), ((1.2, 0, 1.2), (1, 0, 0)), 0),  # near a corner, closer than the sum of the radii
        (((0, 0, 0), (0, 0, 1)), ((0.8, 0, 0.8), (1, 0, 0)), 1),  # cutting at a corner
        (((0, 0, 0), (0, 0, 1)), ((0.8, 1.3, 0.8), (1, 0, 0)), 0),  # on one line, but side by side
    ],
)
def test_overlapping_knows_disks_in_space(first, second, count):
    position, normal = np.array([first, second], dtype=float).swapaxes(0, 1)
    assert len(overlapping(position, normal, 1.0)) == count
