"""Likelihood of one channel: summed charge and first-hit time together, exactly.

n photoelectrons follow a Poisson distribution of mean mu, or, where the prediction itself is uncertain by the relative
width e, the negative binomial that results when mu fluctuates as a Gamma distribution. Their charges add up to Q with
density G(Q | n); the first of n times with density p and cumulative P has the density n p (1 - P)^(n-1). The sum over n,

    p(Q, t) = sum_n P(n; mu) G(Q | n) n p(t) (1 - P(t))^(n-1),

for e = 0 and exactly measured counts is the well-known mu f exp(-mu F). All of it that does not depend on the
prediction is tabulated once per event.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float
from scipy.special import gammaln

from lampyris.response import Hits
from lampyris.sensors import Sensors

COUNTS = 24


class ChargeTable(eqx.Module):
    """For each channel some counts n and the logarithm of G(Q | n), its part of P(n), and the spacing of the counts."""

    count: Float[Array, "channels n"]
    log_weight: Float[Array, "channels n"]
    shape: Float[Array, " channels"]
    """1 / e^2, the shape of the Gamma distribution of the rate"""


class Observation(eqx.Module):
    """One event as the likelihood needs it."""

    table: ChargeTable
    time: Float[Array, " channels"]
    hit: Bool[Array, " channels"]
    charge: Float[Array, ""]
    """total charge [pe]"""


def observe(hits: Hits, sensors: Sensors, dispersion: np.ndarray | float) -> Observation:
    """Tabulate an event; `dispersion` is the relative width of a channel's predicted charge beyond Poisson, per channel."""
    charge = np.asarray(hits.charge, float) / np.asarray(sensors.gain, float)
    hit = np.asarray(hits.hit)
    shape = 1.0 / np.maximum(np.broadcast_to(dispersion, charge.shape), 1e-2) ** 2
    count, log_weight = np.ones((2, len(charge), COUNTS))  # of channels without a hit nothing is asked
    count[hit], log_weight[hit] = _tabulated(charge[hit], shape[hit, None], float(sensors.charge_spread))
    table = ChargeTable(jnp.asarray(count, float), jnp.asarray(log_weight, float), jnp.asarray(shape, float))
    time = np.where(hit, np.asarray(hits.time, float), 0.0)
    total = np.where(hit, charge, 0.0).sum()
    return Observation(table, jnp.asarray(time, float), jnp.asarray(hit), jnp.asarray(total, float))


def _tabulated(charge: np.ndarray, shape: np.ndarray, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts that can have made each charge, and their logarithmic weights; `shape` is (channels, 1)."""
    count, spacing = _counts(charge, spread)
    log_weight = _log_charge_density(charge, count, spread)
    # the negative binomial is exp(this) * (mu / (1 + mu / shape))^n * (1 + mu / shape)^-shape
    log_weight += gammaln(count + shape) - gammaln(shape) - count * np.log(shape) - gammaln(count + 1.0)
    return count, log_weight + np.log(count) + np.log(spacing)


def _counts(charge: np.ndarray, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts that can have made each charge: 1 to 24, or for large charges a coarser net of 5 sigma to either side."""
    sigma = spread * np.sqrt(np.maximum(charge, 1.0))
    spacing = np.maximum(1.0, np.ceil(10.0 * sigma / COUNTS))
    first = np.maximum(1.0, np.round(charge) - spacing * (COUNTS // 2))
    return first[:, None] + spacing[:, None] * np.arange(COUNTS), spacing[:, None]


def _log_charge_density(charge: np.ndarray, count: np.ndarray, spread: float) -> np.ndarray:
    """Logarithm of the Gamma density of the charge of n photoelectrons [1/pe]."""
    shape = count / spread**2
    scaled = np.maximum(charge, 1e-6)[:, None] / spread**2
    return (shape - 1.0) * np.log(scaled) - scaled - gammaln(shape) - 2.0 * np.log(spread)


class _Parts(NamedTuple):
    """What the likelihood of a channel is made of."""

    mean: Array
    survive: Array
    """logarithm of the probability that one photoelectron comes later than the first"""
    terms: Array
    """logarithms of the contributions of the counts"""


def _parts(rows: Float[Array, "channels 3"], seen: Observation) -> _Parts:
    mean = jnp.maximum(rows[:, 0], 1e-9)
    survive = jnp.log(jnp.clip(1.0 - rows[:, 2] / mean, 1e-6, 1.0))
    per_count = jnp.log(mean) - jnp.log1p(mean / seen.table.shape) + survive
    return _Parts(mean, survive, seen.table.log_weight + seen.table.count * per_count[:, None])


def channel_log_likelihood(rows: Float[Array, "channels 3"], seen: Observation) -> Float[Array, " channels"]:
    """Logarithm of the probability of no hit, or of the density in charge and time [1/(pe ns)], per channel.

    `rows` are the expected photoelectrons, their density [pe/ns] at the observed time, and their number before it.
    **Gradients**: right.
    """
    mean, survive, terms = _parts(rows, seen)
    silent = -seen.table.shape * jnp.log1p(mean / seen.table.shape)
    first = jnp.log(jnp.maximum(rows[:, 1], 1e-20)) - jnp.log(mean) - survive
    return jnp.where(seen.hit, silent + first + logsumexp(terms, axis=1), silent)


def charge_log_likelihood(mean: Float[Array, " channels"], seen: Observation) -> Float[Array, " channels"]:
    """Logarithm of the probability of no hit, or of the density in charge [1/pe], whatever the times, per channel.

    `mean` are the expected photoelectrons. **Gradients**: right.
    """
    mean = jnp.maximum(mean, 1e-9)
    per_count = jnp.log(mean) - jnp.log1p(mean / seen.table.shape)
    # the weights hold a factor n, for the first of n times
    terms = seen.table.log_weight - jnp.log(seen.table.count) + seen.table.count * per_count[:, None]
    silent = -seen.table.shape * jnp.log1p(mean / seen.table.shape)
    return jnp.where(seen.hit, silent + logsumexp(terms, axis=1), silent)


def charge_information(
    mean: Float[Array, " channels"], seen: Observation, charge_spread: float
) -> Float[Array, " channels"]:
    """Expected information of the charge of each channel about its mean [1/pe^2]."""
    mean = jnp.maximum(mean, 1e-9)
    return 1.0 / (mean * (1.0 + charge_spread**2) + mean**2 / seen.table.shape)


def mean_count(rows: Float[Array, "channels 3"], seen: Observation) -> Float[Array, " channels"]:
    """Mean number of photoelectrons of each hit channel, given its charge and time."""
    terms = _parts(rows, seen).terms
    return (jax.nn.softmax(terms, axis=1) * seen.table.count).sum(axis=1)
