"""Times of direct light: the spread over the disk of a sensor against photons carried one by one."""

import itertools

import jax
import numpy as np

import lampyris as lp
from lampyris._host import on_host
from lampyris.transport.direct import DistanceTable, direct_light


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
