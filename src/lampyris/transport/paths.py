"""Paths of indirect light among the true sensors, drawn once and weighted anew for any optics."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lampyris._math import dot, mirror, normalise, turn
from lampyris._random import generator
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.source import Source
from lampyris.surface import lambertian_direction
from lampyris.transport.sensor_search import SensorGrid
from lampyris.units import SPEED_OF_LIGHT

CHUNK = 2**15
GROUPS = 32
"""Independent groups of paths, of which sums are kept apart: what scatters between them is the noise of the paths."""
NUMBERS = 5
"""uniform numbers that a step needs"""


class Step(NamedTuple):
    """One step of many paths: the way to the wall, and the branch that was drawn on it."""

    distance: Float[Array, "..."]
    """to the wall [m]"""
    cosine: Float[Array, "..."]
    """of incidence there"""
    channel: Int[Array, "..."]
    """sensor there, or -1 for bare wall"""
    flown: Float[Array, "..."]
    """way to the interaction that was drawn [m]"""
    turned: Float[Array, "..."]
    """cosine of the scattering angle"""
    kind: Int[Array, "..."]
    """number of the scatterer; from there on diffuse, specular reflection"""
    log_density: Float[Array, "..."]
    """logarithm of the density with which this branch was drawn"""


class Paths(eqx.Module):
    """Paths of the light of one source; the leading axes of `steps` are chunks and steps, the last is paths.

    Each path begins with the weight [photons] of its ray and takes one interaction at every step, drawn about as often as
    it happens in the detector that the paths were made in; none ends before the last step.
    """

    steps: Step
    weight: Float[Array, "chunks paths"]
    time: Float[Array, "chunks paths"]
    wavelength: Float[Array, "chunks paths"]
    tail: Float[Array, " chunks"]
    """share of the light that a step leaves, after the last"""

    @property
    def count(self) -> int:
        """Number of paths."""
        return self.weight.size


def draw_paths(source: Source, detector: Detector, *, count: int, steps: int, key: PRNGKeyArray) -> Paths:
    """Draw `count` paths (rounded up to whole chunks, the same number in each group) of so many `steps` from a source.

    They take about 21 bytes of memory a step. Same key, same paths.
    """
    source.check_inside(detector.shape)
    grid, draw = SensorGrid.of(detector), generator(key)
    chunks = GROUPS * -(-count // (CHUNK * GROUPS))
    size = -(-count // chunks)
    parts = []
    for _ in range(chunks):
        numbers = draw.random((NUMBERS * steps + 4, size), np.float32)
        parts.append(_chunk(source, detector, grid, jnp.asarray(numbers), steps))
    made, rays, flying = jax.tree.map(lambda *columns: jnp.stack(columns), *parts)
    tail = flying[:, -1].sum() / jnp.maximum(flying[:, -2].sum(), 1e-30)
    return Paths(made, rays.weight / chunks, rays.time, rays.wavelength, jnp.full(chunks, tail))


def enough_steps(source: Source, detector: Detector, *, key: PRNGKeyArray, left: float = 2e-3, most: int = 48) -> int:
    """Number of steps after which less than the share `left` of the light that a source emits still flies."""
    grid, size = SensorGrid.of(detector), 4096
    numbers = generator(key).random((NUMBERS * most + 4, size), np.float32)
    _, rays, flying = _chunk(source, detector, grid, jnp.asarray(numbers), most)
    share = np.asarray(flying) / float(rays.weight.sum())
    return int(np.clip(np.argmax(share < left) + 1 if (share < left).any() else most, 4, most))


@eqx.filter_jit
def _chunk(source: Source, detector: Detector, grid: SensorGrid, numbers: Array, steps: int):
    """Paths of one chunk, with the start of their rays."""
    rays = source.emit(numbers[:4].T, detector.medium)
    uniform = numbers[4:].reshape(steps, NUMBERS, -1)

    def step(flying: Rays, drawn: Array) -> tuple[Rays, Step]:
        return _step(flying, detector, grid, drawn)

    _, made = jax.lax.scan(step, rays, uniform)
    flying = rays.weight * jnp.exp(jnp.cumsum(_survival(made, detector, rays.wavelength), axis=0))
    return made, rays, flying.sum(axis=-1)


def _survival(step: Step, detector: Detector, wavelength: Array) -> Array:
    """Logarithm of the share of the light that goes on at every step, in the detector that the paths were drawn in."""
    return log_branch(step, detector, wavelength) - step.log_density


def _step(rays: Rays, detector: Detector, grid: SensorGrid, uniform: Array) -> tuple[Rays, Step]:
    """Fly to the wall or to a scatter before it, with the chances of each among the light that survives."""
    medium = detector.medium
    optics = medium.optics(rays.wavelength)
    scattering = optics.scattering.sum(axis=-1)
    rate = jnp.maximum(scattering + optics.absorption, 1e-12)
    distance, normal = detector.shape.intersect(rays.position, rays.direction)
    point = detector.shape.on_wall(rays.position + distance[:, None] * rays.direction)
    channel = grid.find(point)
    cosine = jnp.clip(-dot(rays.direction, normal), 0.0, 1.0)
    diffuse, specular = surface_parts(detector, channel, cosine, rays.wavelength)
    arrives = jnp.exp(-rate * distance)
    lost = -jnp.expm1(-rate * distance)
    chances = (scattering / rate * lost, arrives * diffuse, arrives * specular)
    survives = jnp.maximum(sum(chances), 1e-20)
    target = uniform[0] * survives
    scatters = target < chances[0]
    diffuses = ~scatters & (target < chances[0] + chances[1])
    path = jnp.minimum(-jnp.log1p(-uniform[1] * lost) / rate, distance)
    turned = medium.scatter_cosine(optics, uniform[4], uniform[2])
    scatterer = _scatterer(optics.scattering, uniform[4])
    reflected = jnp.where(
        diffuses[:, None], lambertian_direction(normal, uniform[2:4].T), mirror(rays.direction, normal)
    )
    direction = jnp.where(scatters[:, None], turn(rays.direction, turned, 2.0 * jnp.pi * uniform[3]), reflected)
    kinds = len(medium.scatterers)
    kind = jnp.where(scatters, scatterer, jnp.where(diffuses, kinds, kinds + 1)).astype(jnp.int8)
    flown = jnp.where(scatters, path, distance)
    made = Step(distance, cosine, channel, flown, turned, kind, jnp.zeros_like(distance))
    made = made._replace(log_density=log_branch(made, detector, rays.wavelength) - jnp.log(survives))
    position = jnp.where(scatters[:, None], rays.position + path[:, None] * rays.direction, point)
    time = rays.time + flown * optics.index / SPEED_OF_LIGHT
    return Rays(position, normalise(direction), time, rays.wavelength, rays.weight), made


def _scatterer(rates: Array, choice: Array) -> Array:
    """Number of the scatterer that `Medium.scatter_cosine` takes for a choice."""
    passed = jnp.cumsum(rates, axis=-1)
    return (choice[:, None] * passed[:, -1:] >= passed[:, :-1]).sum(axis=-1).clip(0, max(rates.shape[-1] - 2, 0))


def surface_parts(detector: Detector, channel: Array, cosine: Array, wavelength: Array) -> tuple[Array, Array]:
    """Diffuse and specular reflectance of what is hit: the sensor, or the wall where `channel` is -1."""
    wall = detector.wall.parts_at(cosine, wavelength)
    sensor = detector.sensors.surface.parts_at(cosine, wavelength)
    diffuse, specular = (jnp.where(channel >= 0, s, w) for s, w in zip(sensor, wall, strict=True))
    return diffuse, specular


def log_branch(step: Step, detector: Detector, wavelength: Array) -> Array:
    """Logarithm of the density of the branch of a step in a detector: what happens, where, and by which angle."""
    medium = detector.medium
    diffuse, specular = surface_parts(detector, step.channel, step.cosine, wavelength)
    kinds = len(medium.scatterers)
    logs = jnp.where(step.kind == kinds, _log(diffuse), _log(specular))
    for number, (scatterer, rate) in enumerate(
        zip(medium.scatterers, medium.scattering_rates(wavelength), strict=True)
    ):
        density = _log(rate) + scatterer.phase.log_prob(step.turned)
        logs = jnp.where(step.kind == number, density, logs)
    return logs - medium.attenuation_rate(wavelength) * step.flown


def _log(value: Array) -> Array:
    return jnp.log(jnp.maximum(value, 1e-20))
