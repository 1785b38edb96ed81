"""What a predicting transport returns: expected charge, and when light arrives."""

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float


@runtime_checkable
class Arrival(Protocol):
    """A part of the expected light: photoelectrons per channel and the distribution of their times."""

    @property
    def charge(self) -> Float[Array, " channels"]:
        """Expected photoelectrons."""
        ...

    def density_and_cumulative(self, time: Float[Array, " channels"]) -> tuple[Array, Array]:
        """Expected photoelectrons per ns at the time [ns], and up to it, per channel."""
        ...


class GaussianMixture(eqx.Module):
    """Light in several parts, each with a Gaussian spread in time."""

    weight: Float[Array, "channels k"]
    time: Float[Array, "channels k"]
    rms: Float[Array, "channels k"]

    @property
    def charge(self) -> Array:
        return self.weight.sum(axis=1)

    def density_and_cumulative(self, time: Array) -> tuple[Array, Array]:
        z = (time[:, None] - self.time) / self.rms
        density = self.weight * jnp.exp(-0.5 * z**2) / (self.rms * jnp.sqrt(2.0 * jnp.pi))
        return density.sum(axis=1), (self.weight * ndtr(z)).sum(axis=1)


class Uniform(eqx.Module):
    """Light spread evenly over the read-out window: dark noise."""

    charge: Float[Array, " channels"]
    window: Float[Array, "2"]

    def density_and_cumulative(self, time: Array) -> tuple[Array, Array]:
        width = self.window[1] - self.window[0]
        passed = jnp.clip((time - self.window[0]) / width, 0.0, 1.0)
        return self.charge / width + 0.0 * passed, self.charge * passed


class Expectation(eqx.Module):
    """Expected photoelectrons per channel and the distribution of their times, as a sum of parts."""

    direct: Arrival
    indirect: Arrival
    dark: Uniform
    time_offset: Float[Array, " channels"]

    @property
    def parts(self) -> tuple[Arrival, ...]:
        """Direct light, indirect light, dark noise."""
        return self.direct, self.indirect, self.dark

    @property
    def charge(self) -> Float[Array, " channels"]:
        """Expected photoelectrons of light, direct and indirect (without dark noise)."""
        return self.direct.charge + self.indirect.charge

    @property
    def total_charge(self) -> Float[Array, " channels"]:
        """Expected photoelectrons with dark noise."""
        return self.charge + self.dark.charge

    def density_and_cumulative(self, time: Float[Array, " channels"]) -> tuple[Array, Array]:
        """Expected photoelectrons per ns at the recorded time [ns], and up to it, per channel."""
        pairs = [part.density_and_cumulative(time - self.time_offset) for part in self.parts]
        nothing = jnp.zeros_like(time)
        return sum((d for d, _ in pairs), nothing), sum((c for _, c in pairs), nothing)

    def distribution(self, time: Float[Array, " channels"]) -> tuple[Array, Array]:
        """Probability density [1/ns] and cumulative probability of the time of one photoelectron, per channel."""
        density, cumulative = self.density_and_cumulative(time)
        total = self.total_charge
        return density / total, cumulative / total
