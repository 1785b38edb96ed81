"""Delays at which light is counted, close together at first and then ever wider apart."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lampyris._math import safe_norm
from lampyris.detector import Detector
from lampyris.transport.reference import Earliest
from lampyris.units import SPEED_OF_LIGHT


class TimeNodes(NamedTuple):
    """Delays behind the earliest light at which light is counted: half a transit time spread apart at first, then wider."""

    delay: Float[Array, " nodes"]
    """[ns]"""
    rms: Float[Array, "channels nodes"]
    """spread of the light of each node, with that of the sensors [ns]"""

    @classmethod
    def of(cls, detector: Detector, index: Array, steps: int, count: int, early: int = 0) -> "TimeNodes":
        """Nodes from some before the earliest light up to the longest way that light can have in so many steps."""
        spread = jax.lax.stop_gradient(detector.sensors.time_spread).mean()
        crossing = 2.0 * safe_norm(detector.shape.half_extent()) * index / SPEED_OF_LIGHT
        number = jnp.arange(count) - float(early)
        last = number[-1]
        fine = 0.5 * spread
        coarse = jnp.maximum(jax.lax.stop_gradient(steps * crossing) - fine * last, 0.0) / last**5
        delay = fine * number + coarse * number**5
        apart = fine + 5.0 * coarse * number**4
        # sharing light between two nodes widens it by a sixth of the squared spacing, on average
        own = detector.sensors.time_spread[:, None] ** 2 + (0.5 * (apart - fine)) ** 2 - fine**2 / 6.0
        return cls(delay, jnp.sqrt(own))

    def share(self, delay: Array) -> tuple[Int[Array, "... 2"], Float[Array, "... 2"]]:
        """The two nodes about each delay and their shares, which keep the mean delay."""
        return shared(delay, self.delay)

    def spread_over(self, delay: Float[Array, " n"]) -> Float[Array, "nodes n"]:
        """The shares of all nodes in each delay."""
        node, share = self.share(delay)
        number = jnp.arange(self.delay.shape[0])[:, None]
        return sum(((number == node[:, i]) * share[:, i] for i in range(2)), jnp.zeros(()))


def shared(value: Array, nodes: Float[Array, " nodes"]) -> tuple[Int[Array, "... 2"], Float[Array, "... 2"]]:
    """The two nodes about each value and their shares, which keep the mean of values between the first and the last."""
    inside = jnp.clip(value, nodes[0], nodes[-1])
    low = jnp.clip(jnp.searchsorted(nodes, jax.lax.stop_gradient(inside)) - 1, 0, nodes.shape[0] - 2)
    upper = (inside - nodes[low]) / (nodes[low + 1] - nodes[low])
    return jnp.stack([low, low + 1], axis=-1), jnp.stack([1.0 - upper, upper], axis=-1)


class Delays(NamedTuple):
    """Where the delays of the light of a source start, and the nodes at which it is counted."""

    earliest: Earliest
    nodes: TimeNodes

    def share(self, point: Float[Array, "n 3"], time: Float[Array, " n"]) -> Float[Array, "nodes n"]:
        """The shares of all nodes in light that is at points at a time [ns]."""
        return self.nodes.spread_over(time - self.earliest.at(point))
