"""Integrals over the disks of sensors: of closed forms, and of light that a curved wall throws together."""

import jax
import numpy as np
import pytest

import lampyris as lp
from lampyris._random import evenly_spread
from lampyris.layout import barrel
from lampyris.surface import Lambertian, Mixture
from lampyris.transport.disk_points import points_of
from lampyris.transport.mirrored import mirrored_at_sensors, mirrored_light, reflected
from lampyris.transport.wall_grid import WallGrid
from lampyris.transport.waves import Waves

RADIUS, HEIGHT, REFLECTANCE, EFFICIENCY, PHOTONS = 1.5, 3.0, 0.5, 0.2, 1e6
CELLS, BARREL = 64, 0
LAMP = np.array([0.5, 0.0, 0.1])


def tank() -> lp.Detector:
    """Black sensors on a barrel of mirrors, between black caps that are far away from them."""
    shape = lp.Cylinder(RADIUS, HEIGHT)
    sensors = lp.make_sensors(*barrel(shape, 16, 3, 0.5, 0.5), 0.2, EFFICIENCY, surface=Lambertian(0.0))
    return lp.Detector(shape, lp.Medium(1.33, np.inf), Mixture(REFLECTANCE, 1.0), sensors)


@pytest.mark.parametrize("blur", [0.0, 0.06])
def test_points_are_even_over_every_disk(blur):
    """Moments of a disk: with the blur half its squared radius on average, none to either side."""
    sensors = tank().sensors
    points = np.asarray(points_of(sensors, tank().shape, 64, blur), float)
    np.testing.assert_allclose(np.linalg.norm(points[..., :2], axis=-1), RADIUS, rtol=1e-5)
    aside = points - np.asarray(sensors.position, float)[:, None]
    aside -= (aside * np.asarray(sensors.normal, float)[:, None]).sum(axis=-1)[..., None] * sensors.normal[:, None]
    squares = (aside**2).sum(axis=-1)
    assert squares.max() < 0.2**2
    np.testing.assert_allclose(squares.mean(axis=1) + 2.0 * blur**2, 0.5 * 0.2**2, rtol=0.02)
    assert np.abs(aside.mean(axis=1)).max() < 0.02 * 0.2


def caught(rays: int, key: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Photoelectrons that one mirror reflection on the barrel brings to each sensor by counting rays, and their errors."""
    z, angle = np.asarray(jax.random.uniform(key, (2, rays)), float)
    z, angle = 2.0 * z - 1.0, 2.0 * np.pi * angle
    way = np.stack([np.sqrt(1.0 - z**2) * np.cos(angle), np.sqrt(1.0 - z**2) * np.sin(angle), z], axis=1)
    place = LAMP
    for step in range(2):
        flat = (way[:, :2] ** 2).sum(axis=1)
        along = (place * way)[..., :2].sum(axis=-1)
        distance = (-along + np.sqrt(along**2 + flat * (RADIUS**2 - (place[..., :2] ** 2).sum(axis=-1)))) / flat
        place = place + distance[:, None] * way
        # caps are black
        way = way * (np.abs(place[:, 2:]) < HEIGHT / 2.0)
        if step == 0:
            out = place * [1.0, 1.0, 0.0] / RADIUS
            way = way - 2.0 * (way * out).sum(axis=1)[:, None] * out
            place = place - 1e-12 * out
        flying = (way != 0.0).any(axis=1)
        place, way = place[flying], way[flying]
    sensors = tank().sensors
    count = []
    for position, normal in zip(np.asarray(sensors.position, float), np.asarray(sensors.normal, float), strict=True):
        aside = place - position
        height = aside @ normal
        count.append(((aside**2).sum(axis=1) - height**2 < 0.2**2) & (height < 0.5))
    count = np.stack(count).sum(axis=1)
    each = PHOTONS * REFLECTANCE * EFFICIENCY / rays
    return count * each, np.sqrt(np.maximum(count, 1)) * each


def test_light_that_a_curved_wall_throws_together_is_integrated():
    """A cylinder throws the light of a lamp together on its far side; the centres of disks alone tell it wrong."""
    true, error = caught(2**21, jax.random.key(2))
    detector, lamp = tank(), lp.Isotropic(LAMP, photons=PHOTONS)
    waves = Waves.of(lamp.emitters(detector.medium, detector.sensors.quantum_efficiency), detector)
    grid = WallGrid.of(detector.shape, CELLS)
    rays = lamp.emit(evenly_spread(2**19, 4, 1), detector.medium)
    light = mirrored_light(reflected(rays, detector, None), None, detector, waves, grid)

    def chi_square(points: int) -> float:
        seen = mirrored_at_sensors(light, detector, grid, points).reshape(len(true), waves.kinds, -1, 3)
        found = np.asarray(seen[:, BARREL, :, 0].sum(axis=1), float)
        # what is left of the blur of cells, a quarter of a disk wide, and the noise of rays
        return float(((found - true) ** 2 / (error**2 + (0.01 * true) ** 2)).mean())

    spread = np.sqrt(2.0 / len(true))
    assert abs(chi_square(32) - 1.0) < 4.0 * spread
    assert chi_square(0) > 1.0 + 8.0 * spread
