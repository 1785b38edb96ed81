"""Phase functions: how the direction of light turns when it scatters."""

from abc import abstractmethod

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._module import Domain, Module, as_array, quantity


class PhaseFunction(Module):
    """Density of the cosine of the scattering angle, uniform in azimuth."""

    @abstractmethod
    def cosine(self, uniform: Array) -> Array:
        """Cosine of the scattering angle at a quantile between 0 and 1; the basis of `sample`."""

    @abstractmethod
    def log_prob(self, cosine: Array) -> Array:
        """Logarithm of the density per steradian [1/sr]."""

    def sample(self, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Array:
        """Draw cosines. **Gradients**: right, pathwise, with respect to the parameters of the phase function."""
        return self.cosine(jax.random.uniform(key, shape))


class Rayleigh(PhaseFunction):
    """3 / (16 pi) (1 + c^2): scattering of unpolarised light by molecules."""

    def cosine(self, uniform: Array) -> Array:
        """Cosine at a quantile: the real root of c^3 + 3 c = 8 u - 4."""
        half = 4.0 * uniform - 2.0
        root = jnp.cbrt(jnp.abs(half) + jnp.sqrt(1.0 + half**2))
        return jnp.clip(jnp.sign(half) * (root - 1.0 / root), -1.0, 1.0)

    def log_prob(self, cosine: Array) -> Array:
        return jnp.log(3.0 / (16.0 * jnp.pi) * (1.0 + cosine**2))


class HenyeyGreenstein(PhaseFunction):
    """(1 - g^2) / (4 pi (1 + g^2 - 2 g c)^(3/2)): forward-peaked scattering by particles.

    **Reference**: Henyey and Greenstein, Astrophys. J. 93 (1941) 70.
    """

    asymmetry: Float[Array, ""] = quantity(
        "mean cosine g", domain=Domain("between -1 and 1", lambda x: abs(x) < 1), converter=as_array
    )

    def cosine(self, uniform: Array) -> Array:
        """Cosine at a quantile, written so that nothing is divided by g."""
        g, v = self.asymmetry, 2.0 * uniform - 1.0
        numerator = v + 0.5 * g * (v**2 + 3.0) + g**2 * v + 0.5 * g**3 * (v**2 - 1.0)
        return jnp.clip(numerator / (1.0 + g * v) ** 2, -1.0, 1.0)

    def log_prob(self, cosine: Array) -> Array:
        g = self.asymmetry
        return jnp.log1p(-(g**2)) - jnp.log(4.0 * jnp.pi) - 1.5 * jnp.log(1.0 + g**2 - 2.0 * g * cosine)
