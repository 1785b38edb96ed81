"""Surfaces: how much light comes back from a wall or a sensor, and where to."""

from abc import abstractmethod
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._math import dot, mirror, safe_sqrt, turn
from lampyris._module import Module, as_array, fraction, index_of_refraction, quantity
from lampyris.spectrum import Spectrum, as_spectrum


class Surface(Module):
    """Light that reaches the surface is reflected with the probability `reflectance`, else absorbed.

    What is reflected is specular, or diffuse with the density cos / pi about the normal, or some of each.
    """

    mirrors: ClassVar[bool] = True
    """whether light may be reflected as by a mirror"""
    diffuses: ClassVar[bool] = True
    """whether light may be reflected diffusely"""

    @abstractmethod
    def reflectance_at(self, cosine: Array, wavelength: Array) -> Array:
        """Probability of reflection at the cosine of incidence and the wavelength [nm]."""

    @abstractmethod
    def specular_share(self) -> Array:
        """Share of the reflected light that is specular."""

    def parts_at(self, cosine: Array, wavelength: Array) -> tuple[Array, Array]:
        """Probabilities of diffuse and of specular reflection. **Gradients**: right in all parameters."""
        reflectance, share = self.reflectance_at(cosine, wavelength), self.specular_share()
        return reflectance * (1.0 - share), reflectance * share

    @abstractmethod
    def reflect(
        self, direction: Float[Array, "n 3"], normal: Float[Array, "n 3"], uniform: Float[Array, "n 3"]
    ) -> Float[Array, "n 3"]:
        """Direction after reflection, from three uniform numbers a ray; `normal` points to where light comes from."""

    @abstractmethod
    def log_prob(self, outgoing: Float[Array, "n 3"], normal: Float[Array, "n 3"]) -> Array:
        """Logarithm of the density of diffusely reflected directions [1/sr], given that light is reflected.

        A specular part has no density: it is left out, so that the density integrates to the diffuse share.
        """


def lambertian_direction(normal: Array, uniform: Array) -> Array:
    """Direction with density cos / pi about the normal."""
    return turn(normal, safe_sqrt(1.0 - uniform[..., 0]), 2.0 * jnp.pi * uniform[..., 1])


def lambertian_log_prob(outgoing: Array, normal: Array) -> Array:
    """Logarithm of cos / pi; minus infinity behind the surface."""
    cosine = dot(outgoing, normal)
    return jnp.where(cosine > 0, jnp.log(jnp.where(cosine > 0, cosine, 1.0) / jnp.pi), -jnp.inf)


class Lambertian(Surface):
    """Diffuse reflection, the same at every angle of incidence."""

    mirrors = False

    reflectance: Spectrum = quantity("reflectance", "", fraction, None, converter=as_spectrum)

    def reflectance_at(self, cosine: Array, wavelength: Array) -> Array:
        return self.reflectance(wavelength)

    def specular_share(self) -> Array:
        return jnp.zeros(())

    def reflect(self, direction: Array, normal: Array, uniform: Array) -> Array:
        return lambertian_direction(normal, uniform)

    def log_prob(self, outgoing: Array, normal: Array) -> Array:
        return lambertian_log_prob(outgoing, normal)


class Specular(Surface):
    """Mirror reflection, the same at every angle of incidence."""

    diffuses = False

    reflectance: Spectrum = quantity("reflectance", "", fraction, None, converter=as_spectrum)

    def reflectance_at(self, cosine: Array, wavelength: Array) -> Array:
        return self.reflectance(wavelength)

    def specular_share(self) -> Array:
        return jnp.ones(())

    def reflect(self, direction: Array, normal: Array, uniform: Array) -> Array:
        return mirror(direction, normal)

    def log_prob(self, outgoing: Array, normal: Array) -> Array:
        return jnp.full(outgoing.shape[:-1], -jnp.inf)


class Mixture(Surface):
    """A share of the reflected light is specular, the rest diffuse.

    **Gradients**: `reflect` draws the branch, so its gradient with respect to `specular_fraction` is absent; that of
    `parts_at` is right.
    """

    reflectance: Spectrum = quantity("reflectance", "", fraction, None, converter=as_spectrum)
    specular_fraction: Float[Array, ""] = quantity(
        "specular share of reflected light", domain=fraction, converter=as_array
    )

    def reflectance_at(self, cosine: Array, wavelength: Array) -> Array:
        return self.reflectance(wavelength)

    def specular_share(self) -> Array:
        return self.specular_fraction

    def reflect(self, direction: Array, normal: Array, uniform: Array) -> Array:
        specular = uniform[..., 2] < self.specular_fraction
        diffuse = lambertian_direction(normal, uniform)
        return jnp.where(specular[..., None], mirror(direction, normal), diffuse)

    def log_prob(self, outgoing: Array, normal: Array) -> Array:
        return lambertian_log_prob(outgoing, normal) + jnp.log1p(-self.specular_fraction)


class Fresnel(Surface):
    """A smooth boundary of two dielectrics: unpolarised Fresnel reflectance, specular; what is not reflected is absorbed.

    **Reference**: Born and Wolf, Principles of Optics, section 1.5.
    """

    diffuses = False

    inside_index: Float[Array, ""] = quantity(
        "refractive index on the side of the light", domain=index_of_refraction, converter=as_array
    )
    outside_index: Float[Array, ""] = quantity(
        "refractive index behind the surface", domain=index_of_refraction, converter=as_array
    )

    def reflectance_at(self, cosine: Array, wavelength: Array) -> Array:
        ratio = self.inside_index / self.outside_index
        squared = 1.0 - ratio**2 * (1.0 - cosine**2)
        behind = safe_sqrt(squared)
        perpendicular = (ratio * cosine - behind) / (ratio * cosine + behind)
        parallel = (cosine - ratio * behind) / (cosine + ratio * behind)
        partial = 0.5 * (perpendicular**2 + parallel**2)
        return jnp.where(squared > 0, partial, 1.0) + jnp.zeros_like(wavelength)

    def specular_share(self) -> Array:
        return jnp.ones(())

    def reflect(self, direction: Array, normal: Array, uniform: Array) -> Array:
        return mirror(direction, normal)

    def log_prob(self, outgoing: Array, normal: Array) -> Array:
        return jnp.full(outgoing.shape[:-1], -jnp.inf)
