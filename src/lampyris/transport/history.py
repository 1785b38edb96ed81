"""The ways of single photons through a detector: what a display draws and what a person wants to look at."""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lampyris._host import on_host
from lampyris._random import bucket, generator
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.sensors import Sensors
from lampyris.source import Source
from lampyris.spectrum import Constant
from lampyris.transport.photon import (
    AT_SENSOR,
    FLYING,
    IN_MEDIUM,
    STEPS_PER_STAGE,
    Photon,
    Search,
    padded,
    rows,
    search_of,
    start,
    step,
)


class PathEvent(IntEnum):
    """What happens to a photon at the end of a straight piece of its way."""

    NONE = 0
    """nothing: its way had ended before"""
    SCATTER = 1
    WALL_REFLECTION = 2
    SENSOR_REFLECTION = 3
    IN_MEDIUM = 4
    """absorbed in the medium"""
    IN_WALL = 5
    """absorbed in the wall"""
    IN_SENSOR = 6
    """absorbed in a sensor without a photoelectron"""
    DETECTED = 7
    """a photoelectron in a sensor"""
    CUT_OFF = 8
    """a fate alone: still on its way when the largest number of steps was reached"""


class PhotonHistory(NamedTuple):
    """Ways of n photons of at most k straight pieces, in host memory. After its end a photon stays where it is."""

    points: Float[np.ndarray, "n k+1 3"]
    """where each piece begins; the last point is the end [m]"""
    times: Float[np.ndarray, "n k+1"]
    """when the photon is there [ns]"""
    events: Int[np.ndarray, "n k"]
    """what happens at the end of each piece, a `PathEvent`"""
    wavelength: Float[np.ndarray, " n"]
    """[nm]"""
    channel: Int[np.ndarray, " n"]
    """of the sensor that detects the photon, else -1"""
    emitted: float
    """photons that the event emits in all"""

    @property
    def count(self) -> int:
        """Number of photons followed."""
        return len(self.wavelength)

    @property
    def pieces(self) -> Int[np.ndarray, " n"]:
        """Number of straight pieces of each way."""
        return (self.events != PathEvent.NONE).sum(axis=1)

    @property
    def fate(self) -> Int[np.ndarray, " n"]:
        """How each way ends: absorbed somewhere, detected or cut off, a `PathEvent`."""
        last = np.take_along_axis(self.events, np.maximum(self.pieces - 1, 0)[:, None], axis=1)[:, 0]
        return np.where(last < PathEvent.IN_MEDIUM, PathEvent.CUT_OFF, last)


def followed(source: Source, detector: Detector, *, key: PRNGKeyArray, photons: int, most_steps: int) -> PhotonHistory:
    """Ways of some photons of one event of a source; see `MonteCarlo.history`."""
    emit_key, choose_key, step_key = jax.random.split(key, 3)
    batches = source.event(detector.medium, key=emit_key, keep=Constant(1.0))
    rays, emitted = _evenly_chosen(batches, photons, generator(choose_key))
    flying, draw = start(rays, detector), generator(step_key)
    count = flying.time.size
    points, times, events = [flying.position[:, None]], [flying.time[:, None]], []
    search, size, steps = search_of(detector), bucket(count, 256), 0
    while steps < most_steps and (flying.state == FLYING).any():
        uniform = jnp.asarray(draw.random((STEPS_PER_STAGE, 5, size), np.float32))
        flown, made = _recorded(padded(flying, size), detector, search, uniform)
        flying = rows(Photon(*map(np.asarray, flown)), slice(0, count))
        place, when, what = (np.swapaxes(np.asarray(column), 0, 1)[:count] for column in made)
        points, times, events = [*points, place], [*times, when], [*events, what]
        steps += STEPS_PER_STAGE
    happened = np.concatenate(events, axis=1) if events else np.zeros((count, 1), np.int8)
    detected = _detected(flying, detector, draw)
    happened[detected] = np.where(happened[detected] == PathEvent.IN_SENSOR, PathEvent.DETECTED, happened[detected])
    point, time = np.concatenate(points, axis=1), np.concatenate(times, axis=1)
    point, time, happened = _whole_pieces(point, time, happened)
    used = max(int((happened != PathEvent.NONE).sum(axis=1).max(initial=0)), 1)
    channel = np.where(detected, flying.channel, -1)
    return PhotonHistory(
        point[:, : used + 1], time[:, : used + 1], happened[:, :used], flying.wavelength, channel, emitted
    )


