"""What a fit varies: the seven numbers of a track, and the latent numbers of its event."""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._host import on_host
from lampyris._math import orthonormal_frame
from lampyris.emission.muon_light import HIGHLAND_ENERGY, LIGHT_WITH_RANGE, highland
from lampyris.emission.shower_light import DEPTHS, TURNS
from lampyris.fit.parameters import moved
from lampyris.likelihood import Dispersion
from lampyris.source import BentTrack, Shower, Source, Track
from lampyris.source.bent_track import JOINTS

KINKS = len(JOINTS) - 1
EARLY = 0.5
"""Way in radiation lengths on which an electron turns by as much as fits of 100 MeV in SK are off, twice what their likelihood
believes."""


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
    dispersion: ClassVar[Dispersion] = Dispersion()
    """how single events differ from the best light of the model"""
    untold: ClassVar[float] = 1.0
    """share of the rms of the light of particles of one energy of which the latent numbers do not tell"""

    @abstractmethod
    def start(self, track: Track) -> State:
        """The state of a track about whose event nothing is known."""

    @abstractmethod
    def step(self, state: State, step: Float[Array, " p"]) -> State:
        """The state after a step."""

    @abstractmethod
    def source(self, state: State) -> Source:
        """What shines."""

    def known_to(self, covariance: Float[np.ndarray, "latents latents"]) -> "TrackModel":
        """The model for an event whose latent steps are known to a covariance."""
        return self

    def sharp(self) -> "TrackModel":
        """The model in which latent numbers are exactly what they are."""
        return self

    def widened(self, width: float) -> "TrackModel":
        """The model with its cones wider by `width` [rad], where it has cones that can be."""
        return self

    def turn(self, energy: float) -> float:
        """Rms of the direction in each axis [rad] that an event leaves open at least, whatever the likelihood believes."""
        return 0.0

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


class Leaning(TrackModel):
    """A track with latent numbers of two kinds: plain ones, and vectors across the direction.

    The vectors are kept in space, so that no frame jumps when the direction moves; a step turns them in the two planes of
    the present direction. A step has the seven numbers of the track, then the plain ones, then two for each vector.
    """

    plain: ClassVar[int]
    """number of plain latent numbers"""
    vectors: ClassVar[int]
    """number of vectors across"""

    def start(self, track: Track) -> State:
        return State(track, jnp.zeros(self.plain + 3 * self.vectors))

    def step(self, state: State, step: Array) -> State:
        first, second = orthonormal_frame(state.track.direction)
        leans = step[7 + self.plain :].reshape(self.vectors, 2)
        vectors = leans[:, :1] * first + leans[:, 1:] * second
        latent = state.latent + jnp.concatenate([step[7 : 7 + self.plain], vectors.ravel()])
        return State(moved(state.track, step[:7]), latent)

    def source(self, state: State) -> Source:
        return self.light(state.track, state.latent[: self.plain], state.latent[self.plain :].reshape(self.vectors, 3))

    @abstractmethod
    def light(self, track: Track, plain: Float[Array, " n"], vectors: Float[Array, "v 3"]) -> Source:
        """What shines, given its latent numbers apart."""


class BentMuon(Leaning):
    """A muon that bends and whose range fluctuates: the stretch of the range and the turns of `BentTrack`."""

    shaping = (0, 7)
    plain, vectors = 1, KINKS
    size = 8 + 2 * KINKS
    dispersion = Dispersion(channel=0.19, clumps=0.25, weight=0.7)
    untold = float(np.sqrt(1.0 - LIGHT_WITH_RANGE**2))
    width: Float[Array, ""] = eqx.field(default_factory=lambda: jnp.zeros(()))
    """[rad] by which cones are widened"""

    def light(self, track: Track, plain: Array, vectors: Array) -> BentTrack:
        t = track
        return BentTrack(t.particle, t.energy, t.position, t.direction, t.time, vectors, plain[0], self.width)

    def widened(self, width: float) -> "BentMuon":
        return eqx.tree_at(lambda model: model.width, self, jnp.asarray(width, float))


class OwnShower(Leaning):
    """An electron, positron or gamma whose shower lies and leans in its own way: the depths and turns of `Shower`."""

    shaping = (0,)
    plain, vectors = DEPTHS, TURNS
    size = 7 + DEPTHS + 2 * TURNS
    dispersion = Dispersion(channel=0.2, clumps=0.12, weight=1.0 / 6.0)
    unknown: Float[Array, "depths depths"] = eqx.field(default_factory=lambda: jnp.eye(DEPTHS))
    """covariance of the depths, over which places of light are averaged: the likeliest depths of a shower are denser than its
    mean ones, and a vertex found by them would lie ahead of the true one"""

    def light(self, track: Track, plain: Array, vectors: Array) -> Shower:
        t = track
        return Shower(t.particle, t.energy, t.position, t.direction, t.time, plain, vectors, self.unknown)

    def known_to(self, covariance: np.ndarray) -> "OwnShower":
        return OwnShower(jnp.asarray(covariance[:DEPTHS, :DEPTHS], float))

    def sharp(self) -> "OwnShower":
        return OwnShower(jnp.zeros((DEPTHS, DEPTHS)))

    def turn(self, energy: float) -> float:
        """By how much an electron turns at first: its light before that is too little to tell from the rest."""
        return float(np.sqrt(on_host(highland, np.float32(EARLY), np.float32(EARLY * (HIGHLAND_ENERGY / energy) ** 2))))


def model_of(particle: str) -> TrackModel:
    """How tracks of a particle are fitted: muons bend, showers have their own shape, pions are taken as the mean one."""
    if particle in ("mu-", "mu+"):
        return BentMuon()
    return OwnShower() if particle in ("e-", "e+", "gamma") else MeanTrack()
