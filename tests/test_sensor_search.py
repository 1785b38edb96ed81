import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.layout import box_panels, fibonacci_sphere
from lampyris.medium import Medium
from lampyris.sensors import make_sensors
from lampyris.shape import Box, Sphere
from lampyris.surface import Lambertian
from lampyris.transport.sensor_search import SensorGrid, soft_disk

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


WIDTHS = (0.0, 0.5, 1.0, 3.0)


@pytest.mark.parametrize("width", WIDTHS)
def test_overlaps_are_complete(world, width):
    """Sums over the sensors found are those over all sensors, at every point of the wall."""
    points = np.concatenate(type(world.shape).face_samples(PER_FACE)) * np.asarray(world.shape.half_extent())
    points = points.astype(np.float32)
    grid = SensorGrid.of(world, np.sqrt(1.0 + width))
    channel, share = on_host(lambda g, p, s: g.overlap(p, s, width), grid, points, world.sensors)
    found = np.zeros((len(points), world.sensors.count))
    np.add.at(found, (np.arange(len(points))[:, None], channel), share)
    away = points[:, None, :].astype(float) - np.asarray(world.sensors.position, float)
    squared, area = (away**2).sum(axis=2), np.asarray(world.sensors.radius, float) ** 2
    lateral = (squared - (away * np.asarray(world.sensors.normal, float)).sum(axis=2) ** 2) / area
    every = lateral < 1.0 if width == 0 else on_host(lambda q: soft_disk(q, width), lateral.astype(np.float32))
    edge = 1.02 * (1.0 + width)
    every = np.where(squared < edge * area, every, 0.0)
    clear = ~((np.abs(lateral - 1.0) < 1e-3) & (squared < 1.1 * area)).any(axis=1) if width == 0 else True
    clear = clear & ~(np.abs(squared / area - edge) < 1e-4).any(axis=1)
    assert clear.mean() > 0.98
    np.testing.assert_allclose(found[clear], every[clear], atol=2e-4)
    if isinstance(world.shape, Box) and width <= 0.5:
        covered = found.sum(axis=1).reshape(6, PER_FACE).mean(axis=1)
        # disks at the rim of a panel touch the edge: what is soft beyond it is lost there
        lost = 0.25 * width
        np.testing.assert_allclose(covered, np.asarray(world.face_coverage()), atol=4.0 * 0.5 / 64.0 + lost)


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_soft_disk_keeps_the_area(width):
    squared = np.linspace(0.0, 1.0 + width, 200_001)
    share = on_host(lambda q: soft_disk(q, width), squared)
    assert share[-1] == 0.0
    assert np.trapezoid(share, squared) == pytest.approx(1.0, abs=1e-5)
