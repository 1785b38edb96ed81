"""The log-likelihood of a track with its gradient and curvature, in one compiled function."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from lampyris.detector import Detector
from lampyris.fit.newton import Local
from lampyris.fit.parameters import moved
from lampyris.likelihood import Dispersion, Observation, channel_log_likelihood
from lampyris.likelihood.event import Predicted, predicted, total_log_likelihood
from lampyris.source import Track
from lampyris.transport import Hybrid
from lampyris.transport.expectation import widened


def local_model(
    track: Track, seen: Observation, detector: Detector, transport: Hybrid, dispersion: Dispersion, blur: float
) -> Local:
    """Value, gradient and curvature at a track; `blur` [ns] widens the times for a rough fit."""
    numbers = _local(track, seen, detector, transport, dispersion, jnp.asarray(blur, float))
    value, gradient, curvature, total = (np.asarray(part, float) for part in numbers)
    return Local(float(value), gradient, curvature, float(total))


@eqx.filter_jit
def _local(
    track: Track, seen: Observation, detector: Detector, transport: Hybrid, dispersion: Dispersion, blur: Array
) -> tuple[Array, Array, Array, Array]:
    """The derivatives of the prediction by forward mode, those of the likelihood of each channel in closed form.

    The curvature is that of Gauss and Newton: second derivatives of the prediction, which vanish on average at the
    truth, are left out, so it is also the information that the covariance is made of.
    """

    def prediction(step: Array) -> tuple[Predicted, Array]:
        expectation = transport(moved(track, step), detector)
        return predicted(widened(expectation, blur), seen)

    zero = jnp.zeros(7)
    rows, log_total = prediction(zero)
    slopes, total_slope = jax.vmap(lambda axis: jax.jvp(prediction, (zero,), (axis,))[1])(jnp.eye(7))
    by_channel = jnp.stack(slopes, axis=-1)  # parameter, channel, (expected, density, cumulative)

    def channels(entries: Array) -> Array:
        return channel_log_likelihood(entries[:, 0], entries[:, 1], entries[:, 2], seen)

    stacked = jnp.stack(rows, axis=-1)
    logs, first, second = _channel_derivatives(channels, stacked)
    gradient = jnp.einsum("pci,ci->p", by_channel, first)
    curvature = -jnp.einsum("pci,cij,qcj->pq", by_channel, second, by_channel)
    total = lambda x: total_log_likelihood(x, seen, dispersion)  # noqa: E731
    pull = jax.grad(total)(log_total)
    stiffness = -jax.grad(jax.grad(total))(log_total)
    value = logs.sum() + total(log_total)
    curvature = curvature + stiffness * jnp.outer(total_slope, total_slope)
    return value, gradient + pull * total_slope, curvature, jnp.exp(log_total)


def _channel_derivatives(function, entries: Array) -> tuple[Array, Array, Array]:
    """Values, gradients (n, 3) and second derivatives (n, 3, 3) of a function that acts on every row by itself."""
    axes = jnp.eye(3)

    def slope(point: Array) -> tuple[Array, Array]:
        value, pull = jax.vjp(function, point)
        (gradient,) = pull(jnp.ones_like(value))
        return gradient, value

    columns = []
    for axis in axes:
        direction = jnp.broadcast_to(axis, entries.shape)
        (gradient, value), (column, _) = jax.jvp(slope, (entries,), (direction,))
        columns.append(column)
    return value, gradient, jnp.stack(columns, axis=-1)
