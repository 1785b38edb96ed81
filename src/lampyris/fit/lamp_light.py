"""What a calibration expects of one flash: direct light integrated, indirect light from stored paths, with derivatives.

Four marks in time divide the expected first hits of each channel; what is observed of a channel are its charge and, for
each mark, whether its first hit came before.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, Int, PRNGKeyArray
from scipy.spatial import KDTree

from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.fit.free import FreeParameters, Rebuild
from lampyris.source import Source
from lampyris.transport.direct import DistanceTable, direct_light
from lampyris.transport.expectation import GaussianMixture
from lampyris.transport.paths import Paths, draw_paths
from lampyris.transport.reference import Reference
from lampyris.transport.replay import delays, replay

NEIGHBOURS = 8
ZONES = 128
QUANTILES = (0.15, 0.4, 0.65, 0.9)
"""of the expected first hits, at which the marks are set"""
DELAYS = np.concatenate([np.arange(-10.0, 60.0, 0.5), np.geomspace(60.0, 600.0, 100)])


class Part(eqx.Module):
    """A part of the light of one flash for sensors of efficiency 1; columns are the value and its derivatives."""

    charge: Float[Array, "channels columns"]
    early: Float[Array, "channels marks columns"]
    """photoelectrons before each mark"""
    density: Float[Array, "channels marks"]
    """photoelectrons per ns at each mark"""
    widening: Float[Array, "channels marks"]
    """derivative of the value of `early` with respect to the transit time spread [1/ns]"""


class Light(eqx.Module):
    """Expected light of one flash."""

    direct: Part
    indirect: Part
    """of the paths themselves: right on average, with their noise"""
    near: Part
    """of the neighbours of each sensor: without the sensor's own noise, and a little wrong"""
    powers: Float[Array, "channels marks 2"]
    """sums of squares and cubes of what each path brings before a mark"""
    variance: Float[Array, "channels observations"]
    """of the indirect charge in all and before each mark, from the scatter of the paths of the neighbours"""
    weight: Float[Array, ""]
    """photoelectrons that a typical path brings"""


@dataclass(frozen=True)
class Neighbourhood:
    """Which sensors are near which, and zones of sensors that see similar light."""

    nearest: Int[np.ndarray, "channels near"]
    zone: Int[np.ndarray, " channels"]

    @classmethod
    def of(cls, detector: Detector) -> "Neighbourhood":
        """Of the sensors of a detector."""
        position = np.asarray(detector.sensors.position, float)
        count = min(NEIGHBOURS, len(position) - 1)
        _, found = KDTree(position).query(position, count + 1)
        nearest = np.asarray(found)[:, 1:]
        return cls(nearest, _zones(position))


