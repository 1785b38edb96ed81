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
    """

    channel: float = 0.25
    total: float = 0.01
    charge_spread: float = 0.4


class Predicted(NamedTuple):
    """What the likelihood needs of an expectation, one row per channel."""

    expected: Float[Array, " channels"]
    density: Float[Array, " channels"]
    cumulative: Float[Array, " channels"]


def predicted(expectation: Expectation, seen: Observation) -> tuple[Predicted, Float[Array, ""]]:
    """The prediction with its total scaled to the observed charge, and the logarithm of the unscaled total.

    The channels then judge the shape of the event alone, so that the total can have its own, smaller uncertainty.
    """
    density, cumulative = expectation.density_and_cumulative(seen.time)
    total = expectation.total_charge.sum()
    scale = seen.charge / total
    rows = Predicted(expectation.total_charge * scale, density * scale, cumulative * scale)
    return rows, jnp.log(total)


def total_log_likelihood(log_total: Array, seen: Observation, dispersion: Dispersion) -> Float[Array, ""]:
    """Log-normal density of the observed total about the expected one, with its Poisson and its own spread."""
    relative = dispersion.total**2 + (1.0 + dispersion.charge_spread**2) / seen.charge
    return -0.5 * (jnp.log(seen.charge) - log_total) ** 2 / relative


def log_likelihood(expectation: Expectation, seen: Observation, dispersion: Dispersion) -> Float[Array, ""]:
    """Log-likelihood of an event."""
    rows, log_total = predicted(expectation, seen)
    return channel_log_likelihood(*rows, seen).sum() + total_log_likelihood(log_total, seen, dispersion)
