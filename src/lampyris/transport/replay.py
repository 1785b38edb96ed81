"""Replay: the light of stored paths under other optics, with its derivatives, in closed form."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from lampyris.detector import Detector
from lampyris.transport.flight import detected
from lampyris.transport.paths import GROUPS, Paths, Step, log_branch
from lampyris.units import SPEED_OF_LIGHT

Rebuild = Callable[[Array], Detector]


class Replayed(NamedTuple):
    """Indirect light of a source in photoelectrons for sensors of efficiency 1, by groups of paths or in all.

    The first of the columns is the value, the others are its derivatives with respect to the parameters.
    """

    charge: Float[Array, "... channels columns"]
    variance: Float[Array, "... channels"]
    """of the charge, from the scatter of the paths"""
    early: Float[Array, "... channels marks columns"]
    """photoelectrons before each mark, their times spread by the sensors"""
    early_powers: Float[Array, "... channels marks 3"]
    """sums of the squares, cubes and fourth powers of what each path brings before a mark"""
    density: Float[Array, "... channels marks"]
    """photoelectrons per ns at each mark"""
    widening: Float[Array, "... channels marks"]
    """derivative of `early` with respect to the transit time spread [1/ns]"""
    effective: Float[Array, ""]
    """number of equally weighted deposits that would scatter as much"""
    left_over: Float[Array, ""]
    """photons that still fly after the last step"""

    def summed(self) -> "Replayed":
        """The sum over all groups."""
        return self._over_groups(lambda column: column.sum(axis=0))

    def halves(self) -> "Replayed":
        """Sums over the first and over the second half of the groups, along the first axis."""
        return self._over_groups(lambda column: column.reshape(2, column.shape[0] // 2, *column.shape[1:]).sum(axis=1))

    def _over_groups(self, add: Callable[[Array], Array]) -> "Replayed":
        grouped = zip(self._fields[:-2], self[:-2], strict=True)
        return self._replace(**{name: add(column) for name, column in grouped})


@eqx.filter_jit
def replay(
    paths: Paths, rebuild: Rebuild, theta: Float[Array, " p"], marks: Float[Array, "channels marks"]
) -> Replayed:
    """Weight the paths, group by group, for the detector `rebuild(theta)`; `marks` are times [ns] at each channel.

    **Gradients**: right, pathwise in the weights, in absorption and scattering lengths, phase functions, reflectances,
    quantum efficiency and acceptance; the derivatives with respect to `theta` come with the value. Refractive index,
    places and sizes are those of the detector that the paths were drawn in.
    """
    channels, count = marks.shape
    detector = rebuild(theta)
    spread = detector.sensors.time_spread

    def add(sums: tuple[Array, Array], chunk: Paths) -> tuple[tuple[Array, Array], None]:
        light, flying = _weights(chunk, rebuild, theta)
        step = chunk.steps
        on_sensor = step.channel[1:].ravel() >= 0
        channel = jnp.where(on_sensor, step.channel[1:].ravel(), channels)
        time = _arrival(step, chunk.time, detector.medium.group_index(chunk.wavelength))[1:].ravel()
        own = jnp.where(on_sensor, channel, 0)
        columns = [*light.T, light[:, 0] ** 2]
        for number in range(count):
            z = (marks[own, number] - time) / spread[own]
            before, bell = ndtr(z), jnp.exp(-0.5 * z**2) / (spread[own] * jnp.sqrt(2.0 * jnp.pi))
            each = light[:, 0] * before
            powers = (each**2, each**3, each**4)
            columns += [*(light * before[:, None]).T, *powers, light[:, 0] * bell, -light[:, 0] * bell * z]
        rows = jax.ops.segment_sum(jnp.stack(columns, axis=1), channel, channels + 1)[:channels]
        return (sums[0] + rows, sums[1] + flying), None

    width = theta.shape[0] + 1
    nothing = (jnp.zeros((channels, width + 1 + count * (width + 5))), jnp.zeros(()))
    groups = jax.tree.map(lambda column: column.reshape(GROUPS, -1, *column.shape[1:]), paths)
    rows, left = jax.lax.map(lambda group: jax.lax.scan(add, nothing, group)[0], groups)
    squares = rows[..., width]
    effective = rows[..., 0].sum() ** 2 / jnp.maximum(squares.sum(), 1e-30)
    each = rows[..., width + 1 :].reshape(GROUPS, channels, count, width + 5)
    early, more = each[..., :width], each[..., width:]
    parts = (early, more[..., :3], more[..., 3], more[..., 4])
    return Replayed(rows[..., :width], squares, *parts, effective, left.sum())


def _weights(paths: Paths, rebuild: Rebuild, theta: Array) -> tuple[Float[Array, "n columns"], Array]:
    """Detected weight of every step after the first, with its derivatives; and what still flies at the end.

    Light that flies on after the last step is taken to arrive as that of the last step did.
    """
    step = paths.steps
    value, push = jax.linearize(_log_deposits(step, rebuild, paths.wavelength), theta)
    slopes = jax.vmap(push)(jnp.eye(theta.shape[0], dtype=theta.dtype))
    arrived = jnp.where(step.channel[1:] >= 0, paths.weight * jnp.exp(value[:-1]), 0.0)
    arrived = arrived.at[-1].multiply(1.0 / (1.0 - paths.tail))
    columns = jnp.concatenate([arrived[None], arrived * slopes[:, :-1]])
    return columns.reshape(columns.shape[0], -1).T, (paths.weight * jnp.exp(value[-1])).sum()


def _log_deposits(step: Step, rebuild: Rebuild, wavelength: Array):
    """Logarithm of the weight with which each step of each path is detected, and, last, of what flies on."""

    def log_weight(theta: Array) -> Array:
        detector = rebuild(theta)
        log_true = log_branch(step, detector, wavelength) - step.log_density
        before = jnp.cumsum(log_true, axis=0)
        seen = detected(detector, step.cosine[1:], wavelength) * detector.sensors.quantum_efficiency(wavelength)
        way = detector.medium.attenuation_rate(wavelength) * step.distance[1:]
        arrived = before[:-1] - way + jnp.log(jnp.maximum(seen, 1e-20))
        return jnp.concatenate([arrived, before[-1:]])

    return log_weight


def _arrival(step: Step, start: Array, index: Array) -> Array:
    """Time at which every step would reach the wall [ns]."""
    flown = jnp.cumsum(step.flown, axis=0) - step.flown
    return start + (flown + step.distance) * index / SPEED_OF_LIGHT


@eqx.filter_jit
def delays(
    paths: Paths, detector: Detector, straight: Float[Array, " channels"], edges: Float[Array, " edges"], zone: Array
) -> Float[Array, "channels edges"]:
    """Indirect light that comes up to each delay behind `straight` to the channels of each zone [pe].

    `zone` numbers the zone of each channel; rows beyond the number of zones are empty.
    """
    channels, bins = straight.shape[0], edges.shape[0]

    def add(sums: Array, chunk: Paths) -> tuple[Array, None]:
        light, _ = _weights(chunk, lambda _: detector, jnp.zeros(0))
        channel = jnp.maximum(chunk.steps.channel[1:].ravel(), 0)
        time = _arrival(chunk.steps, chunk.time, detector.medium.group_index(chunk.wavelength))[1:].ravel()
        cell = zone[channel] * bins + jnp.searchsorted(edges, time - straight[channel]).clip(0, bins - 1)
        return sums + jax.ops.segment_sum(light[:, 0], cell, channels * bins), None

    found, _ = jax.lax.scan(add, jnp.zeros(channels * bins), paths)
    return jnp.cumsum(found.reshape(channels, bins), axis=1)
