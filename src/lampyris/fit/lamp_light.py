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
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.fit.free import FreeParameters, Rebuild
from lampyris.fit.neighbours import NEIGHBOURS, Neighbourhood, smoothed
from lampyris.source import Source
from lampyris.transport.direct import DistanceTable, direct_light
from lampyris.transport.expectation import GaussianMixture
from lampyris.transport.paths import Paths, draw_paths
from lampyris.transport.reference import Reference
from lampyris.transport.replay import Replayed, delays, replay

ALONE = 300.0
"""Paths at a sensor from which derivatives are taken as much from them as from its surroundings.

Mirrored beams have a structure as fine as the sensors; elsewhere the noise of few paths would cost more than they tell.
"""
QUANTILES = (0.15, 0.4, 0.65, 0.9)
"""of the expected first hits, at which the marks are set"""
DELAYS = np.concatenate([np.arange(-10.0, 60.0, 0.5), np.geomspace(60.0, 600.0, 100)])


class Light(eqx.Module):
    """Expected light of one flash for sensors of efficiency 1.

    Observations are all light and the light before each mark; columns are the value and its derivatives.
    """

    direct: Float[Array, "channels observations columns"]
    indirect: Float[Array, "2 channels observations columns"]
    """of either half of the paths, as if it were all: right on average, with its noise"""
    towards: Float[Array, "2 channels observations columns"]
    """indirect light as the equations of either half weigh it: a little wrong, but without the noise of that half, as
    it is made of the neighbours of each sensor and of the other half"""
    density: Float[Array, "channels marks"]
    """photoelectrons per ns at each mark"""
    widening: Float[Array, "channels marks"]
    """derivative of the light before each mark with respect to the transit time spread [1/ns]"""
    powers: Float[Array, "2 channels marks 3"]
    """sums of squares, cubes and fourth powers of what each path of a half brings before a mark"""
    groups: Float[Array, "groups channels observations"]
    """indirect light of each group of paths"""
    variance: Float[Array, "channels observations"]
    """of the indirect light, from the scatter of the paths of the neighbours"""
    weight: Float[Array, ""]
    """photoelectrons that a typical path brings"""


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
        *,
        timed: bool = True,
    ) -> "LampLight":
        """Draw the paths of a source in the detector at `theta`; `size` is their number and that of their steps.

        Without `timed` it has no marks.
        """
        detector = free.rebuild(jnp.asarray(theta, float))
        paths = draw_paths(source, detector, count=size[0], steps=size[1], key=key)
        marks = _marks(source, detector, paths, near) if timed else np.zeros((detector.sensors.count, 0))
        return cls(source, paths, marks, jnp.asarray(near.nearest))

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
    area = rebuild(theta).sensors.area
    found = replay(paths, rebuild, theta, marks)
    halves, whole = found.halves(), found.summed()
    weight = whole.charge[:, 0].sum() / found.effective
    deposits, light = _observed(halves), _observed(whole)
    variance = jnp.concatenate([whole.variance[:, None], whole.early_powers[..., 0]], axis=1)
    local = (light[..., 0], variance, whole.density, whole.widening)
    near, variance, density, widening = smoothed(local, nearest[:, :NEIGHBOURS], area)
    around = smoothed(light, nearest, area)
    other, paths_there = deposits[::-1], deposits[::-1, ..., :1] / weight
    share = paths_there / (paths_there + ALONE)
    ratio = _ratio(around) + share * (_ratio(other) - _ratio(around))
    towards = near[..., None] + share * (2.0 * other[..., :1] - near[..., None])
    direct, of_direct = _direct(source, rebuild, theta, marks)
    made = Light(
        direct,
        2.0 * deposits,
        towards * ratio,
        of_direct[0] + density,
        of_direct[1] + widening,
        halves.early_powers * 2.0 ** jnp.arange(2, 5),
        _observed(found)[..., 0],
        variance,
        weight,
    )
    return made, found.effective


def _observed(found: Replayed) -> Array:
    """All light and that before each mark: (..., channels, observations, columns)."""
    return jnp.concatenate([found.charge[..., None, :], found.early], axis=-2)


def _ratio(light: Array) -> Array:
    """Columns in units of the first."""
    return light / jnp.maximum(light[..., :1], 1e-12)


def _direct(source: Source, rebuild: Rebuild, theta: Array, marks: Array) -> tuple[Array, tuple[Array, Array]]:
    """Direct light, all of it with the same time at a sensor; its density at the marks, and how the spread widens it."""

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
    before = jnp.concatenate([jnp.ones_like(value)[:, None], ndtr(z)], axis=1)
    return before[..., None] * columns[:, None, :], (bell, widening)
