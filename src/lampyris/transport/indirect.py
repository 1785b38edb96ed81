"""Indirect light: few weighted rays, projected on smooth functions on the wall."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._math import safe_sqrt
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.transport.expectation import ExponentialGaussian
from lampyris.transport.flight import SPREAD, UNTOUCHED, Flight, Landing, Shares, advance, detected, land
from lampyris.transport.reference import Coverage, Reference, belonging
from lampyris.transport.wall_basis import exponents, projected, projections, terms

MOMENTS = 4


class SmoothLight(NamedTuple):
    """Light over the wall: sums over rays of weight times delay^m times each term, per face and step."""

    charge: Float[Array, "... faces terms"]
    delay: Float[Array, "... faces 4 few"]
    flying: Float[Array, "..."]
    """light that goes on, weighted with the quantum efficiency"""


def trace(
    rays: Rays,
    detector: Detector,
    coverage: Coverage,
    reference: Reference,
    *,
    uniform: Float[Array, "steps 5 n"],
    shares: Shares,
    degree: int,
    time_degree: int,
) -> SmoothLight:
    """Carry the rays for some steps and sum up what reaches the wall, step by step.

    Every ray deposits at every step what would reach the wall without another interaction, and then takes one branch.
    Direct light and the first mirror image are not counted: others integrate them.
    """
    optics = detector.medium.optics(rays.wavelength)
    efficiency = detector.sensors.quantum_efficiency(rays.wavelength)
    sharp_mirror = shares.specular > 0

    def step(flight: Flight, numbers: Array) -> tuple[Flight, SmoothLight]:
        landing = land(flight.rays, optics, detector)
        counts = flight.history >= SPREAD if sharp_mirror else flight.history > UNTOUCHED
        seen = detected(detector, landing.cosine, rays.wavelength) * efficiency
        arrived = jnp.where(counts, landing.weight * seen, 0.0)
        covered = coverage.at(landing.point, detector)
        after = advance(flight, landing, optics, detector, covered, numbers, shares)
        charge, delay = _sums(arrived, landing, detector, reference, degree, time_degree)
        return after, SmoothLight(charge, delay, (after.rays.weight * efficiency).sum())

    return jax.lax.scan(step, Flight.of(rays), uniform)[1]


def _sums(
    arrived: Array, landing: Landing, detector: Detector, reference: Reference, degree: int, time_degree: int
) -> tuple[Array, Array]:
    """Charge on every term, and moments of its delay on those of low degree, per face."""
    shape, faces = detector.shape, detector.shape.face_areas().shape[0]
    delay = reference.delay(landing.point, landing.time)
    charge = belonging(landing.point, detector) * arrived
    moments = jnp.stack([charge * delay**m for m in range(MOMENTS)], axis=1)
    scaled = landing.point / shape.half_extent()
    slow = projected(moments.reshape(faces * MOMENTS, -1), scaled, time_degree)
    return projected(charge, scaled, degree), slow.reshape(faces, MOMENTS, -1)


def with_rest(light: SmoothLight) -> SmoothLight:
    """The sum of all steps and of what the light that flies on after the last step will still deposit.

    After several steps the light loses the same share in each and keeps its form: what the last step deposited, times
    a geometric series. Every further step adds the delay by which the last two differ.
    """
    ratio = jnp.clip(light.flying[-1] / jnp.maximum(light.flying[-2], 1e-30), 0.0, 0.999)
    series = ratio / (1.0 - ratio)
    first, second = ratio / (1.0 - ratio) ** 2, ratio * (1.0 + ratio) / (1.0 - ratio) ** 3
    third = ratio * (1.0 + 4.0 * ratio + ratio**2) / (1.0 - ratio) ** 4
    mean = light.delay[..., 1, 0].sum(axis=-1) / jnp.maximum(light.delay[..., 0, 0].sum(axis=-1), 1e-30)
    lag = jnp.maximum(mean[-1] - mean[-2], 0.0)
    m = [light.delay[-1][:, order] for order in range(MOMENTS)]
    rest = jnp.stack(
        [
            series * m[0],
            series * m[1] + first * lag * m[0],
            series * m[2] + 2.0 * first * lag * m[1] + second * lag**2 * m[0],
            series * m[3] + 3.0 * (first * lag * m[2] + second * lag**2 * m[1]) + third * lag**3 * m[0],
        ],
        axis=1,
    )
    return SmoothLight(
        light.charge.sum(axis=0) + series * light.charge[-1], light.delay.sum(axis=0) + rest, light.flying[-1]
    )


def smooth_at_sensors(
    light: SmoothLight, detector: Detector, reference: Reference, *, degree: int, time_degree: int
) -> ExponentialGaussian:
    """Expected indirect photoelectrons of every sensor and the distribution of their times.

    The charge uses all terms, the shape in time those up to `time_degree`: mean, variance and skewness of the delay
    become a Gaussian with an exponential tail of the same three moments.
    """
    sensors, shape = detector.sensors, detector.shape
    areas = shape.face_areas()
    on_face = shape.face(sensors.position)[:, None] == jnp.arange(areas.shape[0])
    values = jax.lax.stop_gradient(terms(sensors.position / shape.half_extent(), degree))
    fine = _density(light.charge[:, None], areas, type(shape), degree)
    density = _on_own_face(values, fine, on_face)[:, 0]
    mean_density = on_face @ (light.charge[:, 0] / areas)
    density = jnp.maximum(density, 0.05 * mean_density)  # a projection may dip below zero where there is little light
    coarse = _density(light.delay, areas, type(shape), time_degree)
    moments = _on_own_face(values[:, : exponents(time_degree).shape[0]], coarse, on_face)
    start, rms, decay = _shape_in_time(moments, mean_density)
    return ExponentialGaussian(
        density * sensors.area * sensors.relative_efficiency,
        reference.time_at(sensors.position) + start,
        jnp.sqrt(rms**2 + sensors.time_spread**2),
        decay,
    )


def _density(sums: Array, areas: Array, shape: type, degree: int) -> Array:
    """Coefficients of the light per area on every face: (faces, moments, terms)."""
    matrices = jnp.asarray(projections(shape, degree), sums.dtype)
    return jnp.einsum("ftu,fmu->fmt", matrices, sums) / areas[:, None, None]


def _on_own_face(values: Array, series: Array, on_face: Array) -> Array:
    """Values (sensors, moments) of the series of each sensor's own face."""
    faces, moments = series.shape[:2]
    every = (values @ series.reshape(faces * moments, -1).T).reshape(-1, faces, moments)
    return (every * on_face[:, :, None]).sum(axis=1)


def _shape_in_time(moments: Array, mean_density: Array) -> tuple[Array, Array, Array]:
    """Start, Gaussian rms and decay time [ns] of the three moments, kept where they make sense."""
    weight = jnp.maximum(moments[:, 0], 0.1 * mean_density) + 1e-30
    mean, second, third = (moments[:, m] / weight for m in (1, 2, 3))
    mean = jnp.clip(mean, 0.01, 3.0)
    variance = jnp.clip(second - mean**2, 1e-3, 4.0)
    skew = jnp.clip(third - 3.0 * mean * variance - mean**3, 1e-5, 16.0)
    decay = jnp.minimum(jnp.cbrt(0.5 * skew), 0.97 * safe_sqrt(variance))
    rms = safe_sqrt(variance - decay**2)
    return 100.0 * (mean - decay), 100.0 * rms, 100.0 * decay
