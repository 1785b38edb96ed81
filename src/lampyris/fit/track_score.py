"""How the data of one track pull at the detector, at the numbers of the track and at each channel.

The light of an event scales with a factor of its own, known to the spread of the light of particles of one energy. So the
efficiency of a channel meets that channel alone, and can be eliminated.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.fit.free import Rebuild
from lampyris.fit.model import State, TrackModel
from lampyris.fit.objective import Scattered, direct_part, indirect_part, light_rows, prompt_of
from lampyris.likelihood import Dispersion, Observation
from lampyris.likelihood.channel import channel_log_likelihood, charge_information, mean_count
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
    """that of the fit: times weigh the derivatives with the light itself, and both must have the same rays"""
    dispersion: Dispersion


def track_pull(asked: Asked, state: State, scattered: Scattered, seen: Observation) -> TrackPull:
    """Equations of an event about the state of its track and the step of the detector."""
    asked = asked._replace(dispersion=asked.dispersion.as_arrays())
    return TrackPull(*(np.asarray(part, float) for part in _pull(asked, state, scattered, seen)))


@eqx.filter_jit
def _pull(asked: Asked, state: State, scattered: Scattered, seen: Observation) -> tuple[Array, ...]:
    model, dispersion = asked.model, asked.dispersion
    sensors = asked.rebuild(asked.theta).sensors
    local = seen.time - sensors.time_offset
    direct = direct_part(model, state, seen.time, asked.rebuild(asked.theta), jnp.zeros(()))
    indirect, by_energy, by_time = indirect_part(state, scattered, local)
    light = direct.rows[:, :3] + indirect
    rows = light + light_rows(Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window), local)
    of_direct, of_indirect = _detector_slopes(asked, state, local)
    of_track = direct.slopes[..., :3].at[0].add(by_energy).at[6].add(by_time)
    of_detector = of_direct + of_indirect
    slopes = jnp.concatenate([of_detector, of_track, rows[None]])
    prompt = prompt_of(direct, rows)
    scale = seen.charge / rows[:, 0].sum()
    _, pull = jax.vjp(lambda r: channel_log_likelihood(r, seen), rows * scale)
    towards = scale * pull(jnp.ones(sensors.count))[0]
    root = jnp.sqrt(charge_information(rows[:, 0] * scale, seen, dispersion.charge_spread))
    charged = scale * slopes[..., 0] * root
    timed = prompt.slopes * jnp.sqrt(time_information(prompt, rows * scale, seen))
    parted = prompt.growth * jnp.where(seen.hit, prompt.chance - prompt.share, 0.0)
    # times tell of the detector by the shape of the late light, whose information only the hits themselves give
    late = _time_score(of_detector, rows, jnp.where(seen.hit, mean_count(rows * scale, seen), 0.0))
    first = of_detector.shape[0]
    timed, parted = _placed(timed, first), _placed(parted, first).at[:first].set(late)
    by_efficiency = light / sensors.relative_efficiency[:, None]
    efficient = scale * by_efficiency[:, 0] * root
    gradient, information = _with_priors(
        jnp.einsum("psr,sr->p", slopes, towards),
        charged @ charged.T + timed @ timed.T + parted @ parted.T,
        model.latent_slopes(state),
        state.latent,
        (jnp.log(scale), dispersion.total),
    )
    own_gradient = (by_efficiency * towards).sum(axis=1)
    return gradient, information, (charged * efficient).T, efficient**2, own_gradient, rows[:, 0], 1.0 / root**2


def _detector_slopes(asked: Asked, state: State, local: Array) -> tuple[Array, Array]:
    """Derivatives (parameters, channels, 3) of direct and of indirect light in the parameters of the detector."""
    count = asked.theta.shape[0]
    if count == 0:
        return jnp.zeros((0, *local.shape, 3)), jnp.zeros((0, *local.shape, 3))

    def parts(theta: Array) -> tuple[Array, Array]:
        detector = asked.rebuild(theta)
        direct = asked.transport.direct(asked.model.source(state), detector)
        return light_rows(direct, local), light_rows(asked.transport.indirect(state.track, detector), local)

    return jax.lax.map(lambda unit: jax.jvp(parts, (asked.theta,), (unit,))[1], jnp.eye(count))


def _time_score(slopes: Array, rows: Array, count: Array) -> Float[Array, "parameters channels"]:
    """Derivative of the log-density of the first-hit time of `count` photoelectrons; 0 on average, and where none is."""
    charge, density, before = (jnp.maximum(column, 1e-20) for column in rows.T)
    rest = jnp.maximum(1.0 - before / charge, 1e-6)
    of_density = slopes[..., 1] / density - slopes[..., 0] / charge
    of_rest = (slopes[..., 2] - before / charge * slopes[..., 0]) / (charge * rest)
    return jnp.where(count > 0.0, of_density - (count - 1.0) * of_rest, 0.0)


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
