"""What shiny sensors on a dull wall mirror: closed form, Monte Carlo, finite differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from _counted import chi_square_error

import lampyris as lp
from lampyris.layout import barrel, box_panels, caps, join
from lampyris.surface import Lambertian, Mixture
from lampyris.transport.disk_mirrors import mirrored_by_disks
from lampyris.transport.waves import Waves

REFLECTANCE, EFFICIENCY, PHOTONS = 0.4, 0.2, 1e6
SHINY = Mixture(REFLECTANCE, 1.0)


def box_with_one_mirror() -> lp.Detector:
    """A disk on the left, many on the right, the wall black."""
    shape = lp.Box([6.0, 8.0, 10.0])
    position, normal = box_panels(shape, 0.8, 0.25)
    right = position[:, 0] > 2.9
    position = np.concatenate([[[-3.0, 0.0, 0.0]], position[right]])
    normal = np.concatenate([[[1.0, 0.0, 0.0]], normal[right]])
    radius = np.where(position[:, 0] < 0.0, 0.6, 0.2)
    sensors = lp.make_sensors(position, normal, radius, EFFICIENCY, surface=SHINY, transit_time_spread=1.0)
    return lp.Detector(shape, lp.Medium(1.33, np.inf), Lambertian(0.0), sensors)


def tank_of_mirrors() -> lp.Detector:
    shape = lp.Cylinder(5.0, 10.0)
    placed = join(barrel(shape, 26, 8, 1.2, 0.8), caps(shape, 45, 1.2))
    sensors = lp.make_sensors(*placed, 0.4, EFFICIENCY, surface=Mixture(0.25, 1.0))
    return lp.Detector(shape, lp.Medium(1.33, 60.0), Lambertian(0.1), sensors)


@eqx.filter_jit
def indirect(transport, source, detector):
    return transport.indirect(source, detector)


def charge(transport, source, detector):
    return indirect(transport, source, detector).charge


def test_one_disk_lights_what_its_image_of_the_lamp_shines_on():
    detector, lamp = box_with_one_mirror(), np.array([1.0, 0.3, -0.2])
    transport = lp.Hybrid(mirror_points=4096).prepared(detector)
    light = indirect(transport, lp.Isotropic(lamp, photons=PHOTONS, time=3.0), detector)
    image = lamp * [-1.0, 1.0, 1.0] - [6.0, 0.0, 0.0]
    way = np.asarray(detector.sensors.position, float)[1:] - image
    distance = np.linalg.norm(way, axis=1)
    # where the way from the image passes the plane of the disk; the disk of a sensor is 0.2 m x 0.4 there, and soft
    aside = np.linalg.norm((way * (4.0 / way[:, :1]))[:, 1:] + image[1:], axis=1)
    lit, dark = aside < 0.6 - 0.08 * np.sqrt(2.0), aside > 0.6 + 0.08 * np.sqrt(2.0)
    assert lit.sum() > 3
    assert (lit | dark).sum() > 0.8 * len(lit)
    chance = EFFICIENCY * REFLECTANCE * (1.0 - REFLECTANCE)
    seen = PHOTONS * chance * 0.2**2 * way[:, 0] / (4.0 * distance**3)
    # some 50 of the 4096 points are in a disk, more evenly than at random
    assert np.asarray(light.charge)[1:][lit] == pytest.approx(seen[lit], rel=0.02)
    # what is mirrored again is smooth, and little
    assert (np.asarray(light.charge)[1:][dark] < 0.005 * seen[lit].min()).all()
    due = np.concatenate([[0.0], 3.0 + distance * 1.33 / 0.299792458])
    for late, share in ((0.0, 0.5), (1.0, 0.8413)):
        _, until = light.density_and_cumulative(jnp.asarray(due + late, jnp.float32))
        # 0.02 of the light at a spread of 1 ns is 0.05 ns, or 1 cm
        assert (np.asarray(until) / np.asarray(light.charge))[1:][lit] == pytest.approx(share, abs=0.02)


def test_the_pattern_of_the_mirrors_is_that_of_monte_carlo():
    """Channel by channel; the wall with its mean reflectance, which the pattern replaces, fails the same test."""
    detector = tank_of_mirrors()
    lamp = lp.Isotropic([1.2, -0.8, 1.5], photons=2e6)
    arrivals, _ = lp.MonteCarlo()(lamp, detector, key=jax.random.key(3))
    once = ~arrivals.direct
    seen = np.bincount(arrivals.channel[once], minlength=detector.sensors.count).astype(float)

    def chi_square(points: int) -> float:
        transport = lp.Hybrid(rays=32768, steps=10, mirror_rays=65536, mirror_points=points).prepared(detector)
        expected = np.asarray(charge(transport, lamp, detector), float) / EFFICIENCY
        return float(((seen - expected) ** 2 / (expected + (0.02 * expected) ** 2)).mean())

    expected = seen.mean() * np.ones(len(seen))
    error = chi_square_error(expected)
    assert abs(chi_square(128) - 1.0) < 4.0 * error
    assert chi_square(0) > 1.0 + 8.0 * error


def test_its_derivatives_are_those_of_differences(double_precision):
    detector = tank_of_mirrors()
    grid = lp.Hybrid().prepared(detector).grid
    weights = jnp.asarray(np.random.default_rng(2).random(detector.sensors.count))

    def seen(numbers):
        shiny = eqx.tree_at(lambda d: d.sensors.surface, detector, Mixture(numbers[3], 1.0))
        lamp = lp.Isotropic(numbers[:3], photons=2e4)
        emitters = lamp.emitters(shiny.medium, shiny.sensors.quantum_efficiency)
        light = mirrored_by_disks(emitters, shiny, grid, Waves.of(emitters, shiny), 16)
        return weights @ light[:, :, 0].sum(axis=1)

    at, step = jnp.array([1.2, -0.8, 1.5, 0.25]), 1e-4 * jnp.eye(4)
    value = jax.jit(jax.vmap(seen))
    differences = (value(at + step) - value(at - step)) / 2e-4
    np.testing.assert_allclose(jax.jit(jax.grad(seen))(at), differences, rtol=2e-3)


def test_derivatives_of_all_light_are_numbers_backwards_as_forwards():
    detector = tank_of_mirrors()
    transport = lp.Hybrid().prepared(detector)

    def total(position):
        return transport.indirect(lp.Isotropic(position, photons=2e4), detector).charge.sum()

    at = jnp.array([1.2, -0.8, 1.5])
    np.testing.assert_allclose(jax.jit(jax.grad(total))(at), jax.jit(jax.jacfwd(total))(at), rtol=1e-3, atol=0.02)


def test_a_traced_detector_needs_a_prepared_transport():
    detector, lamp = tank_of_mirrors(), lp.Isotropic([1.0, 0.0, 0.0], photons=1e4)
    whole = lp.expect(detector, lamp).indirect.charge
    np.testing.assert_allclose(charge(lp.Hybrid().prepared(detector), lamp, detector), whole, rtol=1e-4)
    with pytest.warns(lp.LampyrisWarning, match=r"averages over .* call `transport.prepared\(detector\)` outside"):
        averaged = jax.jit(lambda tank: lp.expect(tank, lamp).indirect.charge)(detector)
    # where mirrors are as bright as the mean of wall and disks, all sensors together see the same
    assert float(averaged.sum()) == pytest.approx(float(whole.sum()), rel=0.02)
    assert float(jnp.abs(averaged / whole - 1.0).max()) > 0.05
    other = lp.Hybrid().prepared(box_with_one_mirror())
    with pytest.raises(lp.LampyrisError, match="the detector used"):
        charge(other, lamp, detector)
