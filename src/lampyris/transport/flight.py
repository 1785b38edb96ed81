"""Weighted rays that carry expected light: one free path and one drawn branch at a time."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from lampyris._math import dot, mirror, normalise, turn
from lampyris.detector import Detector
from lampyris.medium import Optics
from lampyris.rays import Rays
from lampyris.surface import lambertian_direction
from lampyris.units import SPEED_OF_LIGHT

NUMBERS = 5
"""uniform numbers that a step needs"""

UNTOUCHED, MIRRORED, TWICE, SCATTERED, BOTH, SPREAD = range(6)
"""What has happened to a ray: nothing, one mirror reflection, two of them, one scatter, one of both, or else."""

AFTER = np.full((SPREAD + 1, SPREAD + 1), SPREAD)
"""What has happened to a ray after one more thing"""
AFTER[UNTOUCHED] = np.arange(SPREAD + 1)
AFTER[MIRRORED, [MIRRORED, SCATTERED]] = TWICE, BOTH
AFTER[SCATTERED, MIRRORED] = BOTH


class Shares(NamedTuple):
    """Probabilities with which the three branches of a step are drawn. They are fixed numbers, so that no ray jumps to
    another branch as a parameter changes; the weights carry the true probabilities."""

    scatter: float
    diffuse: float
    specular: float

    def possible(self, detector: Detector) -> "Shares":
        """The same proportions over the branches that this kind of detector has."""
        surfaces = (detector.wall, detector.sensors.surface)
        wanted = (
            self.scatter * bool(detector.medium.scatterers),
            self.diffuse * any(surface.diffuses for surface in surfaces),
            self.specular * any(surface.mirrors for surface in surfaces),
        )
        total = sum(wanted)
        return Shares(*(share / total for share in wanted)) if total > 0 else Shares(0.0, 1.0, 0.0)


class Flight(NamedTuple):
    """Rays on their way, and what has happened to them."""

    rays: Rays
    history: Int[Array, " n"]

    @classmethod
    def of(cls, rays: Rays) -> "Flight":
        """Rays as they leave the source."""
        return cls(rays, jnp.full(rays.count, UNTOUCHED, jnp.int32))


class Landing(NamedTuple):
    """Where rays would meet the wall, and the weight that gets there without another interaction."""

    distance: Float[Array, " n"]
    point: Float[Array, "n 3"]
    normal: Float[Array, "n 3"]
    cosine: Float[Array, " n"]
    time: Float[Array, " n"]
    weight: Float[Array, " n"]


def land(rays: Rays, optics: Optics, detector: Detector) -> Landing:
    """Follow every ray to the wall."""
    distance, normal = detector.shape.intersect(rays.position, rays.direction)
    rate = optics.absorption + optics.scattering.sum(axis=-1)
    return Landing(
        distance,
        detector.shape.on_wall(rays.position + distance[:, None] * rays.direction),
        normal,
        jnp.clip(-dot(rays.direction, normal), 0.0, 1.0),
        rays.time + distance * optics.index / SPEED_OF_LIGHT,
        rays.weight * jnp.exp(-rate * distance),
    )


def detected(detector: Detector, cosine: Array, wavelength: Array) -> Array:
    """Probability that light that meets a sensor enters it and is accepted; the quantum efficiency comes apart."""
    sensors = detector.sensors
    return (1.0 - sensors.surface.reflectance_at(cosine, wavelength)) * sensors.acceptance(cosine)


def wall_parts(detector: Detector, covered: Array, cosine: Array, wavelength: Array) -> tuple[Array, Array]:
    """Diffuse and specular reflectance of a wall of which sensors cover the share `covered`."""
    wall = detector.wall.parts_at(cosine, wavelength)
    sensor = detector.sensors.surface.parts_at(cosine, wavelength)
    diffuse, specular = (covered * s + (1.0 - covered) * w for s, w in zip(sensor, wall, strict=True))
    return diffuse, specular


def advance(
    flight: Flight,
    landing: Landing,
    optics: Optics,
    detector: Detector,
    covered: Array,
    uniform: Float[Array, "5 n"],
    shares: Shares,
    moving: bool = True,
) -> Flight:
    """One branch of every ray: scatter on the way, diffuse or specular reflection at its end.

    **Gradients**: right, pathwise and by the weights. The place of a scatter is `moving` with the rates of scattering and
    absorption; else it stays, and the weight carries the change of its density: for deposits with hard edges.
    """
    rays = flight.rays
    scatters = uniform[0] < shares.scatter
    diffuse = ~scatters & (uniform[0] < shares.scatter + shares.diffuse)
    on_the_way, position, direction, time = scattered(rays, landing, optics, detector, uniform, moving)
    parts = wall_parts(detector, covered, landing.cosine, rays.wavelength)
    reflected = jnp.where(
        diffuse[:, None],
        lambertian_direction(landing.normal, uniform[2:4].T),
        mirror(rays.direction, landing.normal),
    )
    by_branch = (
        on_the_way / max(shares.scatter, 1e-6),
        landing.weight * parts[0] / max(shares.diffuse, 1e-6),
        landing.weight * parts[1] / max(shares.specular, 1e-6),
    )
    moved = Rays(
        jnp.where(scatters[:, None], position, landing.point),
        normalise(jnp.where(scatters[:, None], direction, reflected)),
        jnp.where(scatters, time, landing.time),
        rays.wavelength,
        jnp.where(scatters, by_branch[0], jnp.where(diffuse, by_branch[1], by_branch[2])),
    )
    now = jnp.where(scatters, SCATTERED, jnp.where(diffuse, SPREAD, MIRRORED))
    return Flight(moved, jnp.asarray(AFTER, jnp.int32)[flight.history, now])


def scattered(
    rays: Rays, landing: Landing, optics: Optics, detector: Detector, uniform: Array, moving: bool = True
) -> tuple[Array, Array, Array, Array]:
    """Weight, place, direction and time of a scatter before the wall; the place is drawn from what is lost on the way.

    Of the numbers of a step all but the first are used.
    """
    rate = jnp.maximum(optics.scattering.sum(axis=-1) + optics.absorption, 1e-12)
    drawn_rate = rate if moving else jax.lax.stop_gradient(rate)
    lost = -jnp.expm1(-drawn_rate * landing.distance)
    path = jnp.minimum(-jnp.log1p(-uniform[1] * lost) / drawn_rate, landing.distance)
    cosine, scattering = detector.medium.weighted_scatter(optics, uniform[4], uniform[2])
    direction = turn(rays.direction, cosine, 2.0 * jnp.pi * uniform[3])
    weight = rays.weight * scattering / drawn_rate * lost
    if not moving:
        weight = weight * jnp.exp((drawn_rate - rate) * path)
    position = rays.position + path[:, None] * rays.direction
    return weight, position, direction, rays.time + path * optics.index / SPEED_OF_LIGHT
