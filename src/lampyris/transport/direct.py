"""Direct light: integrated over the source for every sensor, never sampled."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from lampyris._math import safe_norm, safe_sqrt
from lampyris.detector import Detector
from lampyris.emission.pattern import Covered, Pattern
from lampyris.sensors import Sensors
from lampyris.source import Emitters
from lampyris.transport.contract import check_flush
from lampyris.transport.expectation import GaussianMixture
from lampyris.transport.solid_angle import disk_solid_angle
from lampyris.units import SPEED_OF_LIGHT

CHEBYSHEV = 8
GRAZING = 0.05
"""Cosine of incidence below which a disk sees next to nothing."""
CHUNK = 128
"""Channels that are worked on together: their pairs with the points of a track stay in the cache."""
NEAR_DISK = 0.5
"""Radius of a disk over the distance from it beyond which its mean delay is that of its centre."""


class DistanceTable(eqx.Module):
    """Transmission, delay and dispersion of a spectrum as functions of the distance, as Chebyshev series.

    All are smooth in the distance, so eight terms stand for the sums over wavelengths, at the cost
    of a few multiplications for each pair of point and sensor.
    """

    series: Float[Array, "terms 3"]
    """coefficients of the logarithm of the transmission, the mean group index, and its rms"""
    wavelength: Float[Array, ""]
    reach: Float[Array, ""]

    @classmethod
    def of(cls, detector: Detector, wavelength: Array, spectrum: Array) -> "DistanceTable":
        """Tables of detected light: the spectrum is weighted with the quantum efficiency. Raises `LampyrisError` for
        sensors that stand out of the wall.
        """
        check_flush(detector)
        medium = detector.medium
        reach = 2.2 * safe_norm(detector.shape.half_extent())
        nodes = np.cos(np.pi * (np.arange(CHEBYSHEV) + 0.5) / CHEBYSHEV)
        distance = 0.5 * reach * (1.0 + jnp.asarray(nodes))
        detected = spectrum * detector.sensors.quantum_efficiency(wavelength)
        light = detected * jnp.exp(-distance[:, None] * medium.attenuation_rate(wavelength))
        total = light.sum(axis=1)
        index = medium.group_index(wavelength)
        mean = (light * index).sum(axis=1) / total
        variance = (light * (index - mean[:, None]) ** 2).sum(axis=1) / total
        transform = jnp.asarray(_transform(nodes))
        values = jnp.stack([jnp.log(total), mean, safe_sqrt(variance)], axis=1)
        return cls(
            transform @ values,
            (detected * wavelength).sum() / detected.sum(),
            reach,
        )

    def at(self, distance: Array) -> tuple[Array, Array, Array]:
        """Detected share, delay [ns] and rms of the delay [ns] at the distance [m]."""
        x = 2.0 * distance / self.reach - 1.0
        values = _clenshaw(self.series, x)
        per_metre = distance / SPEED_OF_LIGHT
        return jnp.exp(values[..., 0]), per_metre * values[..., 1], per_metre * values[..., 2]


def _transform(nodes: np.ndarray) -> np.ndarray:
    """Matrix from values at the Chebyshev nodes to coefficients."""
    order = np.arange(CHEBYSHEV)
    basis = np.cos(order[:, None] * np.arccos(nodes))
    return basis * np.where(order == 0, 1.0, 2.0)[:, None] / CHEBYSHEV


def _clenshaw(coefficients: Array, x: Array) -> Array:
    """Values of several Chebyshev series, on a new last axis."""
    x = x[..., None]
    one, two = jnp.zeros(3), jnp.zeros(3)
    for term in range(CHEBYSHEV - 1, 0, -1):
        one, two = coefficients[term] + 2.0 * x * one - two, one
    return coefficients[0] + x * one - two


class View(NamedTuple):
    """How sensors and points of light see each other, one entry for each pair (sensors, points)."""

    distance: Float[Array, "s k"]
    """[m]"""
    along: Float[Array, "s k"]
    """cosine of the angle between the axis of the light and the way to the sensor"""
    incidence: Float[Array, "s k"]
    """cosine of incidence at the sensor; negative from behind"""
    lean: Float[Array, "s k"]
    """product of the axis of the light and the normal of the sensor"""


def look(position: Array, axis: Array, sensors: Sensors) -> tuple[View, Float[Array, "s k 3"]]:
    """The view of every pair, and the unit vectors from the points to the sensors."""
    away = sensors.position[:, None, :] - position[None, :, :]
    distance = jnp.maximum(safe_norm(away), 1e-3)
    way = away / distance[..., None]
    along = jnp.einsum("ski,ki->sk", way, axis)
    incidence = -jnp.einsum("ski,si->sk", way, sensors.normal)
    return View(distance, along, incidence, sensors.normal @ axis.T), way


def intensity(pattern: Pattern, view: View, radius: Float[Array, " s"], solid_angle: Array) -> Float[Array, "s k"]:
    """Photons per steradian of every pair, averaged over the disk of the sensor."""
    return pattern.mean_intensity(covering(view, radius, solid_angle))


def covering(view: View, radius: Float[Array, " s"], solid_angle: Array) -> Covered:
    """Which directions about the axis of the light the disk of the sensor covers, for every pair.

    The points of a disk of the angular radius r are even in solid angle, so their 1 - cosine r' to the way to its middle is even
    too. That to the axis of the light, at the angle a, has the mean 1 - cos a (1 - m), m the mean of 1 - cos r', and the variance
    sin^2 a <sin^2 r'> / 2 + cos^2 a var(cos r'). The tilt of a disk shortens it, in all by (1 + C^2) / 2 with the cosine C
    of incidence, in the direction in which the angle grows by what it leans there. A band that would end beyond the axis ends
    there and keeps its mean, and nothing has an edge where the axis meets the middle of a disk.
    """
    ratio = radius[:, None] / view.distance
    cosine = jax.lax.rsqrt(1.0 + ratio**2)
    cap = (ratio * cosine) ** 2 / (1.0 + cosine)
    mean = 0.25 * cap * (1.0 + view.incidence**2)
    square = jnp.maximum(1.0 - view.along**2, 0.0)
    lean = (view.lean + view.along * view.incidence) ** 2 / (square + ratio**2)
    sideways = cap * (2.0 + cosine) / 6.0 * square * jnp.maximum(1.0 - lean, 0.0025)
    middle = 1.0 - view.along * (1.0 - mean)
    half = jnp.minimum(jnp.sqrt(3.0 * sideways + (view.along * mean) ** 2), jnp.minimum(middle, 2.0 - middle))
    return Covered(view.along, middle - half, middle + half, solid_angle)


def solid_angles(view: View, radius: Float[Array, " s"]) -> Float[Array, "s k"]:
    """Solid angle of every sensor from every point; 32 nodes for a source that is one point, 4 for a track."""
    height = view.distance * view.incidence
    lateral = view.distance * safe_sqrt(1.0 - view.incidence**2)
    return disk_solid_angle(height, lateral, radius[:, None], 32 if view.distance.shape[1] == 1 else 4)


def transmission(view: View, sensors: Sensors, table: DistanceTable) -> Float[Array, "s k"]:
    """Photoelectrons of every pair per photon that aims at the sensor."""
    cosine = jnp.clip(view.incidence, 0.0, 1.0)
    absorbed = 1.0 - sensors.surface.reflectance_at(cosine, jnp.broadcast_to(table.wavelength, cosine.shape))
    detected, _, _ = table.at(view.distance)
    return detected * absorbed * sensors.acceptance(cosine) * sensors.relative_efficiency[:, None]


def delays(view: View, sensors: Sensors, table: DistanceTable) -> tuple[Float[Array, "s k"], Float[Array, "s k"]]:
    """Mean delay of every pair [ns], and its variance [ns^2]: wavelengths, and the two sides of a disk that light meets askew.

    The mean over the disk is not the delay of its centre. A point of the disk at x, y about it (x where the way is longer)
    lies S x + (C^2 x^2 + y^2) / 2d further than the distance d of the centre, C and S the cosine and the sine of incidence,
    and light is denser by 1 - 3 S x / d there; with the mean square r^2 / 4 of either that makes r^2 (7 C^2 - 5) / 8d. It is
    some picoseconds; the first of a hundred photoelectrons tells their number that well.
    """
    _, delay, dispersion = table.at(view.distance)
    ratio = sensors.radius[:, None] / view.distance
    square = view.incidence**2
    further = 0.125 * ratio**2 * (7.0 * square - 5.0)
    # from very near the expansion does not hold, and the time of the centre is as good
    further = jnp.where(ratio < NEAR_DISK, further, 0.0)
    across = 0.5 * ratio * delay
    return delay * (1.0 + further), dispersion**2 + across**2 * (1.0 - square)


def bowed(view: View, way: Float[Array, "s k 3"], detector: Detector) -> Float[Array, "s k"]:
    """How much further the light of a disk flies, on average, because it lies on a wall that is bent [m].

    A wall of the curvature tensor K (minus the second derivatives of the distance from it) rises by x K x / 2 over the plane of
    the disk, which shortens the way by C times that, and leans so that a point x gets 1 + x K w / C of the light, w the way
    of the light: with the mean square r^2 / 4 that makes r^2 (w K w / 4C - C tr K / 8).
    """
    sensors, away = detector.sensors, detector.shape.signed_distance
    curvature = -jax.vmap(jax.hessian(lambda point: away(point[None])[0]))(sensors.position)
    cosine = jnp.maximum(view.incidence, GRAZING)
    along = jnp.einsum("ski,sij,skj->sk", way, curvature, way)
    trace = jnp.trace(curvature, axis1=1, axis2=2)[:, None]
    return sensors.radius[:, None] ** 2 * (0.25 * along / cosine - 0.125 * cosine * trace)


def direct_light(emitters: Emitters, detector: Detector, table: DistanceTable) -> GaussianMixture:
    """Expected direct photoelectrons of every sensor from every point of the source, and their times.

    For each pair: intensity averaged over the disk x solid angle x transmission x acceptance x efficiency.
    **Gradients**: right in all parameters of source and detector, and without noise.
    """
    if len(emitters.position) > 1:
        return _in_chunks(lambda few: _pairs(emitters, few, table)[0], detector.sensors)
    light, view, way = _pairs(emitters, detector.sensors, table)
    # picoseconds, which only lamps are bright enough to tell
    late = (light.time - emitters.time) * bowed(view, way, detector) / view.distance
    return GaussianMixture(light.weight, light.time + late, light.rms)


def _pairs(emitters: Emitters, sensors: Sensors, table: DistanceTable) -> tuple[GaussianMixture, View, Array]:
    """Light of some sensors, as if they lay on flat walls, with the view of every pair and the ways."""
    view, way = look(emitters.position, emitters.axis, sensors)
    covered = solid_angles(view, sensors.radius)
    weight = intensity(emitters.pattern, view, sensors.radius, covered) * covered * transmission(view, sensors, table)
    delay, variance = delays(view, sensors, table)
    rms = jnp.sqrt(sensors.time_spread[:, None] ** 2 + emitters.time_rms**2 + variance)
    return GaussianMixture(weight, emitters.time + delay, rms), view, way


def _in_chunks(light: Callable[[Sensors], GaussianMixture], sensors: Sensors) -> GaussianMixture:
    """The light of all sensors, `CHUNK` at a time; a backward derivative makes that of each chunk again."""
    index = chunks_of(sensors.count)
    parts = jax.lax.map(jax.checkpoint(lambda few: light(sensors.take(few))), index)
    return jax.tree.map(lambda column: column.reshape(index.size, -1)[: sensors.count], parts)


def chunks_of(count: int, size: int = CHUNK) -> Int[Array, "chunks size"]:
    """The numbers of so many channels in rows of a size; the last is repeated to fill up the last row."""
    chunks = -(-count // size)
    return jnp.minimum(jnp.arange(chunks * size), count - 1).reshape(chunks, size)
