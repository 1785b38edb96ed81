"""Monte Carlo transport: photons that live or die. It makes the data, and it is the referee of all other transports."""

from collections.abc import Iterator
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from lampyris._checks import fail
from lampyris._random import generator
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.source import Source
from lampyris.spectrum import Constant, Spectrum
from lampyris.transport.arrivals import Arrivals, Balance
from lampyris.transport.bodies import Bodies
from lampyris.transport.contract import Family, check_no_tracers
from lampyris.transport.history import PhotonHistory, followed
from lampyris.transport.photon import (
    AT_SENSOR,
    FLYING,
    IN_MEDIUM,
    IN_WALL,
    STEPS_PER_STAGE,
    Photon,
    Search,
    padded,
    rows,
    search_of,
    start,
    step,
)


@dataclass(frozen=True)
class MonteCarlo:
    """Exponential free paths, absorption, scattering, reflection, and exact hits on the disks or bodies of the sensors.

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
        search = search_of(detector)
        emit_key, step_key = jax.random.split(key)
        arrivals, total = [], Balance(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        batches = source.event(detector.medium, key=emit_key, keep=Constant(1.0) if keep is None else keep)
        for number, (rays, emitted) in enumerate(batches):
            ends = list(self._carry(rays, detector, search, generator(jax.random.fold_in(step_key, number))))
            arrivals += [_arrivals(photons) for photons in ends]
            total = total.plus(_balance(ends, emitted))
        return Arrivals.joined(arrivals), total

    def history(self, source: Source, detector: Detector, *, key: PRNGKeyArray, photons: int = 200) -> PhotonHistory:
        """The ways of some photons of one event, drawn evenly from all that it emits; same key, same photons.

        They fly by the same steps as those of an event, to the same `most_steps`. Fewer are returned where the event
        has fewer. Raises `LampyrisError` as the transport itself does.
        """
        if photons < 1:
            fail("MonteCarlo.history(photons=...)", ">= 1", photons)
        check_no_tracers("MonteCarlo", source, detector)
        source.check_inside(detector.shape)
        return followed(source, detector, key=key, photons=photons, most_steps=self.most_steps)

    def _carry(
        self, rays: Rays, detector: Detector, search: Search, draw: np.random.Generator
    ) -> Iterator[Photon[np.ndarray]]:
        """Yield photons as they end: absorbed, or cut off after their last step."""
        few = self.lanes // 8 if isinstance(search, Bodies) else self.lanes  # the last ones skim many bodies
        waiting = start(rays, detector)
        flying = rows(waiting, slice(0, 0))
        while flying.time.size + waiting.time.size:
            room = self.lanes - flying.time.size
            flying = Photon(*(np.concatenate(pair) for pair in zip(flying, rows(waiting, slice(0, room)), strict=True)))
            waiting = rows(waiting, slice(room, None))
            lanes = few if flying.time.size <= few else self.lanes
            uniform = jnp.asarray(draw.random((STEPS_PER_STAGE, 5, lanes), np.float32))
            flown = _stage(padded(flying, lanes), detector, search, uniform)
            flown = rows(Photon(*(np.asarray(column) for column in flown)), slice(0, flying.time.size))
            ended = (flown.state != FLYING) | (flown.steps >= self.most_steps)
            yield rows(flown, ended)
            flying = rows(flown, ~ended)


@eqx.filter_jit
def _stage(photons: Photon[Array], detector: Detector, search: Search, uniform: Array) -> Photon[Array]:
    """Some steps of all photons."""

    def one(state: Photon[Array], numbers: Array) -> tuple[Photon[Array], None]:
        return step(state, detector, search, numbers), None

    return jax.lax.scan(one, photons, uniform)[0]


def _arrivals(photons: Photon[np.ndarray]) -> Arrivals:
    hit = photons.state == AT_SENSOR
    columns = (photons.channel, photons.time, photons.wavelength, photons.cosine, photons.scatters, photons.reflections)
    return Arrivals(*(np.asarray(c)[hit] for c in columns))


def _balance(ends: list[Photon[np.ndarray]], emitted: float) -> Balance:
    state = np.concatenate([photons.state for photons in ends]) if ends else np.zeros(0, int)
    count = [float(np.sum(state == kind)) for kind in (AT_SENSOR, IN_MEDIUM, IN_WALL, FLYING)]
    return Balance(emitted, emitted - float(state.size), *count)
