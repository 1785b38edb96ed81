"""The log-likelihood of a track with its gradient and information.

Direct and indirect light and dark noise add up, channel by channel, in all that the likelihood asks of a prediction:
charge, density at the observed time, and charge before it. Direct light carries nearly all that is known of a track and is
differentiated in all parameters. Indirect light is smooth over the wall: it is evaluated at a reference track, follows the
energy and the time of the track from there, and is evaluated anew when the track has moved.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from lampyris.detector import Detector
from lampyris.fit.model import State, TrackModel
from lampyris.fit.newton import Local
from lampyris.fit.parameters import SCALES
from lampyris.likelihood import Dispersion, Observation, Prompt, Quadratic, quadratic
from lampyris.likelihood.event import Rows
from lampyris.source import Track
from lampyris.transport import Hybrid
from lampyris.transport.direct import DistanceTable
from lampyris.transport.direct_slopes import DirectRows, motion_of, rows_and_slopes
from lampyris.transport.expectation import Arrival, Uniform


class Scattered(NamedTuple):
    """Indirect light of a reference track."""

    light: Arrival
    track: Track


@eqx.filter_jit
def scattered_light(track: Track, detector: Detector, transport: Hybrid) -> Scattered:
    """The indirect light of a track, to be used for tracks near it."""
    return Scattered(transport.indirect(track, detector), track)


def local_model(
    model: TrackModel,
    state: State,
    scattered: Scattered,
    seen: Observation,
    detector: Detector,
    dispersion: Dispersion,
    blur: float,
) -> Local:
    """Value, gradient and curvature at a state; `blur` [ns] widens the times for a rough fit."""
    direct = direct_part(model, state, seen.time, detector, jnp.asarray(blur, float))
    numbers = _likelihood(model, state, direct, scattered, seen, detector, dispersion.as_arrays())
    terms, gradient, curvature, expected = jax.tree.map(lambda part: np.asarray(part, float), tuple(numbers))
    return Local(float(terms.sum()), gradient, curvature, expected)


@eqx.filter_jit
def direct_part(model: TrackModel, state: State, time: Array, detector: Detector, blur: Array) -> DirectRows:
    """Direct light and its derivatives in all parameters."""
    sensors = detector.sensors
    emitters, motion = motion_of(
        lambda step: model.source(model.step(state, step)).emitters(detector.medium, sensors.quantum_efficiency),
        jnp.zeros(model.size),
        model.shaping,
    )
    table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
    return rows_and_slopes(emitters, motion, sensors, table, time, blur)


def indirect_part(state: State, scattered: Scattered, time: Array) -> tuple[Rows, Array, Array]:
    """Indirect light scaled with the yield and moved with the time of the track, and its slopes in both."""
    track, light = state.track, scattered.light

    def rows(log_energy: Array, start: Array) -> Rows:
        scale = track.profile.photons(jnp.exp(log_energy)) / track.profile.photons(scattered.track.energy)
        return scale * light_rows(light, time - (start - scattered.track.time))

    at = (jnp.log(track.energy), track.time)
    value, by_energy = jax.jvp(lambda e: rows(e, at[1]), (at[0],), (jnp.asarray(SCALES[0]),))
    _, by_time = jax.jvp(lambda t: rows(at[0], t), (at[1],), (jnp.asarray(SCALES[6]),))
    return value, by_energy, by_time


def prompt_of(direct: DirectRows, rows: Rows) -> Prompt:
    """What the direct light says of the time of the first hit."""
    charge = jnp.maximum(direct.rows[:, 0], 1e-20)
    late = direct.rows[:, 3] / charge
    slopes = (direct.slopes[..., 3] - late * direct.slopes[..., 0]) / charge
    growth = direct.slopes[..., 0] / charge
    return Prompt(slopes, growth, direct.variance, direct.rows[:, 1] / rows[:, 1], charge / rows[:, 0])


def light_rows(light: Arrival, time: Array) -> Rows:
    """Charge, density and cumulative of one kind of light."""
    density, cumulative = light.density_and_cumulative(time)
    return jnp.stack([light.charge, density, cumulative], axis=-1)


@eqx.filter_jit
def _likelihood(
    model: TrackModel,
    state: State,
    direct: DirectRows,
    scattered: Scattered,
    seen: Observation,
    detector: Detector,
    dispersion: Dispersion,
) -> Quadratic:
    """The log-likelihood of all light and the normal prior of the latent numbers."""
    sensors = detector.sensors
    dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
    local_time = seen.time - sensors.time_offset
    indirect, by_energy, by_time = indirect_part(state, scattered, local_time)
    rows = direct.rows[:, :3] + indirect + light_rows(dark, local_time)
    slopes = direct.slopes[..., :3].at[0].add(by_energy).at[6].add(by_time)
    light = quadratic(rows, slopes, prompt_of(direct, rows), seen, dispersion)
    latent, latent_slopes = state.latent, model.latent_slopes(state)
    return Quadratic(
        jnp.append(light.terms, -0.5 * (latent**2).sum()),
        light.gradient - latent @ latent_slopes,
        light.information + latent_slopes.T @ latent_slopes,
        light.expected,
    )
