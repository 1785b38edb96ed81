"""Likelihood of one event: all channels, and the total charge as a term of its own."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris.likelihood.channel import Observation, channel_log_likelihood
from lampyris.transport.expectation import Expectation


class Dispersion(NamedTuple):
    """How far a single event may differ from the mean event that the prediction describes.

    A real track bends and throws delta electrons. `channel`: relative rms of the charge of a channel about the mean
    prediction; `total`: relative rms of the total light; `charge_spread`: rms charge of one photoelectron [pe].
    `sharing`: number of channels that fluctuate together, since a bend of the track moves a whole part of the ring; the
    information of the channels is divided by it. The defaults are estimates, not calibrated.
    """

    channel: float = 0.25
    total: float = 0.01
    charge_spread: float = 0.4
    sharing: float = 6.0


def scaled(rows: Float[Array, "channels 3"], seen: Observation) -> tuple[Float[Array, "channels 3"], Float[Array, ""]]:
    """The prediction with its total scaled to the observed charge, and the logarithm of the unscaled total.

    `rows` holds expected charge, density and cumulative of each channel. The channels then judge the shape of the event
    alone, so that the total can have its own, smaller uncertainty.
    """
    total = rows[:, 0].sum()
    return rows * (seen.charge / total), jnp.log(total)


def rows_log_likelihood(
    rows: Float[Array, "channels 3"], seen: Observation, dispersion: Dispersion
) -> Float[Array, ""]:
    """Log-likelihood of an event from expected charge, density and cumulative of each channel."""
    shape, log_total = scaled(rows, seen)
    channels = channel_log_likelihood(shape[:, 0], shape[:, 1], shape[:, 2], seen)
    return channels.sum() / dispersion.sharing + total_log_likelihood(log_total, seen, dispersion)


def total_log_likelihood(log_total: Array, seen: Observation, dispersion: Dispersion) -> Float[Array, ""]:
    """Log-normal density of the observed total about the expected one, with its Poisson and its own spread."""
    relative = dispersion.total**2 + (1.0 + dispersion.charge_spread**2) / seen.charge
    return -0.5 * (jnp.log(seen.charge) - log_total) ** 2 / relative


def log_likelihood(expectation: Expectation, seen: Observation, dispersion: Dispersion) -> Float[Array, ""]:
    """Log-likelihood of an event."""
    density, cumulative = expectation.density_and_cumulative(seen.time)
    rows = jnp.stack([expectation.total_charge, density, cumulative], axis=1)
    return rows_log_likelihood(rows, seen, dispersion)
