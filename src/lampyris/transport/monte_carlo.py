"""Monte Carlo transport: photons that live or die. It makes the data, and it is the referee of all other transports."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from lampyris._host import on_host
from lampyris._math import dot, normalise, turn
from lampyris._random import generator
from lampyris.detector import Detector
from lampyris.medium import Optics
from lampyris.rays import Rays
from lampyris.source import Source
from lampyris.spectrum import Constant, Spectrum
from lampyris.transport.arrivals import Arrivals, Balance
from lampyris.transport.contract import Family, check_no_tracers
from lampyris.transport.sensor_search import SensorGrid
from lampyris.units import SPEED_OF_LIGHT

FLYING, IN_MEDIUM, IN_WALL, AT_SENSOR = 0, 1, 2, 3
STEPS_PER_STAGE = 4


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
    cosine: Column
    scatters: Column
    reflections: Column
    steps: Column


@dataclass(frozen=True)
class MonteCarlo:
    """Exponential free paths, absorption, scattering, reflection, and exact hits on the disks of the sensors.

    Photons fly in a fixed number of `lanes`; after every few steps those that ended make room for the next. One
    function is compiled, whatever the event, and memory stays flat.
    **Gradients**: none; use `Hybrid`. `most_steps` bounds the steps of a photon: what then still flies is counted.
    """

    lanes: int = 16384
    most_steps: int = 1000

    @property
    def gradients(self) -> frozenset[Family]:
        """Families of parameters in which derivatives are right: none."""
        return frozenset()

    def __call__(
        self, source: Source, detector: Detector, *, key: PRNGKeyArray, keep: Spectrum | None = None
    ) -> tuple[Arrivals, Balance]:
        """Carry one event of the source. `keep` thins photons before they are traced (see `Source.event`)."""
        check_no_tracers("MonteCarlo", source, detector)
        source.check_inside(detector.shape)
        grid = SensorGrid.of(detector)
        emit_key, step_key = jax.random.split(key)
        arrivals, total = [], Balance(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        batches = source.event(detector.medium, key=emit_key, keep=Constant(1.0) if keep is None else keep)
        for number, (rays, emitted) in enumerate(batches):
            ends = list(self._carry(rays, detector, grid, generator(jax.random.fold_in(step_key, number))))
            arrivals += [_arrivals(photons) for photons in ends]
            total = total.plus(_balance(ends, emitted))
        return Arrivals.joined(arrivals), total

    def _carry(
        self, rays: Rays, detector: Detector, grid: SensorGrid, draw: np.random.Generator
    ) -> Iterator[Photon[np.ndarray]]:
        """Yield photons as they end: absorbed, or cut off after their last step."""
        waiting = _start(rays, detector)
        flying = _rows(waiting, slice(0, 0))
        while flying.time.size + waiting.time.size:
            room = self.lanes - flying.time.size
            flying = Photon(
                *(np.concatenate(pair) for pair in zip(flying, _rows(waiting, slice(0, room)), strict=True))
            )
            waiting = _rows(waiting, slice(room, None))
            uniform = jnp.asarray(draw.random((STEPS_PER_STAGE, 5, self.lanes), np.float32))
            flown = _stage(_padded(flying, self.lanes), detector, grid, uniform)
            flown = _rows(Photon(*(np.asarray(column) for column in flown)), slice(0, flying.time.size))
            ended = (flown.state != FLYING) | (flown.steps >= self.most_steps)
            yield _rows(flown, ended)
            flying = _rows(flown, ~ended)


def _start(rays: Rays, detector: Detector) -> Photon[np.ndarray]:
    """The rays that count, with the optics of their wavelengths."""
    real = np.asarray(rays.weight) > 0
    position, direction, time, wavelength = (np.asarray(column)[real] for column in rays[:-1])
    absorption, scattering, index = (column[real] for column in on_host(detector.medium.optics, rays.wavelength))
    none = np.zeros(len(time), np.int32)
    ends = (none, none - 1, np.zeros_like(time), none, none, none)
    return Photon(position, direction, time, wavelength, absorption, scattering, index, *ends)


def _rows(photons: Photon[np.ndarray], rows) -> Photon[np.ndarray]:
    return Photon(*(column[rows] for column in photons))


def _padded(photons: Photon[np.ndarray], size: int) -> Photon[Array]:
    """The photons and copies of the last, `size` in all."""
    missing = size - photons.time.size
    padded = (np.pad(c, [(0, missing)] + [(0, 0)] * (c.ndim - 1), mode="edge") for c in photons)
    return Photon(*map(jnp.asarray, padded))


@eqx.filter_jit
def _stage(photons: Photon[Array], detector: Detector, grid: SensorGrid, uniform: Array) -> Photon[Array]:
    """Some steps of all photons."""

    def step(state: Photon[Array], numbers: Array) -> tuple[Photon[Array], None]:
        return _step(state, detector, grid, numbers), None

    return jax.lax.scan(step, photons, uniform)[0]


def _step(photons: Photon[Array], detector: Detector, grid: SensorGrid, uniform: Array) -> Photon[Array]:
    """One free path, to the next scatter, absorption or wall; photons that have ended stay as they are."""
    to_wall, normal = detector.shape.intersect(photons.position, photons.direction)
    scattering = photons.scattering.sum(axis=-1)
    rate = scattering + photons.absorption
    free = -jnp.log1p(-uniform[0]) / jnp.maximum(rate, 1e-30)
    path, at_wall = jnp.minimum(free, to_wall), free >= to_wall
    moved = photons._replace(
        position=photons.position + path[:, None] * photons.direction,
        steps=photons.steps + 1,
        time=photons.time + path * photons.index / SPEED_OF_LIGHT,
    )
    inside = _in_medium(moved, detector, uniform, scattering / jnp.maximum(rate, 1e-30))
    wall = _at_wall(moved, detector, grid, normal, uniform)
    flying = photons.state == FLYING
    after = jax.tree.map(
        lambda old, a, b: jnp.where(_as(flying, old), jnp.where(_as(at_wall, old), b, a), old), photons, inside, wall
    )
    return after._replace(direction=normalise(after.direction))  # against the drift of many turns


def _as(mask: Array, column: Array) -> Array:
    return mask[:, None] if column.ndim == 2 else mask


def _in_medium(photons: Photon[Array], detector: Detector, uniform: Array, share: Array) -> Photon[Array]:
    """Scatter, or be absorbed; `share` is the probability to scatter."""
    scatters = uniform[1] < share
    choice = uniform[1] / jnp.maximum(share, 1e-30)  # given that it scatters, uniform again
    optics = Optics(photons.absorption, photons.scattering, photons.index)
    cosine, _ = detector.medium.scatter_cosine(optics, choice, uniform[2])
    direction = turn(photons.direction, cosine, 2.0 * jnp.pi * uniform[3])
    return photons._replace(
        direction=direction,
        state=jnp.where(scatters, FLYING, IN_MEDIUM).astype(jnp.int32),
        scatters=photons.scatters + scatters,
    )


def _at_wall(
    photons: Photon[Array], detector: Detector, grid: SensorGrid, normal: Array, uniform: Array
) -> Photon[Array]:
    """Find the sensor or the wall, and reflect or be absorbed there."""
    channel = grid.find(photons.position)
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
        position=detector.shape.on_wall(photons.position),
        direction=direction,
        state=jnp.where(reflected, FLYING, ended).astype(jnp.int32),
        channel=jnp.where(reflected, -1, channel).astype(jnp.int32),
        cosine=cosine,
        reflections=photons.reflections + reflected,
    )


def _arrivals(photons: Photon[np.ndarray]) -> Arrivals:
    hit = photons.state == AT_SENSOR
    columns = (photons.channel, photons.time, photons.wavelength, photons.cosine, photons.scatters, photons.reflections)
    return Arrivals(*(np.asarray(c)[hit] for c in columns))


def _balance(ends: list[Photon[np.ndarray]], emitted: float) -> Balance:
    state = np.concatenate([photons.state for photons in ends]) if ends else np.zeros(0, int)
    count = [float(np.sum(state == kind)) for kind in (AT_SENSOR, IN_MEDIUM, IN_WALL, FLYING)]
    return Balance(emitted, emitted - float(state.size), *count)
