"""The log-likelihood of a track with its gradient and curvature.

Direct and indirect light and dark noise add up, channel by channel, in all that the likelihood asks of a prediction:
charge, density at the observed time, and charge before it. So each has its own compiled function that gives its share
and the derivatives of it, and a third, small one puts the likelihood on top.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.detector import Detector
from lampyris.fit.newton import Local
from lampyris.fit.parameters import moved
from lampyris.likelihood import Dispersion, Observation, channel_log_likelihood
from lampyris.likelihood.event import scaled, total_log_likelihood
from lampyris.source import Track
from lampyris.transport import Hybrid
from lampyris.transport.expectation import Arrival, Uniform, widened

CHUNK = 512
"""Channels that are worked on together: their pairs with the points of a track stay in the cache."""

Rows = Float[Array, "channels 3"]
Slopes = Float[Array, "7 channels 3"]


def local_model(
    track: Track, seen: Observation, detector: Detector, transport: Hybrid, dispersion: Dispersion, blur: float
) -> Local:
    """Value, gradient and curvature at a track; `blur` [ns] widens the times for a rough fit."""
    direct = _direct(track, seen.time, detector, transport, jnp.asarray(blur, float))
    indirect = _indirect(track, seen.time, detector, transport)
    numbers = _likelihood(direct, indirect, seen, detector, dispersion)
    value, gradient, curvature, total = (np.asarray(part, float) for part in numbers)
    return Local(float(value), gradient, curvature, float(total))


def _rows(light: Arrival, time: Array) -> Rows:
    """Charge, density and cumulative of one kind of light."""
    density, cumulative = light.density_and_cumulative(time)
    return jnp.stack([light.charge, density, cumulative], axis=-1)


def _with_slopes(rows, start: Array) -> tuple[Rows, Slopes]:
    """Rows and their derivatives in the seven parameters, by forward mode."""
    value, push = jax.linearize(rows, start)
    return value, jax.vmap(push)(jnp.eye(7))


@eqx.filter_jit
def _direct(track: Track, time: Array, detector: Detector, transport: Hybrid, blur: Array) -> tuple[Rows, Slopes]:
    """Direct light, chunk by chunk of the channels."""
    count = detector.sensors.count
    chunks = -(-count // CHUNK)
    index = jnp.minimum(jnp.arange(chunks * CHUNK), count - 1).reshape(chunks, CHUNK)

    def chunk(channels: Array) -> tuple[Rows, Slopes]:
        few = eqx.tree_at(lambda d: d.sensors, detector, detector.sensors.take(channels))
        local_time = time[channels] - few.sensors.time_offset
        return _with_slopes(
            lambda step: _rows(widened(transport.direct(moved(track, step), few), blur), local_time), jnp.zeros(7)
        )

    rows, slopes = jax.lax.map(chunk, index)
    return rows.reshape(-1, 3)[:count], jnp.moveaxis(slopes, 1, 0).reshape(7, -1, 3)[:, :count]


@eqx.filter_jit
def _indirect(track: Track, time: Array, detector: Detector, transport: Hybrid) -> tuple[Rows, Slopes]:
    """Indirect light."""
    local_time = time - detector.sensors.time_offset
    return _with_slopes(lambda step: _rows(transport.indirect(moved(track, step), detector), local_time), jnp.zeros(7))


@eqx.filter_jit
def _likelihood(
    direct: tuple[Rows, Slopes],
    indirect: tuple[Rows, Slopes],
    seen: Observation,
    detector: Detector,
    dispersion: Dispersion,
) -> tuple[Array, Array, Array, Array]:
    """Value, gradient and curvature of the log-likelihood, and the expected total charge.

    The curvature is that of Gauss and Newton: second derivatives of the prediction, which vanish on average at the
    truth, are left out, so it is also the information that the covariance is made of.
    """
    sensors = detector.sensors
    dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
    rows = direct[0] + indirect[0] + _rows(dark, seen.time - sensors.time_offset)
    slopes = direct[1] + indirect[1]
    (shape, log_total), push = jax.linearize(lambda r: scaled(r, seen), rows)
    shape_slopes, total_slopes = jax.vmap(push)(slopes)

    def channels(entries: Rows) -> Array:
        return channel_log_likelihood(entries[:, 0], entries[:, 1], entries[:, 2], seen)

    def total(x: Array) -> Array:
        return total_log_likelihood(x, seen, dispersion)

    value, first, second = (part / dispersion.sharing for part in _channel_derivatives(channels, shape))
    gradient = jnp.einsum("pci,ci->p", shape_slopes, first) + jax.grad(total)(log_total) * total_slopes
    curvature = -jnp.einsum("pci,cij,qcj->pq", shape_slopes, second, shape_slopes)
    curvature = curvature - jax.grad(jax.grad(total))(log_total) * jnp.outer(total_slopes, total_slopes)
    return value.sum() + total(log_total), gradient, curvature, jnp.exp(log_total)


def _channel_derivatives(function, entries: Rows) -> tuple[Array, Array, Array]:
    """Values, gradients (n, 3) and second derivatives (n, 3, 3) of a function that acts on every row by itself."""

    def slope(point: Array) -> tuple[Array, Array]:
        value, pull = jax.vjp(function, point)
        (gradient,) = pull(jnp.ones_like(value))
        return gradient, value

    gradient, push, value = jax.linearize(slope, entries, has_aux=True)
    second = jax.vmap(lambda axis: push(jnp.broadcast_to(axis, entries.shape)))(jnp.eye(3))
    return value, gradient, jnp.moveaxis(second, 0, -1)
