"""From photons at sensors to recorded charge and time: what the electronics would write."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from lampyris._host import on_host
from lampyris._random import bucket, generator
from lampyris.response.hits import Hits
from lampyris.sensors import Sensors
from lampyris.spectrum import Spectrum, Tabulated
from lampyris.transport.arrivals import Arrivals


class Record(NamedTuple):
    """One recorded event and what was lost on the way."""

    hits: Hits
    photoelectrons: int
    """of light, in the window"""
    dark: int
    """dark counts in the window"""
    outside_window: int
    """photoelectrons of light too early or too late to be recorded"""


def detection_bound(sensors: Sensors) -> Spectrum:
    """An upper bound of the detection probability at each wavelength: what may be thinned before transport."""
    largest = float(np.max(np.asarray(sensors.relative_efficiency)))
    grid = np.linspace(200.0, 800.0, 601)
    efficiency = np.clip(on_host(sensors.quantum_efficiency, grid) * largest, 0.0, 1.0)
    # the larger of the neighbours, so that the interpolated bound lies above every kink
    upper = np.maximum(efficiency, np.maximum(np.roll(efficiency, 1), np.roll(efficiency, -1)))
    return Tabulated(grid, upper)


def record(arrivals: Arrivals, sensors: Sensors, *, key: PRNGKeyArray, bound: Spectrum | None = None) -> Record:
    """Detect photons (Bernoulli), smear their time, draw their charge, add dark noise, and take sum and first.

    The charge of a photoelectron is Gamma distributed with mean 1 and the rms `charge_spread`; the sum of n of them is
    Gamma distributed too and is drawn in one go. `bound` is the probability with which photons were already thinned.
    """
    draw = generator(key)
    channel, time, outside = _photoelectrons(arrivals, sensors, draw, bound)
    count = np.bincount(channel, minlength=sensors.count)
    first = np.full(sensors.count, np.inf)
    np.minimum.at(first, channel, time)
    dark, dark_first = _dark_noise(sensors, draw)
    total = count + dark
    shape = 1.0 / float(sensors.charge_spread) ** 2
    charge = draw.gamma(np.maximum(total, 1) * shape) / shape * np.asarray(sensors.gain)
    hit = total > 0
    first = np.minimum(first, dark_first) + np.asarray(sensors.time_offset)
    hits = Hits(np.where(hit, charge, 0.0).astype(np.float32), np.where(hit, first, 0.0).astype(np.float32), hit)
    return Record(hits, int(count.sum()), int(dark.sum()), outside)


def _photoelectrons(
    arrivals: Arrivals, sensors: Sensors, draw: np.random.Generator, bound: Spectrum | None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Channel and smeared time of every photoelectron in the window, and the number outside it."""
    count = len(arrivals.time)
    padding = (0, bucket(count) - count)
    wavelength = np.pad(arrivals.wavelength, padding, constant_values=400.0)
    cosine = np.pad(arrivals.cosine, padding)
    chance = on_host(_chance, sensors, bound, wavelength, cosine)[:count]
    chance = chance * np.asarray(sensors.relative_efficiency)[arrivals.channel]
    detected = draw.random(len(chance)) < chance
    time = arrivals.time[detected] + draw.normal(0.0, np.asarray(sensors.time_spread)[arrivals.channel[detected]])
    low, high = np.asarray(sensors.window)
    inside = (time >= low) & (time < high)
    return arrivals.channel[detected][inside], time[inside], int((~inside).sum())


def _chance(sensors: Sensors, bound: Spectrum | None, wavelength: Array, cosine: Array) -> Array:
    """Detection probability of a sensor of relative efficiency 1, given that the photon passed the thinning."""
    chance = sensors.sensitivity(cosine, wavelength)
    return chance if bound is None else chance / jnp.maximum(bound(wavelength), 1e-30)


def _dark_noise(sensors: Sensors, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Dark counts of each channel and the time of the first: the smallest of n uniform times."""
    count = draw.poisson(float(sensors.dark_charge), sensors.count)
    low, high = np.asarray(sensors.window)
    smallest = 1.0 - (1.0 - draw.random(sensors.count)) ** (1.0 / np.maximum(count, 1))
    return count, np.where(count > 0, low + (high - low) * smallest, np.inf)
