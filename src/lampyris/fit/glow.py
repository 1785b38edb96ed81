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
from lampyris.emission.pattern import Pattern, RingPattern, UniformPattern
from lampyris.fit.glow_profile import Glowing
from lampyris.fit.objective import Asked, light_rows
from lampyris.fit.parameters import moved
from lampyris.likelihood import Charges, Dispersion, Observation, Quadratic, quadratic
from lampyris.likelihood.channel import channel_log_likelihood, charge_log_likelihood
from lampyris.likelihood.event import Rows, likelihood_terms
from lampyris.source import Track
from lampyris.source.glow_point import CherenkovPoint, ScintillationPoint
from lampyris.transport import Hybrid
from lampyris.transport.direct import DistanceTable, direct_light, intensity, look
from lampyris.transport.expectation import Arrival, Uniform
from lampyris.transport.pulse import PulsedMixture

KNOWN = np.array([0, 1, 2, 3, 6])
"""Energy, place and time among the seven numbers of a track."""
CORNERS = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]) / np.sqrt(3.0)
"""Directions of which the indirect Cherenkov light of all others is made: it has a lean and little else."""
NEAR = 0.5
"""Time to either side [ns] over which indirect light counts as changing evenly."""


class Slow(NamedTuple):
    """Indirect light of a point at the observed times, which its pulse makes slow against the moves that are left."""

    glow: Rows
    """of scintillation"""
    by_time: Rows
    """its derivatives in the observed time [1/ns]"""
    track: Track
    rings: "Rings"

    def moved_to(self, track: Track, gain: Array) -> Rows:
        """The rows of scintillation for a track near by with `gain` times the light."""
        return gain * jnp.maximum(self.glow - (track.time - self.track.time) * self.by_time, 0.0)


class Rings(NamedTuple):
    """Indirect Cherenkov light, of which there is so little that it need not follow the point."""

    corners: Float[Array, "4 channels 3"]
    """in the directions of `CORNERS`"""
    track: Track


@eqx.filter_jit
def indirect_glow(own: tuple[Track, Array], detector: Detector, many: Hybrid) -> tuple[Rows, Rows]:
    """The indirect scintillation of a point at times of its channels, and its derivatives in the time [1/ns]."""
    track, time = own
    light = many.indirect(scintillation_point(track), detector)
    # the derivative of the pulse, piece by piece, would be compiled for longer than the light itself
    early, late = jax.vmap(lambda away: light_rows(light, time + away))(jnp.array([-NEAR, NEAR]))
    return 0.5 * (early + late), 0.5 * (late - early) / NEAR


@eqx.filter_jit
def indirect_rings(own: tuple[Track, Array], detector: Detector, few: Hybrid) -> Rings:
    """The indirect Cherenkov light of a point at times of its channels."""
    track, time = own

    def ring(direction: Array) -> Rows:
        return light_rows(few.indirect(cherenkov_point(track, direction), detector), time)

    return Rings(jax.lax.map(ring, jnp.asarray(CORNERS)), track)


class Even(NamedTuple):
    """The prediction for a point with even Cherenkov light."""

    rows: Rows
    slopes: Float[Array, "channels 3 5"]
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
        direct = light_rows(_glow(track, detector), time) + light_rows(_even_ring(track, detector), time)
        rings = model.gain(track, slow.rings.track) * slow.rings.corners.mean(axis=0)
        indirect = slow.moved_to(track, model.gain(track, slow.track)) + rings
        return direct + indirect + light_rows(dark, time), direct[:, 0]

    nothing = jnp.zeros(len(KNOWN))
    rows, direct = at(nothing)
    slopes = jax.lax.map(lambda way: jax.jvp(lambda step: at(step)[0], (nothing,), (way,))[1], jnp.eye(len(KNOWN)))
    return Even(rows, jnp.moveaxis(slopes, 0, -1), direct)


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
    corners = model.gain(state.track, slow.rings.track) * slow.rings.corners
    base = likelihood_terms(even.rows, seen, dispersion)
    nothing = jnp.zeros(len(KNOWN))

    def unit(step: Array) -> Rows:
        return light_rows(_even_ring(_moved(state.track, step), detector), time)

    pattern = _pattern(state.track, detector)
    whole = _photons(pattern) / (4.0 * jnp.pi)
    # even light for each of its photons per steradian, of which a ring has more or fewer
    each, each_slopes = unit(nothing) / whole, jax.jacfwd(unit)(nothing) / whole
    rest, slopes = even.rows - whole * each - corners.mean(axis=0), even.slopes - whole * each_slopes

    def density(step: Array, direction: Array) -> Array:
        place = _moved(state.track, step).position
        view, _ = look(place[None], direction[None], detector.sensors)
        return intensity(pattern, view, detector.sensors.radius, jnp.zeros(()))[:, 0]

    def one(direction: Array) -> tuple[Array, Array]:
        dense, pull_dense = jax.vjp(lambda step: density(step, direction), nothing)
        rows = rest + dense[:, None] * each + leaning(corners, direction)
        terms, pull = jax.vjp(lambda r: likelihood_terms(r, seen, dispersion), rows)
        (towards,) = pull(jnp.ones_like(terms))
        of_ring = pull_dense((towards * each).sum(axis=1))[0]
        gradient = jnp.einsum("srp,sr->p", slopes + dense[:, None, None] * each_slopes, towards) + of_ring
        return (terms - base).sum(), gradient

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


def _even_ring(track: Track, detector: Detector) -> Arrival:
    """As much direct Cherenkov light as the track has, the same in all directions."""
    source = cherenkov_point(track, track.direction)
    emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
    light = track.position[None], UniformPattern(_photons(emitters.pattern))
    emitters = eqx.tree_at(lambda e: (e.position, e.pattern), emitters, light)
    return direct_light(emitters, detector, DistanceTable.of(detector, emitters.wavelength, emitters.spectrum))


def _pattern(track: Track, detector: Detector) -> Pattern:
    """The ring of its Cherenkov light."""
    source = cherenkov_point(track, track.direction)
    return source.emitters(detector.medium, detector.sensors.quantum_efficiency).pattern


def _photons(pattern: Pattern) -> Float[Array, "1"]:
    assert isinstance(pattern, RingPattern)
    return pattern.cumulative(jnp.full((1, 1), jnp.pi)).reshape(1)


def scintillation_point(track: Track) -> ScintillationPoint:
    """The scintillation of a track about its mean deposit."""
    return ScintillationPoint(track.particle, track.energy, track.position, track.direction, track.time)


def cherenkov_point(track: Track, direction: Array) -> CherenkovPoint:
    """The Cherenkov light of a track about its mean deposit, in a direction of its own."""
    return CherenkovPoint(track.particle, track.energy, track.position, direction, track.time)


def of_times(rows: Rows, slopes: Float[Array, "channels 3 p"], seen: Observation) -> Float[Array, "p p"]:
    """Information of the observed times given the charges: the squares of the scores of the channels."""
    total = rows[:, 0].sum()
    scale, relative = seen.charge / total, slopes[:, 0].sum(axis=0) / total

    def given_charges(scaled: Rows) -> Array:
        return (channel_log_likelihood(scaled, seen) - charge_log_likelihood(scaled[:, 0], seen)).sum()

    towards = jax.grad(given_charges)(rows * scale)
    scores = jnp.einsum("srp,sr->ps", scale * (slopes - relative * rows[..., None]), towards)
    return scores @ scores.T
