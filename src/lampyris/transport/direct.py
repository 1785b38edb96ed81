"""Direct light: integrated over the source for every sensor, never sampled."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._math import dot, safe_norm, safe_sqrt
from lampyris.detector import Detector
from lampyris.source import Emitters
from lampyris.transport.expectation import GaussianMixture
from lampyris.transport.solid_angle import disk_solid_angle
from lampyris.units import SPEED_OF_LIGHT

CHEBYSHEV = 8


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
        """Tables of detected light: the spectrum is weighted with the quantum efficiency."""
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


def direct_light(emitters: Emitters, detector: Detector, table: DistanceTable) -> GaussianMixture:
    """Expected direct photoelectrons of every sensor from every point of the source, and their times.

    For each pair: intensity averaged over the disk x solid angle x transmission x acceptance x efficiency.
    A source that is one point gets the solid angle with 32 nodes, a track with 4.
    **Gradients**: right in all parameters of source and detector, and without noise.
    """
    sensors = detector.sensors
    away = sensors.position[:, None, :] - emitters.position[None, :, :]
    distance = jnp.maximum(safe_norm(away), 1e-3)
    height = -dot(away, sensors.normal[:, None, :])
    lateral = safe_sqrt(distance**2 - height**2)
    radius = sensors.radius[:, None]
    solid_angle = disk_solid_angle(height, lateral, radius, 32 if emitters.time.shape[0] == 1 else 4)
    angle, half_width = _seen_from(emitters, away, distance, sensors.normal, radius)
    intensity = emitters.pattern.mean_intensity(angle, half_width, solid_angle)
    transmission, delay, dispersion = table.at(distance)
    cosine = jnp.clip(height / distance, 0.0, 1.0)
    absorbed = 1.0 - sensors.surface.reflectance_at(cosine, jnp.broadcast_to(table.wavelength, cosine.shape))
    weight = intensity * solid_angle * transmission * absorbed * sensors.acceptance(cosine)
    weight = weight * sensors.relative_efficiency[:, None]
    rms = jnp.sqrt(sensors.transit_time_spread**2 + emitters.time_rms**2 + dispersion**2)
    return GaussianMixture(weight, emitters.time + delay, rms)


def _seen_from(emitters: Emitters, away: Array, distance: Array, normal: Array, radius: Array) -> tuple[Array, Array]:
    """Angle of each sensor to the axis of the source, and the half width of the band of the same rms."""
    along = away @ emitters.axis
    across = safe_sqrt(distance**2 - along**2)
    angle = jnp.arctan2(across, along)
    # the disk's extent along the direction in which the angle grows, which the disk's tilt shortens
    grow = (normal @ emitters.axis)[:, None] - along / distance**2 * dot(away, normal[:, None, :])
    tilt = grow * distance / jnp.maximum(across, 1e-6 * distance)
    shortened = safe_sqrt(1.0 - jnp.minimum(tilt**2, 1.0))
    return angle, 0.5 * np.sqrt(3.0) * radius / distance * jnp.maximum(shortened, 0.05)
