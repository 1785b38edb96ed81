"""Indirect light: few weighted rays, projected on smooth functions on the wall."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.transport.expectation import GaussianMixture
from lampyris.transport.flight import Flight, Landing, Shares, advance, detected, land
from lampyris.transport.reference import Coverage, belonging
from lampyris.transport.time_nodes import Delays, TimeNodes
from lampyris.transport.wall_basis import exponents, projected, projections, terms

FURTHER = 8
"""Steps after the last that are told apart in time."""


class SmoothLight(NamedTuple):
    """Light over the wall: sums over rays of weight times each term, per face and step, all and at each delay."""

    charge: Float[Array, "... faces terms"]
    delay: Float[Array, "... faces nodes few"]
    flying: Float[Array, "..."]
    """light that goes on, weighted with the quantum efficiency"""


def trace(
    rays: Rays,
    detector: Detector,
    coverage: Coverage,
    delays: Delays,
    *,
    uniform: Float[Array, "steps 5 n"],
    shares: Shares,
    degree: int,
    time_degree: int,
    sharp: Sequence[int],
) -> SmoothLight:
    """Carry the rays for some steps and sum up what reaches the wall, step by step.

    Every ray deposits at every step what would reach the wall without another interaction, and then takes one branch.
    Light of the histories `sharp` is not counted: others integrate it.
    """
    optics = detector.medium.optics(rays.wavelength)
    efficiency = detector.sensors.quantum_efficiency(rays.wavelength)

    def step(flight: Flight, numbers: Array) -> tuple[Flight, SmoothLight]:
        landing = land(flight.rays, optics, detector)
        counts = (flight.history[:, None] != jnp.asarray(sharp)).all(axis=1)
        seen = detected(detector, landing.cosine, rays.wavelength) * efficiency
        arrived = jnp.where(counts, landing.weight * seen, 0.0)
        covered = coverage.at(landing.point, detector)
        after = advance(flight, landing, optics, detector, covered, numbers, shares)
        charge, delay = _sums(arrived, landing, detector, delays, degree, time_degree)
        return after, SmoothLight(charge, delay, (after.rays.weight * efficiency).sum())

    return jax.lax.scan(step, Flight.of(rays), uniform)[1]


def _sums(
    arrived: Array,
    landing: Landing,
    detector: Detector,
    delays: Delays,
    degree: int,
    time_degree: int,
) -> tuple[Array, Array]:
    """Charge on every term, and at every delay on those of low degree, per face."""
    shape, faces = detector.shape, detector.shape.face_areas().shape[0]
    share = delays.share(landing.point, landing.time)
    charge = belonging(landing.point, detector) * arrived
    rows = (charge[:, None] * share).reshape(faces * len(share), -1)
    scaled = landing.point / shape.half_extent()
    slow = projected(rows, scaled, time_degree)
    return projected(charge, scaled, degree), slow.reshape(faces, len(share), -1)


def with_rest(light: SmoothLight, nodes: TimeNodes) -> SmoothLight:
    """The sum of all steps and of what the light that flies on after the last step will still deposit.

    After several steps the light loses the same share in each and keeps its form: what the last step deposited, times
    a geometric series. Every further step adds the delay by which the last two differ.
    """
    ratio = jnp.clip(light.flying[-1] / jnp.maximum(light.flying[-2], 1e-30), 0.0, 0.999)
    late = light.delay[-2:, ..., 0]
    total = late.sum(axis=-1)
    mean = (late * nodes.delay).sum(axis=-1) / jnp.where(total > 0.0, total, 1.0)
    lag = jnp.maximum(mean[-1] - mean[0], 0.0)
    later = jax.vmap(lambda more: nodes.spread_over(nodes.delay + more))(lag)

    def further(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        now, rest = carry
        now = ratio * jnp.einsum("fit,fji->fjt", now, later)
        return (now, rest + now), None

    start = (light.delay[-1], light.delay.sum(axis=0))
    (last, summed), _ = jax.lax.scan(further, start, None, length=FURTHER)
    series = ratio / (1.0 - ratio)
    return SmoothLight(light.charge.sum(axis=0) + series * light.charge[-1], summed + series * last, light.flying[-1])


def smooth_at_sensors(
    light: SmoothLight,
    sharp: Float[Array, "sensors nodes"],
    detector: Detector,
    delays: Delays,
    *,
    degree: int,
    time_degree: int,
) -> GaussianMixture:
    """Expected indirect photoelectrons of every sensor and the distribution of their times.

    The charge uses all terms, its shares at the delays those up to `time_degree`. `sharp` is light per area [pe/m^2] at each
    delay that is not smooth and comes on top.
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
    share = _on_own_face(values[:, : exponents(time_degree).shape[0]], coarse, on_face)
    # where the shape in time dips below zero too, some of the mean one of the face holds it up
    share = jnp.maximum(share, 0.02 * (on_face @ (light.delay[..., 0] / areas[:, None]))) + 1e-30
    share = share / share.sum(axis=1, keepdims=True)
    weight = (density[:, None] * share + sharp) * (sensors.area * sensors.relative_efficiency)[:, None]
    start, nodes = delays.earliest.at(sensors.position), delays.nodes
    return GaussianMixture(weight, start[:, None] + nodes.delay, nodes.rms)


def _density(sums: Array, areas: Array, shape: type, degree: int) -> Array:
    """Coefficients of the light per area on every face: (faces, rows, terms)."""
    matrices = jnp.asarray(projections(shape, degree), sums.dtype)
    return jnp.einsum("ftu,fmu->fmt", matrices, sums) / areas[:, None, None]


def _on_own_face(values: Array, series: Array, on_face: Array) -> Array:
    """Values (sensors, rows) of the series of each sensor's own face."""
    faces, rows = series.shape[:2]
    every = (values @ series.reshape(faces * rows, -1).T).reshape(-1, faces, rows)
    return (every * on_face[:, :, None]).sum(axis=1)
