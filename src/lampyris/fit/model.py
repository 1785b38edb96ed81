"""What a fit varies: the seven numbers of a track, and the latent numbers of its event."""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._math import orthonormal_frame
from lampyris.fit.parameters import moved
from lampyris.source import BentTrack, Source, Track
from lampyris.source.bent_track import JOINTS

KINKS = len(JOINTS) - 1


class State(NamedTuple):
    """A point of a fit."""

    track: Track
    latent: Array
    """numbers of the event beside the track; standard normal before any data are seen"""


class TrackModel(eqx.Module):
    """The light of a track as a function of a step in all parameters: first those of `parameters.moved`, then latents."""

    shaping: ClassVar[tuple[int, ...]]
    """numbers of the parameters that change how the light of a point of the track spreads in angle"""
    size: ClassVar[int]
    """number of all parameters"""

    @abstractmethod
    def start(self, track: Track) -> State:
        """The state of a track about whose event nothing is known."""

    @abstractmethod
    def step(self, state: State, step: Float[Array, " p"]) -> State:
        """The state after a step."""

    @abstractmethod
    def source(self, state: State) -> Source:
        """What shines."""

    def latent_slopes(self, state: State) -> Float[Array, "latents p"]:
        """Derivatives of the latent numbers in the parameters."""
        return jax.jacfwd(lambda step: self.step(state, step).latent)(jnp.zeros(self.size))


class MeanTrack(TrackModel):
    """The averaged track of many events; no latent numbers."""

    shaping = (0,)
    size = 7

    def start(self, track: Track) -> State:
        return State(track, jnp.zeros(0))

    def step(self, state: State, step: Array) -> State:
        return State(moved(state.track, step), state.latent)

    def source(self, state: State) -> Source:
        return state.track


class BentMuon(TrackModel):
    """A muon that bends and whose range fluctuates: 16 turns and the stretch of the range, as in `BentTrack`.

    The turns are kept as vectors in space, so that no frame jumps when the direction moves; a step turns them in the two
    planes of the present direction.
    """

    shaping = (0, 7)
    size = 8 + 2 * KINKS

    def start(self, track: Track) -> State:
        return State(track, jnp.zeros(1 + 3 * KINKS))

    def step(self, state: State, step: Array) -> State:
        first, second = orthonormal_frame(state.track.direction)
        turns = step[8:].reshape(KINKS, 2)
        vectors = turns[:, :1] * first + turns[:, 1:] * second
        latent = state.latent + jnp.concatenate([step[7:8], vectors.ravel()])
        return State(moved(state.track, step[:7]), latent)

    def source(self, state: State) -> Source:
        t = state.track
        return BentTrack(
            t.particle, t.energy, t.position, t.direction, t.time, state.latent[1:].reshape(KINKS, 3), state.latent[0]
        )
