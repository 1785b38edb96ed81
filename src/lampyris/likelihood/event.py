"""Likelihood of one event: all channels, and the total charge as a term of its own."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.likelihood.channel import Observation, channel_log_likelihood, charge_information, mean_count
from lampyris.transport.expectation import Expectation

Rows = Float[Array, "channels 3"]


class Charges(NamedTuple):
    """Expected photoelectrons of each channel."""

    total: Float[Array, " channels"] | np.ndarray
    direct: Float[Array, " channels"] | np.ndarray


class Dispersion(NamedTuple):
    """How far a single event may differ from the event that the prediction describes.

    The charge of a channel that expects mu photoelectrons, D of them direct, has the variance mu + `clumps` D +
    (`channel` D)^2 about the prediction: light that comes in clumps (knocked-out electrons), and light that is a little
    elsewhere. Indirect light comes from the whole event, so it does what the total light does. `total`:
    relative rms of the total light of particles of one energy; `charge_spread`: rms charge of one photoelectron [pe];
    `slip`: rms by which the light of a single track starts before or behind its vertex, with its time, over the root of its
    length [m^1/2].

    `weight`: what the log-likelihood of a channel counts for. One if channels depart from the prediction each by itself;
    less if neighbours depart together, and so tell the same several times: a likelihood of all of them would believe a
    single event too much.

    **Reference**: Pauli, Racugno, Ventura, Statistica Sinica 21 (2011) 149, for the weight.
    """

    channel: float = 0.19
    clumps: float = 0.25
    total: float = 0.009
    charge_spread: float = 0.4
    slip: float = 0.0245
    weight: float = 1.0

    def as_arrays(self) -> "Dispersion":
        """The same as arrays, of which compiled functions need not be made anew for every event."""
        return jax.tree.map(lambda value: jnp.asarray(value, float), self)

    def relative(self, expected: Charges) -> np.ndarray:
        """Relative rms of the charge of each channel beyond Poisson, from its expected photoelectrons."""
        variance = self.clumps * expected.direct + (self.channel * expected.direct) ** 2
        return np.sqrt(variance) / np.maximum(expected.total, 1e-3)


class Quadratic(NamedTuple):
    """A log-likelihood about a point: its terms, gradient, and expected information."""

    terms: Float[Array, " terms"]
    """those whose sum is the log-likelihood; summed in single precision it would lose the gain of the last steps"""
    gradient: Float[Array, " p"]
    information: Float[Array, "p p"]
    expected: Charges


class Prompt(NamedTuple):
    """The prompt part of the light of each channel, of whose times the information is made."""

    slopes: Float[Array, "channels p"]
    """derivatives of its mean time [ns]"""
    growth: Float[Array, "channels p"]
    """derivatives of the logarithm of its charge"""
    variance: Float[Array, " channels"]
    """variance of the time of one photoelectron [ns^2]"""
    chance: Float[Array, " channels"]
    """probability that the observed time belongs to it"""
    share: Float[Array, " channels"]
    """its share of the expected charge"""


def log_likelihood(expectation: Expectation, seen: Observation, dispersion: Dispersion) -> Float[Array, ""]:
    """Log-likelihood of an event."""
    density, cumulative = expectation.density_and_cumulative(seen.time)
    rows = jnp.stack([expectation.total_charge, density, cumulative], axis=1)
    return rows_log_likelihood(rows, seen, dispersion)


def rows_log_likelihood(rows: Rows, seen: Observation, dispersion: Dispersion) -> Float[Array, ""]:
    """Log-likelihood from expected charge, density and cumulative of each channel."""
    return likelihood_terms(rows, seen, dispersion).sum()


def likelihood_terms(rows: Rows, seen: Observation, dispersion: Dispersion) -> Float[Array, " terms"]:
    """The terms whose sum is the log-likelihood: one for each channel, and one for the total charge.

    The channels judge the prediction scaled to the observed total charge, so the shape of the event alone; the total has
    a term of its own with its own, smaller uncertainty and counts in full.
    """
    total = rows[:, 0].sum()
    channels = channel_log_likelihood(rows * (seen.charge / total), seen)
    of_total = -0.5 * (jnp.log(seen.charge / total)) ** 2 / _total_variance(seen, dispersion)
    return jnp.append(dispersion.weight * channels, of_total)


def quadratic(
    rows: Rows,
    slopes: Float[Array, "channels 3 p"],
    prompts: Sequence[Prompt],
    seen: Observation,
    dispersion: Dispersion,
) -> Quadratic:
    """The log-likelihood with its derivatives from those of the rows; `prompts` are of the tracks of the event.

    The information is that expected of charges and of prompt first-hit times, and what the times say of whether their light
    was prompt; it is a sum of squares and never negative, and far from the best point it promises steps of the right size,
    which the second derivatives there do not.
    """
    terms, pull = jax.vjp(lambda r: likelihood_terms(r, seen, dispersion), rows)
    (towards,) = pull(jnp.ones_like(terms))
    total = rows[:, 0].sum()
    scale, relative = seen.charge / total, slopes[:, 0].sum(axis=0) / total
    charge_slopes = scale * (slopes[:, 0] - rows[:, :1] * relative)
    of_charge = charge_information(rows[:, 0] * scale, seen, dispersion.charge_spread)
    charged = charge_slopes * jnp.sqrt(of_charge)[:, None]
    information = charged.T @ charged
    for prompt in prompts:
        timed = prompt.slopes * jnp.sqrt(time_information(prompt, rows * scale, seen))[:, None]
        # the time tells too which light it was: what it says of the share of the prompt light, hit by hit
        parted = prompt.growth * jnp.where(seen.hit, prompt.chance - prompt.share, 0.0)[:, None]
        information = information + timed.T @ timed + parted.T @ parted
    information = dispersion.weight * information + jnp.outer(relative, relative) / _total_variance(seen, dispersion)
    direct = rows[:, 0] * sum(prompt.share for prompt in prompts)
    return Quadratic(terms, jnp.einsum("srp,sr->p", slopes, towards), information, Charges(rows[:, 0], direct))


def time_information(prompt: Prompt, rows: Rows, seen: Observation) -> Float[Array, " channels"]:
    """Expected information of the first-hit time about the mean time of its prompt light [1/ns^2].

    The first of n times with a normal distribution has about 1 / (1 + 0.8 ln n) of its variance (within 15 % up to
    n = 100).
    """
    count = jnp.maximum(mean_count(rows, seen) * prompt.share, 1.0)
    information = prompt.chance * (1.0 + 0.8 * jnp.log(count)) / prompt.variance
    return jnp.where(seen.hit, information, 0.0)


def _total_variance(seen: Observation, dispersion: Dispersion) -> Array:
    """Variance of the logarithm of the total charge: that of the light and that of its count."""
    return dispersion.total**2 + (1.0 + dispersion.charge_spread**2) / seen.charge
