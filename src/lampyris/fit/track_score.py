"""How the data of one track pull at the detector, at the numbers of the track and at each channel.

The light of an event scales with a factor of its own, known to the spread of the light of particles of one energy. So the
efficiency of a channel meets that channel alone, and can be eliminated.

Charges and times find the track, but of the detector charges alone are asked: the times tell of it by the shape of the late
light, and that of few rays is rough enough to make walls seem brighter by more than the errors.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.detector import Detector
from lampyris.fit.free import Rebuild
from lampyris.fit.model import State, TrackModel
from lampyris.fit.objective import Lit, Scattered, indirect_part, light_rows, on_cores, prompt_of
from lampyris.likelihood import Dispersion, Observation
from lampyris.likelihood.channel import channel_log_likelihood, charge_information, charge_log_likelihood
from lampyris.likelihood.event import time_information
from lampyris.transport import Hybrid
from lampyris.transport.expectation import Uniform


class TrackPull(NamedTuple):
    """Score and expected information of one event; parameters are those of the detector, of the track, and its light."""

    gradient: np.ndarray
    information: np.ndarray
    mixed: np.ndarray
    """(channels, parameters): information that parameters share with the efficiency of each channel"""
    own: np.ndarray
    """(channels,) information about the efficiency of each channel"""
    own_gradient: np.ndarray
    expected: np.ndarray
    """(channels,) photoelectrons"""
    variance: np.ndarray
    """(channels,) of the charge about them [pe^2]"""


class Asked(NamedTuple):
    """What does not change from event to event."""

    model: TrackModel
    rebuild: Rebuild
    theta: Array
    transport: Hybrid


def track_pull(
    asked: Asked, state: State, scattered: Scattered, seen: Observation, dispersion: Dispersion
) -> TrackPull:
    """Equations of an event about the state of its track and the step of the detector."""
    detector = asked.rebuild(asked.theta)
    direct = on_cores(asked.model, state, seen, detector, jnp.zeros(()))
    lit, of_detector = Lit(asked.model, state, direct, scattered), _detector_slopes(asked, state)
    pulls = _pull(lit, of_detector, seen, detector, dispersion.as_arrays())
    return TrackPull(*(np.asarray(part, float) for part in pulls))


@eqx.filter_jit
def _pull(
    lit: Lit,
    of_detector: Float[Array, "parameters channels"],
    seen: Observation,
    detector: Detector,
    dispersion: Dispersion,
) -> tuple[Array, ...]:
    model, state, direct, scattered = lit
    sensors = detector.sensors
    local = seen.time - sensors.time_offset
    indirect, by_energy, by_time = indirect_part(state, scattered, local)
    light = direct.rows[:, :3] + indirect
    rows = light + light_rows(Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window), local)
    charge = rows[:, 0]
    of_track = direct.slopes[:, :3].at[..., 0].add(by_energy).at[..., 6].add(by_time)
    prompt, first = prompt_of(direct, rows), of_detector.shape[0]
    scale, ones = seen.charge / charge.sum(), jnp.ones(sensors.count)
    full = scale * dispersion.weight
    of_all = full * jax.vjp(lambda r: channel_log_likelihood(r, seen), rows * scale)[1](ones)[0]
    of_charge = full * jax.vjp(lambda mean: charge_log_likelihood(mean, seen), charge * scale)[1](ones)[0]
    precision = charge_information(charge * scale, seen, dispersion.charge_spread)
    root = jnp.sqrt(dispersion.weight * precision)
    charged = scale * jnp.concatenate([of_detector, of_track[:, 0].T, charge[None]]) * root
    timed = _placed(prompt.slopes.T * jnp.sqrt(dispersion.weight * time_information(prompt, rows * scale, seen)), first)
    told = jnp.sqrt(dispersion.weight) * jnp.where(seen.hit, prompt.chance - prompt.share, 0.0)
    parted = _placed(prompt.growth.T * told, first)
    by_efficiency = light[:, 0] / sensors.relative_efficiency
    efficient = scale * by_efficiency * root
    gradient, information = _with_priors(
        jnp.concatenate(
            [of_detector @ of_charge, jnp.einsum("srp,sr->p", of_track, of_all), (charge @ of_charge)[None]]
        ),
        charged @ charged.T + timed @ timed.T + parted @ parted.T,
        model.latent_slopes(state),
        state.latent,
        (jnp.log(scale), dispersion.total),
    )
    return (
        gradient,
        information,
        (charged * efficient).T,
        efficient**2,
        by_efficiency * of_charge,
        charge,
        1.0 / precision,
    )


@eqx.filter_jit
def _detector_slopes(asked: Asked, state: State) -> Float[Array, "parameters channels"]:
    """Derivatives of the expected charges in the parameters of the detector."""

    def charge(theta: Array) -> Array:
        detector = asked.rebuild(theta)
        direct = asked.transport.direct(asked.model.source(state), detector)
        return direct.charge + asked.transport.indirect(state.track, detector).charge

    if asked.theta.shape[0] == 0:
        return jnp.zeros((0, asked.rebuild(asked.theta).sensors.count))
    return jax.lax.map(lambda unit: jax.jvp(charge, (asked.theta,), (unit,))[1], jnp.eye(asked.theta.shape[0]))


def _placed(of_track: Array, first: int) -> Array:
    """Rows of the numbers of the track behind `first` empty ones of the detector, and an empty one for the light."""
    return jnp.pad(of_track, ((first, 1), (0, 0)))


def _with_priors(
    gradient: Array, information: Array, slopes: Array, latent: Array, light: tuple[Array, float]
) -> tuple[Array, Array]:
    """Add the normal priors of the latent numbers of the track and of the logarithm of its light."""
    first = gradient.shape[0] - 1 - slopes.shape[1]
    gradient = gradient.at[first:-1].add(-latent @ slopes).at[-1].add(-light[0] / light[1] ** 2)
    information = information.at[first:-1, first:-1].add(slopes.T @ slopes).at[-1, -1].add(1.0 / light[1] ** 2)
    return gradient, information
