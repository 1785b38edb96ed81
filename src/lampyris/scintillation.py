"""Scintillation: how much light a deposit of energy makes, of which wavelengths, and when."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._checks import fail, is_concrete
from lampyris._math import safe_sqrt
from lampyris._module import Module, as_array, fraction, non_negative, positive, quantity

SHORTEST_RISE = 1e-3
"""Rise times below this [ns] act as this one, which no sensor can tell from zero."""


class Pulse(Module):
    """Times of scintillation photons behind their deposit: a common rise, and several decays with their shares.

    Each photon waits an exponential rise time and an exponential decay time, so the density of a component is
    (exp(-t/decay) - exp(-t/rise)) / (decay - rise) and its mean is rise + decay.
    """

    decay_times: Float[Array, " components"] = quantity(
        "decay times", "ns", positive, ("components",), converter=as_array
    )
    shares: Float[Array, " components"] = quantity(
        "share of the photons of each decay time", "", fraction, ("components",), converter=as_array
    )
    rise_time: Float[Array, ""] = quantity("rise time", "ns", non_negative, default=0.0, converter=as_array)

    def __check_init__(self):
        if not (eqx.is_array(self.shares) and is_concrete(self.shares)):
            return
        if self.shares.shape != self.decay_times.shape:
            fail(
                "Pulse(shares=...)", f"of the shape of the decay times {self.decay_times.shape}", str(self.shares.shape)
            )
        if abs(float(np.sum(np.asarray(self.shares), axis=-1).max()) - 1.0) > 1e-3:
            fail("Pulse(shares=...)", "of the sum 1", np.asarray(self.shares))

    def weights(self) -> Float[Array, " components"]:
        """The shares, brought to the sum 1 where a fit has moved them."""
        return self.shares / self.shares.sum()

    def mean(self) -> Float[Array, ""]:
        """Mean time [ns]."""
        return self.rise_time + (self.weights() * self.decay_times).sum()

    def separate(self) -> tuple[Float[Array, ""], Float[Array, " components"]]:
        """Rise and decay times [ns] kept at least 1 % apart, so that the formulas with their difference hold."""
        rise = jnp.maximum(self.rise_time, SHORTEST_RISE)
        close = jnp.abs(self.decay_times - rise) < 0.01 * self.decay_times
        return rise, jnp.where(close, self.decay_times + 0.01 * rise, self.decay_times)

    def time_at(self, uniform: Float[Array, "n 3"]) -> Float[Array, " n"]:
        """Times [ns] from three uniform numbers each: component, decay, rise; the basis of `sample`."""
        edges = jnp.cumsum(self.weights())
        component = jnp.clip((uniform[:, :1] >= edges).sum(axis=1), 0, edges.size - 1)
        decay = -jnp.log1p(-uniform[:, 1]) * self.decay_times[component]
        return decay - jnp.log1p(-uniform[:, 2]) * self.rise_time

    def sample(self, count: int, *, key: PRNGKeyArray) -> Float[Array, " n"]:
        """Draw times [ns]. **Gradients**: right, pathwise, in the times; absent in the shares."""
        return self.time_at(jax.random.uniform(key, (count, 3)))

    def log_prob(self, time: Float[Array, " n"]) -> Float[Array, " n"]:
        """Logarithm of the density [1/ns]. **Gradients**: right in all parameters."""
        rise, decay = self.separate()
        late = jnp.maximum(time, 0.0)[:, None]
        slow, fast = jnp.maximum(decay, rise), jnp.minimum(decay, rise)
        # exp(-t/slow) - exp(-t/fast), written so that equal exponents do not cancel
        part = jnp.exp(-late / slow) * -jnp.expm1(-late * (1.0 / fast - 1.0 / slow)) / (slow - fast)
        density = (self.weights() * part).sum(axis=1)
        return jnp.where(time > 0, jnp.log(jnp.maximum(density, 1e-37)), -jnp.inf)

    def cumulative(self, time: Float[Array, " n"]) -> Float[Array, " n"]:
        """Share of the photons up to the time [ns]. **Gradients**: right in all parameters."""
        rise, decay = self.separate()
        late = jnp.maximum(time, 0.0)[:, None]
        left = (decay * jnp.exp(-late / decay) - rise * jnp.exp(-late / rise)) / (decay - rise)
        return 1.0 - (self.weights() * left).sum(axis=1)


class Emission(Module):
    """Spectrum of scintillation photons: straight lines between knots, nothing outside; the scale does not matter."""

    wavelength: Float[Array, " knots"] = quantity("increasing knots", "nm", positive, ("knots",), converter=as_array)
    value: Float[Array, " knots"] = quantity(
        "photons per wavelength at the knots, relative", "", non_negative, ("knots",), converter=as_array
    )

    def __check_init__(self):
        if not (eqx.is_array(self.wavelength) and is_concrete(self.wavelength) and is_concrete(self.value)):
            return
        knots = np.asarray(self.wavelength)
        if knots.shape[-1] < 2 or np.any(np.diff(knots) <= 0):
            fail("Emission(wavelength=...)", "at least two increasing values", knots, "nm")
        if self.value.shape != self.wavelength.shape or not np.any(np.asarray(self.value) > 0):
            fail("Emission(value=...)", f"of shape {knots.shape} and somewhere above 0", np.asarray(self.value))

    def _areas(self) -> Float[Array, " cells"]:
        return 0.5 * (self.value[1:] + self.value[:-1]) * jnp.diff(self.wavelength)

    def wavelength_at(self, uniform: Float[Array, " n"]) -> Float[Array, " n"]:
        """Wavelength [nm] at a quantile between 0 and 1; the basis of `sample` and of quadratures."""
        passed = jnp.concatenate([jnp.zeros(1), jnp.cumsum(self._areas())])
        target = uniform * passed[-1]
        cell = jnp.searchsorted(passed, target, side="right", method="compare_all") - 1
        cell = jnp.clip(cell, 0, self.value.size - 2)
        left, right = self.value[cell], self.value[cell + 1]
        width = self.wavelength[cell + 1] - self.wavelength[cell]
        # left x + (right - left) x^2 / 2 = rest, solved without a division by the difference
        rest = (target - passed[cell]) / width
        root = safe_sqrt(left**2 + 2.0 * (right - left) * rest)
        share = 2.0 * rest / jnp.maximum(left + root, 1e-12)
        return self.wavelength[cell] + width * jnp.clip(share, 0.0, 1.0)

    def sample(self, count: int, *, key: PRNGKeyArray) -> Float[Array, " n"]:
        """Draw wavelengths [nm]. **Gradients**: right, pathwise."""
        return self.wavelength_at(jax.random.uniform(key, (count,)))

    def log_prob(self, wavelength: Float[Array, " n"]) -> Float[Array, " n"]:
        """Logarithm of the density [1/nm]; minus infinity outside the knots. **Gradients**: right."""
        value = jnp.interp(wavelength, self.wavelength, self.value, left=0.0, right=0.0) / self._areas().sum()
        return jnp.where(value > 0, jnp.log(jnp.where(value > 0, value, 1.0)), -jnp.inf)


class Scintillation(Module):
    """Light of energy deposits: `light_yield` dE / (1 + birks dE/dx + chou (dE/dx)^2) photons, isotropic.

    **Reference**: Birks, Proc. Phys. Soc. A 64 (1951) 874; Chou, Phys. Rev. 87 (1952) 904.
    """

    light_yield: Float[Array, ""] = quantity(
        "photons per energy where nothing is quenched", "1/MeV", positive, converter=as_array
    )
    pulse: Pulse
    emission: Emission
    birks: Float[Array, ""] = quantity("quenching kB of Birks", "m/MeV", non_negative, default=0.0, converter=as_array)
    chou: Float[Array, ""] = quantity(
        "second-order quenching C of Chou", "m^2/MeV^2", non_negative, default=0.0, converter=as_array
    )

    def quenching(self, stopping_power: Array) -> Array:
        """Share of a deposit that is not lost at dE/dx [MeV/m]. **Gradients**: right in all parameters."""
        return 1.0 / (1.0 + stopping_power * (self.birks + stopping_power * self.chou))
