"""Light whose photons lag behind its points by the pulse of a scintillator."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr, ndtr
from jaxtyping import Array, Float

from lampyris.scintillation import Pulse
from lampyris.transport.expectation import Arrival, GaussianMixture

BINS, SPAN, GROWTH = 24, 12.0, 5.0
"""Pieces of a pulse that is not convolved in closed form: their number, the end in units of the longest decay time, and the
power of e by which they grow."""


def exponential_gaussian(z: Array, rms: Array, decay: Array) -> tuple[Array, Array]:
    """Density [1/ns] and cumulative at z rms behind the mean of a Gaussian that an exponential delays.

    Written so that it holds for decay times far below and far above the rms.
    """
    s = rms / decay
    w = s - z
    far = jnp.maximum(w, 6.0)
    series = 1.0 - 1.0 / far**2 + 3.0 / far**4
    steep = -0.5 * z**2 - jnp.log(far * np.sqrt(2.0 * np.pi)) + jnp.log(series)
    near = jnp.minimum(w, 6.0)
    smooth = s * (0.5 * s - z) + log_ndtr(-near)
    # beyond the switch the exponent of the smooth form may be huge and is not used
    smooth = jnp.where(w > 6.0, 0.0, smooth)
    density = jnp.exp(jnp.where(w > 6.0, steep, smooth)) / decay
    return density, ndtr(z) - decay * density


class PulsedMixture(eqx.Module):
    """Direct light of points with a pulse: exact, each point with each decay time. **Gradients**: right."""

    mixture: GaussianMixture
    pulse: Pulse

    @property
    def charge(self) -> Float[Array, " channels"]:
        return self.mixture.charge

    def density_and_cumulative(self, time: Float[Array, " channels"]) -> tuple[Array, Array]:
        z = (time[:, None] - self.mixture.time) / self.mixture.rms
        rise, decays = self.pulse.separate()
        fast = exponential_gaussian(z, self.mixture.rms, rise)
        density, cumulative = jnp.zeros_like(z), jnp.zeros_like(z)
        for share, decay in zip(self.pulse.weights(), decays, strict=True):
            slow = exponential_gaussian(z, self.mixture.rms, decay)
            # exp * exp: each with the weight of its own time
            first, second = ((decay * a - rise * b) / (decay - rise) for a, b in zip(slow, fast, strict=True))
            density, cumulative = density + share * first, cumulative + share * second
        weight = self.mixture.weight
        return (weight * jnp.maximum(density, 0.0)).sum(axis=1), (weight * cumulative).sum(axis=1)


class PulsedArrival(eqx.Module):
    """Any light with a pulse, which is taken as constant in pieces that grow with the time. **Gradients**: right."""

    light: Arrival
    pulse: Pulse

    @property
    def charge(self) -> Float[Array, " channels"]:
        return self.light.charge

    def density_and_cumulative(self, time: Float[Array, " channels"]) -> tuple[Array, Array]:
        steps = np.expm1(GROWTH * np.arange(BINS + 1) / BINS) / np.expm1(GROWTH)
        edges = SPAN * jax.lax.stop_gradient(self.pulse.decay_times.max()) * jnp.asarray(steps)
        passed = self.pulse.cumulative(edges)
        share = jnp.diff(passed / passed[-1])[:, None]
        before = jax.vmap(lambda edge: self.light.density_and_cumulative(time - edge)[1])(edges)
        density = (share * (before[:-1] - before[1:]) / jnp.diff(edges)[:, None]).sum(axis=0)
        return jnp.maximum(density, 0.0), (share * 0.5 * (before[:-1] + before[1:])).sum(axis=0)


class Together(eqx.Module):
    """The sum of several parts of light."""

    parts: tuple[Arrival, ...]

    @property
    def charge(self) -> Float[Array, " channels"]:
        return sum((part.charge for part in self.parts[1:]), self.parts[0].charge)

    def density_and_cumulative(self, time: Float[Array, " channels"]) -> tuple[Array, Array]:
        pairs = [part.density_and_cumulative(time) for part in self.parts]
        nothing = jnp.zeros_like(time)
        return sum((d for d, _ in pairs), nothing), sum((c for _, c in pairs), nothing)


def together(parts: list[Arrival]) -> Arrival:
    """One part as it is, or the sum of several."""
    return parts[0] if len(parts) == 1 else Together(tuple(parts))
