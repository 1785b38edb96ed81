"""Light after one mirror reflection: sharp images of the direct light, by rays that only this may happen to."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._math import mirror, safe_sqrt
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.transport.expectation import ExponentialGaussian
from lampyris.transport.flight import detected, land, wall_parts
from lampyris.transport.reference import Coverage, Reference
from lampyris.transport.wall_grid import density_at, gathered

MOMENTS = 3
DARK = 1e-10
"""Photoelectrons per m^2 below which their times mean nothing; squares of smaller numbers vanish in single precision."""


def mirrored_light(
    rays: Rays, detector: Detector, coverage: Coverage, reference: Reference, cells: int
) -> Float[Array, "nodes 3"]:
    """Detected light at its second meeting with the wall, on the cells, in moments of its delay.

    The mirror is the wall with the mean reflectance of wall and sensors there.
    """
    optics = detector.medium.optics(rays.wavelength)
    first = land(rays, optics, detector)
    _, specular = wall_parts(detector, coverage.at(first.point, detector), first.cosine, rays.wavelength)
    back = mirror(rays.direction, first.normal)
    again = land(Rays(first.point, back, first.time, rays.wavelength, first.weight * specular), optics, detector)
    arrived = again.weight * detected(detector, again.cosine, rays.wavelength)
    arrived = arrived * detector.sensors.quantum_efficiency(rays.wavelength)
    delay = reference.delay(again.point, again.time)
    rows = jnp.stack([arrived * delay**m for m in range(MOMENTS)], axis=1)
    return gathered(rows, again.point / detector.shape.half_extent(), cells)


def mirrored_at_sensors(
    light: Float[Array, "nodes 3"], detector: Detector, reference: Reference, cells: int
) -> ExponentialGaussian:
    """Expected photoelectrons of every sensor after one mirror reflection, with a Gaussian of times."""
    sensors = detector.sensors
    values = density_at(light, sensors.position, detector.shape, cells)
    bright = values[:, 0] > DARK
    weight = jnp.where(bright, values[:, 0], 1.0)
    mean = jnp.where(bright, values[:, 1] / weight, 0.5)
    variance = jnp.where(bright, jnp.maximum(values[:, 2] / weight - mean**2, 1e-6), 1e-2)
    rms = jnp.sqrt((100.0 * safe_sqrt(variance)) ** 2 + sensors.time_spread**2)
    decay = 0.05 * rms  # nearly a Gaussian
    return ExponentialGaussian(
        values[:, 0] * sensors.area * sensors.relative_efficiency,
        reference.time_at(sensors.position) + 100.0 * mean - decay,
        rms,
        decay,
    )
