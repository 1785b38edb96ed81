"""Photons one by one: their state, and one step of their way. Transport and its histories share it."""

from typing import Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from lampyris._host import on_host
from lampyris._math import dot, normalise, turn
from lampyris.detector import Detector
from lampyris.medium import Optics
from lampyris.rays import Rays
from lampyris.transport.bodies import Bodies
from lampyris.transport.sensor_search import SensorGrid
from lampyris.units import SPEED_OF_LIGHT

FLYING, IN_MEDIUM, IN_WALL, AT_SENSOR = 0, 1, 2, 3
STEPS_PER_STAGE = 4
"""Steps between two looks at which photons have ended"""

Column = TypeVar("Column", Array, np.ndarray)


class Photon(NamedTuple, Generic[Column]):
    """State of photons on their way; one entry each. Arrays of NumPy on the host, of JAX while they fly."""

    position: Column
    direction: Column
    time: Column
    wavelength: Column
    absorption: Column
    scattering: Column
    index: Column
    state: Column
    channel: Column
    """of the surface that was met last, -1 for the wall"""
    cosine: Column
    scatters: Column
    reflections: Column
    steps: Column


def start(rays: Rays, detector: Detector) -> Photon[np.ndarray]:
    """The rays that count, with the optics of their wavelengths."""
    real = np.asarray(rays.weight) > 0
    position, direction, time, wavelength = (np.asarray(column)[real] for column in rays[:-1])
    absorption, scattering, index = (column[real] for column in on_host(detector.medium.optics, rays.wavelength))
    none = np.zeros(len(time), np.int32)
    ends = (none, none - 1, np.zeros_like(time), none, none, none)
    return Photon(position, direction, time, wavelength, absorption, scattering, index, *ends)


def rows(photons: Photon[np.ndarray], chosen) -> Photon[np.ndarray]:
    """Some of the photons: a slice, a mask or indices."""
    return Photon(*(column[chosen] for column in photons))


def padded(photons: Photon[np.ndarray], size: int) -> Photon[Array]:
    """The photons and copies of the last, `size` in all."""
    missing = size - photons.time.size
    columns = (np.pad(c, [(0, missing)] + [(0, 0)] * (c.ndim - 1), mode="edge") for c in photons)
    return Photon(*map(jnp.asarray, columns))


Search = SensorGrid | Bodies
"""What finds the sensors of a detector"""


def search_of(detector: Detector) -> Search:
    """The search that the sensors of a detector need: disks on the wall, or bodies in the volume."""
    return SensorGrid.of(detector) if detector.sensors.flush else Bodies.of(detector)


def step(photons: Photon[Array], detector: Detector, search: Search, uniform: Array) -> Photon[Array]:
    """One free path, to the next scatter, absorption, wall or body; photons that have ended stay as they are.

    Among bodies a path may be cut short on the way, which counts as a step; the photon then flies on, and its free path is
    drawn anew, which an exponential law allows.
    """
    to_wall, normal = detector.shape.intersect(photons.position, photons.direction)
    scattering = photons.scattering.sum(axis=-1)
    rate = scattering + photons.absorption
    free = -jnp.log1p(-uniform[0]) / jnp.maximum(rate, 1e-30)
    path, at_wall = jnp.minimum(free, to_wall), free >= to_wall
    if isinstance(search, Bodies):
        stop = search.first(photons.position, photons.direction, path)
        moved = _along(photons, stop.path)
        on_body = _at_surface(moved, detector, stop.channel, stop.normal, uniform)
        bare = jnp.full_like(stop.channel, -1)
        on_wall = _at_surface(_on_wall(moved, detector), detector, bare, normal, uniform)
        surface = _chosen(stop.at_body, on_body, on_wall)
        at_surface, flies_on = at_wall | stop.at_body, stop.passing
    else:
        moved = _along(photons, path)
        placed = _on_wall(moved, detector)
        surface = _at_surface(placed, detector, search.find(moved.position), normal, uniform)
        at_surface, flies_on = at_wall, jnp.zeros_like(at_wall)
    inside = _in_medium(moved, detector, uniform, scattering / jnp.maximum(rate, 1e-30))
    ended = _chosen(at_surface, surface, inside)
    after = _chosen(photons.state == FLYING, _chosen(flies_on, moved, ended), photons)
    return after._replace(direction=normalise(after.direction))  # against the drift of many turns


def _along(photons: Photon[Array], path: Array) -> Photon[Array]:
    """The photons further on their ways."""
    return photons._replace(
        position=photons.position + path[:, None] * photons.direction,
        steps=photons.steps + 1,
        time=photons.time + path * photons.index / SPEED_OF_LIGHT,
    )


def _on_wall(photons: Photon[Array], detector: Detector) -> Photon[Array]:
    return photons._replace(position=detector.shape.on_wall(photons.position))


def _chosen(mask: Array, these: Photon[Array], those: Photon[Array]) -> Photon[Array]:
    """These photons where the mask holds, else those."""
    return jax.tree.map(lambda a, b: jnp.where(mask[:, None] if a.ndim == 2 else mask, a, b), these, those)


def _in_medium(photons: Photon[Array], detector: Detector, uniform: Array, share: Array) -> Photon[Array]:
    """Scatter, or be absorbed; `share` is the probability to scatter."""
    scatters = uniform[1] < share
    choice = uniform[1] / jnp.maximum(share, 1e-30)  # given that it scatters, uniform again
    optics = Optics(photons.absorption, photons.scattering, photons.index)
    cosine = detector.medium.scatter_cosine(optics, choice, uniform[2])
    direction = turn(photons.direction, cosine, 2.0 * jnp.pi * uniform[3])
    return photons._replace(
        direction=direction,
        state=jnp.where(scatters, FLYING, IN_MEDIUM).astype(jnp.int32),
        scatters=photons.scatters + scatters,
    )


def _at_surface(
    photons: Photon[Array], detector: Detector, channel: Array, normal: Array, uniform: Array
) -> Photon[Array]:
    """Reflect from a sensor, or from the wall where `channel` is -1, or be absorbed there."""
    on_sensor = channel >= 0
    wall, sensor = detector.wall, detector.sensors.surface
    cosine = jnp.clip(-dot(photons.direction, normal), 0.0, 1.0)
    reflectance = jnp.where(
        on_sensor,
        sensor.reflectance_at(cosine, photons.wavelength),
        wall.reflectance_at(cosine, photons.wavelength),
    )
    reflected = uniform[1] < reflectance
    choices = uniform[2:].T
    direction = jnp.where(
        on_sensor[:, None],
        sensor.reflect(photons.direction, normal, choices),
        wall.reflect(photons.direction, normal, choices),
    )
    ended = jnp.where(on_sensor, AT_SENSOR, IN_WALL)
    return photons._replace(
        direction=direction,
        state=jnp.where(reflected, FLYING, ended).astype(jnp.int32),
        channel=channel.astype(jnp.int32),
        cosine=cosine,
        reflections=photons.reflections + reflected,
    )