def _whole_pieces(point: np.ndarray, time: np.ndarray, events: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pieces that end with an event alone: what is flown between two looks at a photon belongs to the piece that follows."""
    real = events != PathEvent.NONE
    order = np.argsort(~real, axis=1, kind="stable")
    pieces = real.sum(axis=1, keepdims=True)
    last = np.take_along_axis(order, np.maximum(pieces - 1, 0), axis=1)
    order = np.where(np.arange(order.shape[1]) < pieces, order, last)
    column = np.concatenate([np.zeros_like(pieces), np.where(pieces > 0, order + 1, 0)], axis=1)
    events = np.where(np.arange(order.shape[1]) < pieces, np.take_along_axis(events, order, axis=1), PathEvent.NONE)
    return np.take_along_axis(point, column[:, :, None], axis=1), np.take_along_axis(time, column, axis=1), events


def _evenly_chosen(
    batches: Iterator[tuple[Rays, float]], photons: int, draw: np.random.Generator
) -> tuple[Rays, float]:
    """So many photons of all batches, each as likely as any other, and the number of all."""
    kept, tags, emitted = None, np.zeros(0), 0.0
    for rays, made in batches:
        real = np.flatnonzero(np.asarray(rays.weight) > 0)
        columns = [np.asarray(column)[real] for column in rays]
        kept = columns if kept is None else [np.concatenate(pair) for pair in zip(kept, columns, strict=True)]
        tags = np.concatenate([tags, draw.random(len(real))])
        best = np.argsort(tags)[:photons]  # the photons with the smallest numbers of all so far
        kept, tags, emitted = [column[best] for column in kept], tags[best], emitted + made
    if kept is None:
        kept = [np.zeros((0, 3), np.float32)] * 2 + [np.zeros(0, np.float32)] * 3
    return Rays(*map(jnp.asarray, kept)), emitted


@eqx.filter_jit
def _recorded(
    photons: Photon[Array], detector: Detector, search: Search, uniform: Array
) -> tuple[Photon[Array], tuple[Array, Array, Array]]:
    """Some steps of all photons, and where they were and what happened after each."""

    def one(before: Photon[Array], numbers: Array):
        after = step(before, detector, search, numbers)
        return after, (after.position, after.time, _event(before, after))

    return jax.lax.scan(one, photons, uniform)


def _event(before: Photon[Array], after: Photon[Array]) -> Array:
    """The `PathEvent` of one step, read off the states before and after it."""
    reflection = jnp.where(after.channel >= 0, PathEvent.SENSOR_REFLECTION, PathEvent.WALL_REFLECTION)
    reflection = jnp.where(after.reflections > before.reflections, reflection, PathEvent.NONE)  # it only flew on
    alive = jnp.where(after.scatters > before.scatters, PathEvent.SCATTER, reflection)
    ended = jnp.where(after.state == AT_SENSOR, PathEvent.IN_SENSOR, PathEvent.IN_WALL)
    ended = jnp.where(after.state == IN_MEDIUM, PathEvent.IN_MEDIUM, ended)
    event = jnp.where(after.state == FLYING, alive, ended)
    return jnp.where(before.state == FLYING, event, PathEvent.NONE).astype(jnp.int8)


def _detected(photons: Photon[np.ndarray], detector: Detector, draw: np.random.Generator) -> np.ndarray:
    """Which photons at sensors make a photoelectron."""
    sensors, at_sensor = detector.sensors, photons.state == AT_SENSOR
    chance = on_host(Sensors.sensitivity, sensors, photons.cosine, photons.wavelength)
    chance = chance * np.asarray(sensors.relative_efficiency)[np.where(at_sensor, photons.channel, 0)]
    return at_sensor & (draw.random(len(chance)) < chance)
