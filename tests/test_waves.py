"""Mirrored light apart by its delay: shares, sums, and times of the light of a track against Monte Carlo."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import lampyris as lp
from lampyris.layout import barrel, caps, join
from lampyris.surface import Mixture
from lampyris.transport.reference import Earliest, Reference
from lampyris.transport.waves import Waves

SPREAD, EFFICIENCY = 1.0, 0.3
SHINY = Mixture(0.3, 1.0)


def tank() -> lp.Detector:
    shape = lp.Cylinder(5.0, 10.0)
    placed = join(barrel(shape, 26, 8, 1.2, 0.8), caps(shape, 45, 1.2))
    sensors = lp.make_sensors(*placed, 0.25, EFFICIENCY, surface=SHINY, transit_time_spread=SPREAD)
    water = eqx.tree_at(lambda medium: medium.scatterers, lp.catalog.load("SK").medium, ())
    return lp.Detector(shape, water, SHINY, sensors)


def track() -> lp.Track:
    return lp.Track("mu-", 300.0, [-4.5, 0.0, 0.0], [1.0, 0.0, 0.0], 2.0)


def test_shares_keep_light_and_its_mean_delay():
    detector, rng = tank(), np.random.default_rng(1)
    waves = Waves.of(track().emitters(detector.medium, detector.sensors.quantum_efficiency), detector)
    face = jnp.asarray(rng.integers(0, 3, 50))
    point = jnp.asarray(rng.uniform(-4.0, 4.0, (50, 3)), jnp.float32)
    late = rng.uniform(0.0, float(waves.stages[-1]), 50)
    pair, share = waves.pair(face, point, waves.earliest.at(point) + late)
    sums = jnp.zeros((1, waves.pairs, 2, 1)).at[0, pair].add(share[..., None])
    groups = np.asarray(waves.apart(sums), float).reshape(waves.kinds, -1)
    np.testing.assert_allclose(groups.sum(axis=1), np.bincount(np.asarray(face), minlength=3), rtol=1e-5)
    assert (groups @ np.asarray(waves.stages, float)).sum() == pytest.approx(late.sum(), rel=1e-4)


def seen_early(limits: np.ndarray, events: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of what Monte Carlo mirrors up to `images` times that come before limits behind the earliest light, and their
    standard errors.
    """
    detector, shares = tank(), []
    emitters = track().emitters(detector.medium, detector.sensors.quantum_efficiency)
    earliest = Earliest.of(emitters, Reference.of(emitters, detector)).at(detector.sensors.position)
    for key in jax.random.split(jax.random.key(5), events):
        arrivals, _ = lp.MonteCarlo()(track(), detector, key=key)
        chosen = (arrivals.reflections > 0) & (arrivals.reflections <= images)
        late = arrivals.time[chosen] - np.asarray(earliest, float)[arrivals.channel[chosen]]
        shares.append(norm.cdf((limits[:, None] - late) / SPREAD).mean(axis=1))
    return np.mean(shares, axis=0), np.std(shares, axis=0, ddof=1) / np.sqrt(events)


def told_early(limits: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
    """The same shares of the prediction, and what they would be with one Gaussian of times for each face."""
    detector = tank()
    emitters = track().emitters(detector.medium, detector.sensors.quantum_efficiency)
    transport = lp.Hybrid(mirror_rays=2**16, cells=64, orders=images)
    light = transport.indirect(track(), detector).parts[-1]
    earliest = Earliest.of(emitters, Reference.of(emitters, detector)).at(detector.sensors.position)
    weight, time, rms = (
        np.asarray(part, float).reshape(detector.sensors.count, 2 + images, -1)
        for part in (light.weight, light.time, light.rms)
    )
    time = time - np.asarray(earliest, float)[:, None, None]
    whole = np.maximum(weight.sum(axis=-1), 1e-12)
    mean = (weight * time).sum(axis=-1) / whole
    width = np.sqrt(np.maximum((weight * (rms**2 + time**2)).sum(axis=-1) / whole - mean**2, 1e-6))
    at = limits[:, None, None]
    apart = (weight * norm.cdf((at[..., None] - time) / rms)).sum(axis=(1, 2, 3))
    together = (whole * norm.cdf((at - mean) / width)).sum(axis=(1, 2))
    return apart / whole.sum(), together / whole.sum()


@pytest.mark.parametrize("images", [1, 2])
def test_mirrored_light_of_a_track_comes_when_it_does_in_monte_carlo(images):
    limits = np.array([-2.0, 0.0, 2.0, 8.0, 14.0, 20.0, 40.0])
    seen, error = seen_early(limits, 4, images)
    apart, together = told_early(limits, images)
    # cells of 16 cm blur by half a ns
    tolerance = np.hypot(error, 0.001)
    assert (np.abs(apart - seen) < 4.0 * tolerance).all()
    assert (np.abs(together - seen) > 4.0 * tolerance).any()
