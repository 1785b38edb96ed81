import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.layout import box_panels, fibonacci_sphere
from lampyris.medium import Medium
from lampyris.sensors import make_sensors
from lampyris.shape import Box, Sphere
from lampyris.surface import Lambertian
from lampyris.transport.sensor_search import SensorGrid

PER_FACE = 4096
MARGIN = 1e-5  # m: closer to a rim than this, rounding decides


def detector(shape, placed, radius):
    return Detector(shape, Medium(1.33, 30.0), Lambertian(0.0), make_sensors(*placed, radius))


@pytest.fixture(params=["cylinder", "sphere", "box"])
def world(request, small_tank):
    if request.param == "cylinder":
        return small_tank
    if request.param == "sphere":
        shape = Sphere(3.0)
        radius = np.where(np.arange(100) % 2, 0.1, 0.25)  # two kinds of sensors
        return detector(shape, fibonacci_sphere(shape, 100), radius)
    shape = Box([2.0, 3.0, 4.0])
    return detector(shape, box_panels(shape, pitch=0.5, margin=0.25), 0.25)  # disks that touch


def find(grid, points):
    return grid.find(points)


def test_grid_finds_what_a_full_search_finds(world):
    points = np.concatenate(type(world.shape).face_samples(PER_FACE)) * np.asarray(world.shape.half_extent())
    points = points.astype(np.float32)
    found = on_host(find, SensorGrid.of(world), points)
    position, normal = np.asarray(world.sensors.position, float), np.asarray(world.sensors.normal, float)
    radius = np.asarray(world.sensors.radius, float)
    away = points[:, None, :].astype(float) - position
    height = (away * normal).sum(axis=2)
    lateral = np.sqrt(np.maximum((away**2).sum(axis=2) - height**2, 0.0))
    facing = np.abs(height) < radius
    inside = (lateral < radius) & facing
    clear = ~((np.abs(lateral - radius) < MARGIN) & facing).any(axis=1)
    expected = np.where(inside.any(axis=1), inside.argmax(axis=1), -1)
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(found[clear], expected[clear])
    # the share of each flat face that is found is its coverage, within the lattice's own spacing
    if isinstance(world.shape, Box):
        covered = (found >= 0).reshape(6, PER_FACE).mean(axis=1)
        np.testing.assert_allclose(covered, np.asarray(world.face_coverage()), atol=4.0 * 0.5 / np.sqrt(PER_FACE))
