"""The likelihood of electrons and positrons of some MeV in a scintillator: points that glow, with some Cherenkov light on top.

Scintillation tells the place of the mean deposit, its time and the energy. Cherenkov light is a percent of it and tells the
direction poorly or not at all, but where it goes moves the point by as much as its error: the point is therefore sought with
Cherenkov light that is even, and then weighed with that of every direction.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.detector import Detector
from lampyris.emission.pattern import RingPattern, UniformPattern
from lampyris.fit.glow_profile import Glowing
from lampyris.fit.objective import Asked, light_rows
from lampyris.fit.parameters import moved
from lampyris.likelihood import Charges, Dispersion, Observation, Quadratic, quadratic
from lampyris.likelihood.channel import channel_log_likelihood, charge_log_likelihood
from lampyris.likelihood.event import Rows, likelihood_terms
from lampyris.source import Track
from lampyris.source.glow_point import CherenkovPoint, ScintillationPoint
from lampyris.transport import Hybrid
from lampyris.transport.direct import DistanceTable, direct_light
from lampyris.transport.expectation import Arrival, Uniform
from lampyris.transport.pulse import PulsedMixture

KNOWN = np.array([0, 1, 2, 3, 6])
"""Energy, place and time among the seven numbers of a track."""
CORNERS = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]) / np.sqrt(3.0)
"""Directions of which the indirect Cherenkov light of all others is made: it has a lean and little else."""
BESIDE = 0.02
"""Distance over which the change of indirect light with the place is taken, in half extents of the detector."""
NEAR = 0.5
"""Time to either side [ns] over which indirect light counts as changing evenly."""


class Slow(NamedTuple):
    """Indirect light of a point at the observed times, which its pulse makes slow against the moves that are left."""

    rows: Float[Array, "5 channels 3"]
    """of scintillation, and of Cherenkov light in the directions of `CORNERS`"""
    by_time: Float[Array, "5 channels 3"]
    """its derivatives in the observed time [1/ns]"""
    by_place: Float[Array, "3 channels 3"]
    """those of scintillation in the place [1/m]"""
    track: Track

    def moved_to(self, track: Track, gain: Array) -> Float[Array, "5 channels 3"]:
        """The rows for a track near by with `gain` times the light."""
        rows = self.rows - (track.time - self.track.time) * self.by_time
        glow = rows[0] + jnp.tensordot(track.position - self.track.position, self.by_place, 1)
        return gain * jnp.maximum(rows.at[0].set(glow), 0.0)


class Transports(NamedTuple):
    """How indirect light is predicted."""

    many: Hybrid
    """for the scintillation itself"""
    few: Hybrid
    """for its change with the place, and for Cherenkov light: there is too little of it to see the noise"""


@eqx.filter_jit
def slow_light(own: tuple[Track, Array], detector: Detector, transports: Transports) -> Slow:
    """The indirect light of a point at times of its channels."""
    track, time = own
    many, few = transports

    def around(light: Arrival) -> Float[Array, "2 channels 3"]:
        return jax.vmap(lambda away: light_rows(light, time + away))(jnp.array([-NEAR, NEAR]))

    def ring(direction: Array) -> Float[Array, "2 channels 3"]:
        return around(few.indirect(cherenkov_point(track, direction), detector))

    def beside(away: Array) -> Rows:
        there = eqx.tree_at(lambda t: t.position, track, track.position + away)
        return light_rows(few.indirect(scintillation_point(there), detector), time)

    reach = BESIDE * detector.shape.half_extent().min()
    places = jax.lax.map(beside, reach * jnp.concatenate([jnp.zeros((1, 3)), jnp.eye(3)]))
    glow = around(many.indirect(scintillation_point(track), detector))
    rings = jax.lax.map(ring, jnp.asarray(CORNERS))
    early, late = jnp.moveaxis(jnp.concatenate([glow[None], rings]), 1, 0)
    return Slow(0.5 * (early + late), 0.5 * (late - early) / NEAR, (places[1:] - places[0]) / reach, track)


class Even(NamedTuple):
    """The prediction for a point with even Cherenkov light."""

    rows: Rows
    slopes: Float[Array, "5 channels 3"]
    """derivatives in the numbers `KNOWN`"""
    direct: Float[Array, " channels"]
    """expected direct photoelectrons"""


@eqx.filter_jit
def even_light(asked: Asked, detector: Detector) -> Even:
    """The prediction for the point of an event, and its derivatives."""
    (model,), (state,), (slow,) = asked[:3]
    assert isinstance(model, Glowing)
    sensors = detector.sensors
    dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
    time = asked.seen.time - sensors.time_offset

    def at(step: Array) -> tuple[Rows, Array]:
        track = _moved(state.track, step)
        direct = light_rows(_glow(track, detector), time) + light_rows(_ring(track, None, detector), time)
        indirect = slow.moved_to(track, model.gain(track, slow.track))
        return direct + indirect[0] + indirect[1:].mean(axis=0) + light_rows(dark, time), direct[:, 0]

    nothing = jnp.zeros(len(KNOWN))
    rows, direct = at(nothing)
    slopes = jax.lax.map(lambda way: jax.jvp(lambda step: at(step)[0], (nothing,), (way,))[1], jnp.eye(len(KNOWN)))
    return Even(rows, slopes, direct)


@eqx.filter_jit
def even_quadratic(own: tuple[Even, Observation, Dispersion]) -> Quadratic:
    """The log-likelihood of such a prediction, and its derivatives in the numbers `KNOWN`.

    The information is that expected of the charges, and that of the times as the scores of all channels tell it.
    """
    (rows, slopes, direct), seen, dispersion = own
    found = quadratic(rows, slopes, (), seen, dispersion)
    information = found.information + dispersion.weight * of_times(rows, slopes, seen)
    return found._replace(information=information, expected=Charges(rows[:, 0], direct))


class Around(NamedTuple):
    """The likelihood about a point for Cherenkov light in several directions."""

    values: Float[Array, " directions"]
    """log-likelihoods, above that of even light"""
    gradients: Float[Array, "directions 5"]


@eqx.filter_jit
def around_point(own: tuple[Even, Asked, Array], detector: Detector) -> Around:
    """The likelihood for Cherenkov light in directions (n, 3)."""
    even, asked, directions = own
    (model,), (state,), (slow,), seen, dispersion = asked[:5]
    assert isinstance(model, Glowing)
    time = seen.time - detector.sensors.time_offset
    corners = slow.moved_to(state.track, model.gain(state.track, slow.track))[1:]
    base = likelihood_terms(even.rows, seen, dispersion)
    nothing = jnp.zeros(len(KNOWN))

    def ring(step: Array, direction: Array | None) -> Rows:
        return light_rows(_ring(_moved(state.track, step), direction, detector), time)

    even_ring, even_slopes = ring(nothing, None), jax.jacfwd(lambda step: ring(step, None))(nothing)
    rest = even.rows - even_ring - corners.mean(axis=0)
    slopes = even.slopes - jnp.moveaxis(even_slopes, -1, 0)

    def one(direction: Array) -> tuple[Array, Array]:
        own, pull_ring = jax.vjp(lambda step: ring(step, direction), nothing)
        terms, pull = jax.vjp(lambda r: likelihood_terms(r, seen, dispersion), rest + own + leaning(corners, direction))
        (towards,) = pull(jnp.ones_like(terms))
        return (terms - base).sum(), jnp.einsum("psr,sr->p", slopes, towards) + pull_ring(towards)[0]

    return Around(*jax.lax.map(one, directions))


def leaning(corners: Float[Array, "4 channels 3"], direction: Float[Array, "3"]) -> Rows:
    """Indirect light for a direction from that of the directions `CORNERS`, exact for light that has no more than a lean."""
    return jnp.maximum(jnp.tensordot(0.25 * (1.0 + 3.0 * jnp.asarray(CORNERS) @ direction), corners, 1), 0.0)


def _moved(track: Track, step: Float[Array, "5"]) -> Track:
    return moved(track, jnp.zeros(7).at[KNOWN].set(step))


def _glow(track: Track, detector: Detector) -> Arrival:
    """Direct scintillation."""
    source = scintillation_point(track)
    emitters, pulse = (
        source.emitters(detector.medium, detector.sensors.quantum_efficiency),
        source.pulse(detector.medium),
    )
    assert pulse is not None
    table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
    return PulsedMixture(direct_light(emitters, detector, table), pulse)


def _ring(track: Track, direction: Array | None, detector: Detector) -> Arrival:
    """Direct Cherenkov light in a direction; even light if none is given."""
    source = cherenkov_point(track, track.direction if direction is None else direction)
    emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
    if direction is None:
        assert isinstance(emitters.pattern, RingPattern)
        photons = emitters.pattern.cumulative(jnp.full((1, 1), jnp.pi)).reshape(1)
        light = track.position[None], UniformPattern(photons)
        emitters = eqx.tree_at(lambda e: (e.position, e.pattern), emitters, light)
    return direct_light(emitters, detector, DistanceTable.of(detector, emitters.wavelength, emitters.spectrum))


def scintillation_point(track: Track) -> ScintillationPoint:
    """The scintillation of a track about its mean deposit."""
    return ScintillationPoint(track.particle, track.energy, track.position, track.direction, track.time)


def cherenkov_point(track: Track, direction: Array) -> CherenkovPoint:
    """The Cherenkov light of a track about its mean deposit, in a direction of its own."""
    return CherenkovPoint(track.particle, track.energy, track.position, direction, track.time)


def of_times(rows: Rows, slopes: Float[Array, "p channels 3"], seen: Observation) -> Float[Array, "p p"]:
    """Information of the observed times given the charges: the squares of the scores of the channels."""
    total = rows[:, 0].sum()
    scale, relative = seen.charge / total, slopes[..., 0].sum(axis=1) / total

    def given_charges(scaled: Rows) -> Array:
        return (channel_log_likelihood(scaled, seen) - charge_log_likelihood(scaled[:, 0], seen)).sum()

    towards = jax.grad(given_charges)(rows * scale)
    scores = jnp.einsum("psr,sr->ps", scale * (slopes - relative[:, None, None] * rows), towards)
    return scores @ scores.T
