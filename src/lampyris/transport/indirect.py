"""Indirect light: few weighted rays, projected on smooth functions on the wall."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._math import dot, normalise, safe_norm, safe_sqrt, turn
from lampyris.detector import Detector
from lampyris.medium import Optics
from lampyris.rays import Rays
from lampyris.transport.expectation import ExponentialGaussian
from lampyris.transport.wall_basis import exponents, projections, terms
from lampyris.units import SPEED_OF_LIGHT

MOMENTS = 4


class Flight(NamedTuple):
    """Rays after one step; `arrived` is the weight that reached the wall in this step after a scatter or reflection."""

    rays: Rays
    indirect: Array
    arrived: Array


class IndirectLight(NamedTuple):
    """Light over the wall in moments of its delay: sums of weight times delay^m times each term, per face."""

    sums: Float[Array, "faces moments terms"]
    cut_off: Float[Array, ""]


class Reference(NamedTuple):
    """Where and when the light starts, on average: delays count from the straight way from there."""

    position: Float[Array, "3"]
    time: Float[Array, ""]
    index: Float[Array, ""]

    def time_at(self, point: Float[Array, "n 3"]) -> Float[Array, " n"]:
        """Time at which straight light would arrive [ns]."""
        return self.time + safe_norm(point - self.position) * self.index / SPEED_OF_LIGHT


def trace(
    rays: Rays, detector: Detector, reference: Reference, *, uniform: Float[Array, "steps 7 n"], degree: int
) -> IndirectLight:
    """Carry the rays for some steps and sum up what reaches the wall after at least one scatter or reflection.

    At every step a ray either scatters before the wall or reaches it: the branch is drawn with a fixed probability and
    the weight carries the true one, so pathwise gradients are those of the expectation. Wherever a ray meets the wall,
    it counts with the share of the wall that sensors cover there, and goes on from wall or sensor by that share.
    """
    coverage, optics = detector.face_coverage(), detector.medium.optics(rays.wavelength)
    efficiency = detector.sensors.quantum_efficiency(rays.wavelength)

    def step(state: tuple[Rays, Array], numbers: Array):
        flight = _step(*state, optics, detector, coverage, numbers)
        flight = flight._replace(arrived=flight.arrived * efficiency)
        return (flight.rays, flight.indirect), _sums(flight, detector, reference, degree)

    start = (rays, jnp.zeros(rays.count, bool))
    (last, _), sums = jax.lax.scan(step, start, uniform)
    return IndirectLight(sums.sum(axis=0), last.weight.sum())


def _step(
    rays: Rays, indirect: Array, optics: Optics, detector: Detector, coverage: Array, uniform: Float[Array, "7 n"]
) -> Flight:
    """One segment of every ray."""
    medium = detector.medium
    to_wall, normal = detector.shape.intersect(rays.position, rays.direction)
    rate = optics.scattering.sum(axis=-1)
    chance = -jnp.expm1(-rate * to_wall)
    drawn = jax.lax.stop_gradient(chance)
    scatters = uniform[0] < drawn
    safe_rate = jnp.where(rate > 0, rate, 1.0)
    before = jnp.minimum(-jnp.log1p(-uniform[1] * chance) / safe_rate, to_wall)
    path = jnp.where(scatters, before, to_wall)
    share = jnp.where(scatters, chance / jnp.maximum(drawn, 1e-30), (1.0 - chance) / jnp.maximum(1.0 - drawn, 1e-30))
    weight = rays.weight * share * jnp.exp(-optics.absorption * path)
    point = rays.position + path[:, None] * rays.direction
    time = rays.time + path * optics.index / SPEED_OF_LIGHT
    cosine = jnp.clip(-dot(rays.direction, normal), 0.0, 1.0)
    arrived = jnp.where(scatters | ~indirect, 0.0, weight * _detected(detector, cosine, rays.wavelength))
    scattered = turn(rays.direction, medium.scatter_cosine(optics, uniform[2], uniform[3]), 2.0 * jnp.pi * uniform[4])
    reflected, reflectance = _reflect(rays._replace(position=point), detector, coverage, normal, uniform[2:7])
    moved = Rays(
        jnp.where(scatters[:, None], point, detector.shape.on_wall(point)),
        normalise(jnp.where(scatters[:, None], scattered, reflected)),
        time,
        rays.wavelength,
        jnp.where(scatters, weight, weight * reflectance),
    )
    return Flight(moved, jnp.ones_like(indirect), arrived)


def _detected(detector: Detector, cosine: Array, wavelength: Array) -> Array:
    """Probability that light that meets a sensor enters it and is accepted; the quantum efficiency comes apart."""
    sensors = detector.sensors
    return (1.0 - sensors.surface.reflectance_at(cosine, wavelength)) * sensors.acceptance(cosine)


def _reflect(rays: Rays, detector: Detector, coverage: Array, normal: Array, uniform: Array) -> tuple[Array, Array]:
    """Direction after the wall, and the reflectance there with the weight of the draw between wall and sensor."""
    cosine = jnp.clip(-dot(rays.direction, normal), 0.0, 1.0)
    covered = coverage[detector.shape.face(rays.position)]
    drawn = jax.lax.stop_gradient(jnp.clip(covered, 0.0, 1.0))
    on_sensor = uniform[0] < drawn
    share = jnp.where(on_sensor, covered / jnp.maximum(drawn, 1e-30), (1 - covered) / jnp.maximum(1 - drawn, 1e-30))
    wall, sensor = detector.wall, detector.sensors.surface
    choices = uniform[1:4].T
    direction = jnp.where(
        on_sensor[:, None],
        sensor.reflect(rays.direction, normal, choices),
        wall.reflect(rays.direction, normal, choices),
    )
    reflectance = jnp.where(
        on_sensor, sensor.reflectance_at(cosine, rays.wavelength), wall.reflectance_at(cosine, rays.wavelength)
    )
    return direction, share * reflectance


def _sums(flight: Flight, detector: Detector, reference: Reference, degree: int) -> Array:
    """Moments of the delay of what arrived, on every term and face."""
    point = flight.rays.position
    delay = (flight.rays.time - reference.time_at(point)) / 100.0  # [100 ns]: powers stay near 1
    moments = jnp.stack([flight.arrived * delay**m for m in range(MOMENTS)])
    faces = detector.shape.face_areas().shape[0]
    on_face = detector.shape.face(point)[None, :] == jnp.arange(faces)[:, None]
    values = terms(point / detector.shape.half_extent(), degree)
    return jnp.einsum("fn,mn,nt->fmt", on_face.astype(values.dtype), moments, values)


def indirect_at_sensors(
    light: IndirectLight, detector: Detector, reference: Reference, *, degree: int, time_degree: int
) -> ExponentialGaussian:
    """Expected indirect photoelectrons of every sensor and the distribution of their times.

    The charge uses all terms, the shape in time those up to `time_degree`: mean, variance and skewness of the delay
    become a Gaussian with an exponential tail of the same three moments.
    """
    sensors, shape = detector.sensors, detector.shape
    face = shape.face(sensors.position)
    areas = shape.face_areas()
    values = terms(sensors.position / shape.half_extent(), degree)
    full = _density(light.sums[:, :1], areas, type(shape), degree)
    density = jnp.einsum("st,st->s", values, full[face, 0])
    mean_density = (light.sums[:, 0, 0] / areas)[face]
    density = jnp.maximum(density, 0.05 * mean_density)  # a projection may dip below zero where there is little light
    few = exponents(time_degree).shape[0]
    coarse = _density(light.sums[:, :, :few], areas, type(shape), time_degree)
    moments = jnp.einsum("st,smt->sm", values[:, :few], coarse[face])
    start, rms, decay = _shape_in_time(moments, mean_density)
    return ExponentialGaussian(
        density * sensors.area * sensors.relative_efficiency,
        reference.time_at(sensors.position) + start,
        jnp.sqrt(rms**2 + sensors.transit_time_spread**2),
        decay,
    )


def _density(sums: Array, areas: Array, shape: type, degree: int) -> Array:
    """Coefficients of the light per area on every face."""
    return jnp.einsum("ftu,fmu->fmt", jnp.asarray(projections(shape, degree)), sums) / areas[:, None, None]


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
