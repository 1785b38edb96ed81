"""Light on its way."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


class Rays(NamedTuple):
    """Rays of light: photons of an event (weight 1 each) or weighted rays of a prediction."""

    position: Float[Array, "n 3"]
    """[m]"""
    direction: Float[Array, "n 3"]
    """unit vectors, the direction of travel"""
    time: Float[Array, " n"]
    """[ns]"""
    wavelength: Float[Array, " n"]
    """[nm]"""
    weight: Float[Array, " n"]
    """[photons]"""

    @property
    def count(self) -> int:
        """Number of rays."""
        return self.time.shape[0]

    def take(self, index: Array) -> "Rays":
        """The rays at these indices or where this mask holds."""
        return Rays(*(column[index] for column in self))

    def padded(self, count: int) -> "Rays":
        """The rays and behind them rays of zero weight, `count` in all."""
        missing = count - self.count
        rows = [jnp.concatenate([c, jnp.repeat(c[:1], missing, axis=0)]) for c in self[:-1]]
        return Rays(*rows, jnp.concatenate([self.weight, jnp.zeros(missing, self.weight.dtype)]))