def _zones(position: np.ndarray) -> np.ndarray:
    """Number the sensors by zones of equal size: halves of halves, across the longest side of each."""
    zone, parts = np.zeros(len(position), np.int32), [np.arange(len(position))]
    while len(parts) < ZONES and max(map(len, parts)) > 16:
        halves = []
        for part in parts:
            axis = int(np.ptp(position[part], axis=0).argmax())
            order = part[np.argsort(position[part, axis], kind="stable")]
            halves += [order[: len(order) // 2], order[len(order) // 2 :]]
        parts = halves
    for number, part in enumerate(parts):
        zone[part] = number
    return zone


@dataclass(frozen=True)
class LampLight:
    """The light of one source, ready to be predicted for any step of the free parameters."""

    source: Source
    paths: Paths
    marks: Float[np.ndarray, "channels marks"]
    """true times [ns]; a time offset of the sensor comes on top"""
    nearest: Array

    @classmethod
    def draw(
        cls,
        source: Source,
        free: FreeParameters,
        theta: np.ndarray,
        near: Neighbourhood,
        size: tuple[int, int],
        key: PRNGKeyArray,
    ) -> "LampLight":
        """Draw the paths of a source in the detector at `theta`; `size` is their number and that of their steps."""
        detector = free.rebuild(jnp.asarray(theta, float))
        paths = draw_paths(source, detector, count=size[0], steps=size[1], key=key)
        return cls(source, paths, _marks(source, detector, paths, near), jnp.asarray(near.nearest))

    def at(self, free: FreeParameters, theta: np.ndarray, marks: np.ndarray) -> tuple[Light, float]:
        """The light after a step of the free parameters with its `marks` [ns], and the effective number of deposits."""
        arrays = jnp.asarray(marks, float), self.nearest, jnp.asarray(theta, float)
        light, effective = _light(self.source, Rebuild(free), self.paths, *arrays)
        return light, float(effective)


def _marks(source: Source, detector: Detector, paths: Paths, near: Neighbourhood) -> np.ndarray:
    """Times at which the quantiles of the first hits are expected, (channels, marks).

    They need not be exact, only near: light of a whole zone of sensors stands for that of each.
    """
    straight, direct, arrival = on_host(_straight, source, detector)
    zone = jnp.asarray(near.zone)
    late = np.asarray(delays(paths, detector, jnp.asarray(straight), jnp.asarray(DELAYS, float), zone), float)
    area = np.asarray(detector.sensors.area, float)
    share = area / np.bincount(near.zone, area)[near.zone]
    spread = np.asarray(detector.sensors.time_spread, float)
    dark = float(detector.sensors.dark_charge)
    low, marks = np.full((len(straight), len(QUANTILES)), -200.0), []
    for channels in np.array_split(np.arange(len(straight)), -(-len(straight) // 4096)):
        z = (straight[channels, None] + DELAYS - arrival[channels, None]) / spread[channels, None]
        early = direct[channels, None] * np.asarray(ndtr(z)) + share[channels, None] * late[near.zone[channels]]
        hit = -np.expm1(-early)
        wanted = -np.expm1(-(early[:, -1:] + dark)) * np.asarray(QUANTILES)
        place = (hit[:, None, :] < wanted[:, :, None]).sum(axis=2).clip(0, len(DELAYS) - 1)
        marks.append(straight[channels, None] + DELAYS[place])
    return np.maximum(np.concatenate(marks), low)


def _mixture(source: Source, detector: Detector) -> GaussianMixture:
    """Direct light of a lamp."""
    emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
    return direct_light(emitters, detector, DistanceTable.of(detector, emitters.wavelength, emitters.spectrum))


def _straight(source: Source, detector: Detector) -> tuple[Array, Array, Array]:
    """When straight light would arrive, expected direct photoelectrons, and when those arrive [ns]."""
    reference = Reference.of(source.emitters(detector.medium, detector.sensors.quantum_efficiency), detector)
    direct = _mixture(source, detector)
    return reference.time_at(detector.sensors.position), direct.charge, direct.time[:, 0]


@eqx.filter_jit
def _light(source: Source, rebuild: Rebuild, paths: Paths, marks: Array, nearest: Array, theta: Array):
    """Light and effective number of deposits at `theta`."""
    detector = rebuild(theta)
    found = replay(paths, rebuild, theta, marks)
    indirect = Part(found.charge, found.early, found.density, found.widening)
    variance = jnp.concatenate([found.variance[:, None], found.early_powers[..., 0]], axis=1)
    near, variance = _smoothed((indirect, variance), nearest, detector.sensors.area)
    weight = found.charge[:, 0].sum() / found.effective
    light = Light(_direct(source, rebuild, theta, marks), indirect, near, found.early_powers, variance, weight)
    return light, found.effective


def _smoothed(part, nearest: Array, area: Array):
    """Mean over the neighbours of each sensor, per area; a mark stays that of the sensor only in its delay."""

    def mean(values: Array) -> Array:
        shape = (-1,) + (1,) * (values.ndim - 1)
        return (values / area.reshape(shape))[nearest].mean(axis=1) * area.reshape(shape)

    return jax.tree.map(mean, part)


def _direct(source: Source, rebuild: Rebuild, theta: Array, marks: Array) -> Part:
    """Direct light, all of it with the same time at a sensor."""

    def charge(step: Array) -> Array:
        detector = rebuild(step)
        ones = jnp.ones(detector.sensors.count)
        detector = eqx.tree_at(lambda d: d.sensors.relative_efficiency, detector, ones)
        return _mixture(source, detector).charge

    value, push = jax.linearize(charge, theta)
    slopes = jax.vmap(push)(jnp.eye(theta.shape[0], dtype=theta.dtype))
    columns = jnp.concatenate([value[None], slopes]).T
    detector = rebuild(theta)
    mixture = _mixture(source, detector)
    rms = mixture.rms[:, :1]
    z = (marks - mixture.time[:, :1]) / rms
    bell = value[:, None] * jnp.exp(-0.5 * z**2) / (rms * jnp.sqrt(2.0 * jnp.pi))
    widening = -bell * z * detector.sensors.time_spread[:, None] / rms
    return Part(columns, ndtr(z)[..., None] * columns[:, None, :], bell, widening)
