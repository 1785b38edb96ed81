"""Times of direct light: the spread over the disk of a sensor against photons carried one by one."""

import itertools

import jax
import numpy as np
import pytest

import lampyris as lp
from lampyris._host import on_host
from lampyris.transport.direct import DistanceTable, bowed, delays, direct_light, look


def _direct(source, detector):
    emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
    return direct_light(emitters, detector, DistanceTable.of(detector, emitters.wavelength, emitters.spectrum))


def test_light_that_meets_a_disk_askew_arrives_over_a_time(small_tank):
    source = lp.Isotropic([0.8, -0.5, 1.2], photons=4e5)
    arrivals, _ = lp.MonteCarlo()(source, small_tank, key=jax.random.key(3))
    time, channel = arrivals.time[arrivals.direct].astype(float), arrivals.channel[arrivals.direct]
    light = on_host(_direct, source, small_tank)
    late = time - np.asarray(light.time, float)[channel, 0]
    variance = np.asarray(light.rms, float)[channel, 0] ** 2 - float(small_tank.sensors.transit_time_spread) ** 2
    away = np.asarray(small_tank.sensors.position, float) - np.asarray(source.position, float)
    cosine = -(away * np.asarray(small_tank.sensors.normal, float)).sum(axis=1) / np.linalg.norm(away, axis=1)
    borders = np.quantile(cosine[channel], [0.0, 0.2, 0.5, 1.0])
    for low, high in itertools.pairwise(borders):
        chosen = (cosine[channel] > low) & (cosine[channel] <= high)
        ratio = (late[chosen] ** 2).mean() / variance[chosen].mean()
        # a coordinate of a uniform disk has the fourth moment 2 variance^2; that the nearer side of a disk sees more light
        # changes the variance by the square of radius over distance
        assert abs(ratio - 1.0) < 4.0 / np.sqrt(chosen.sum()) + 0.01, (low, high, ratio)


def _delay(place, sensors, detector):
    """Mean delay to the first sensor, and the delay of a metre there [ns]."""
    lamp = lp.Isotropic(place, 405.0, 1.0)
    emitters = lamp.emitters(detector.medium, sensors.quantum_efficiency)
    table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
    view, _ = look(emitters.position, emitters.axis, sensors)
    return delays(view, sensors, table)[0][0, 0], table.at(view.distance)[1][0, 0] / view.distance[0, 0]


@pytest.mark.parametrize("incidence", [0.98, 0.8, 0.4])
@pytest.mark.parametrize("distance", [2.0, 6.0])
def test_the_mean_delay_of_a_disk_is_that_of_its_light(double_precision, small_tank, distance, incidence):
    """Against an integral over the disk; what the expansion leaves out is of higher order in radius over distance."""
    radius, place = 0.254, distance * np.array([np.sqrt(1.0 - incidence**2), 0.0, incidence])
    sensors = lp.make_sensors(np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]]), radius)
    mean, per_metre = on_host(lambda p: _delay(p, sensors, small_tank), place)
    at, turn = np.meshgrid(radius * np.sqrt((np.arange(400) + 0.5) / 400.0), 2.0 * np.pi * np.arange(64) / 64.0)
    way = place - np.stack([at * np.cos(turn), at * np.sin(turn), np.zeros_like(at)], axis=-1)
    length = np.linalg.norm(way, axis=-1)
    light = way[..., 2] / length**3
    further = (light * length).sum() / light.sum() - distance
    size = radius**2 / (8.0 * distance)
    assert mean / per_metre - distance == pytest.approx(further, abs=5.0 * (radius / distance) ** 2 * size)
    assert abs(further) > 0.5 * size or incidence == 0.8


def _further(place, detector):
    """How much further light flies to each disk on its bent wall than to a flat one [m]."""
    emitters = lp.Isotropic(place, 405.0, 1.0).emitters(detector.medium, detector.sensors.quantum_efficiency)
    view, way = look(emitters.position, emitters.axis, detector.sensors)
    return bowed(view, way, detector)[:, 0], view.distance[:, 0], view.incidence[:, 0]


@pytest.mark.parametrize("shape", [lp.Cylinder(3.0, 6.0), lp.Sphere(3.0)])
def test_a_bent_wall_changes_the_way(double_precision, small_tank, shape):
    """Against an integral over the patch of the wall."""
    radius, place = 0.25, np.array([0.5, 1.6, 0.7])
    sensors = lp.make_sensors(np.array([[3.0, 0.0, 0.0]]), np.array([[-1.0, 0.0, 0.0]]), radius)
    detector = lp.Detector(shape, small_tank.medium, small_tank.wall, sensors)
    bent, distance, cosine = (float(v[0]) for v in on_host(lambda p: _further(p, detector), place))
    edge = radius * ((np.arange(1500) + 0.5) / 750.0 - 1.0)
    y, z = np.meshgrid(edge, edge)
    x = np.sqrt(9.0 - y**2 - (z**2 if isinstance(shape, lp.Sphere) else 0.0))
    inward = -np.stack([x, y, z if isinstance(shape, lp.Sphere) else 0.0 * z], axis=-1) / 3.0
    way = np.stack([x, y, z], axis=-1) - place
    length = np.linalg.norm(way, axis=-1)
    # the area of the wall over that of the plane is 1 / (-x of the normal)
    light = -(way * inward).sum(axis=-1) / length**3 / -inward[..., 0] * (y**2 + z**2 + (3.0 - x) ** 2 < radius**2)
    whole = (light * length).sum() / light.sum() - distance
    flat = radius**2 * (7.0 * cosine**2 - 5.0) / (8.0 * distance)
    assert bent == pytest.approx(whole - flat, abs=2e-3 * radius**2 / 3.0)
    assert abs(bent) > 0.01 * radius**2 / 3.0
