"""Optical media: refraction, absorption, scattering, scintillation."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from lampyris._module import Module, index_of_refraction, positive_or_infinite, quantity
from lampyris.particle.material import WATER, Material
from lampyris.phase import PhaseFunction
from lampyris.scintillation import Scintillation
from lampyris.spectrum import Spectrum, as_spectrum
from lampyris.units import SPEED_OF_LIGHT


class Scatterer(Module):
    """One kind of scattering: its mean free path and its phase function."""

    length: Spectrum = quantity("scattering length", "m", positive_or_infinite, None, converter=as_spectrum)
    phase: PhaseFunction


class Medium(Module):
    """Refractive index, absorption length and scatterers of a transparent medium, its scintillation if there is any.

    `material` is the same medium as charged particles see it: what slows them down.
    The group index n - l dn/dl is derived from the refractive index and never stored.
    """

    refractive_index: Spectrum = quantity("refractive index", "", index_of_refraction, None, converter=as_spectrum)
    absorption_length: Spectrum = quantity("absorption length", "m", positive_or_infinite, None, converter=as_spectrum)
    scatterers: tuple[Scatterer, ...] = ()
    scintillation: Scintillation | None = None
    material: Material = eqx.field(static=True, default=WATER)

    def group_index(self, wavelength: Array) -> Array:
        """Group index at the wavelength [nm]."""
        wavelength = jnp.asarray(wavelength, dtype=float)
        index, slope = jax.jvp(self.refractive_index, (wavelength,), (jnp.ones_like(wavelength),))
        return index - wavelength * slope

    def group_velocity(self, wavelength: Array) -> Array:
        """Group velocity [m/ns] at the wavelength [nm]."""
        return SPEED_OF_LIGHT / self.group_index(wavelength)

    def absorption_rate(self, wavelength: Array) -> Array:
        """Absorption per metre [1/m]."""
        return 1.0 / self.absorption_length(wavelength)

    def scattering_rates(self, wavelength: Array) -> tuple[Array, ...]:
        """Scattering per metre [1/m], one entry for each scatterer."""
        return tuple(1.0 / scatterer.length(wavelength) for scatterer in self.scatterers)

    def scattering_rate(self, wavelength: Array) -> Array:
        """Scattering per metre [1/m], all scatterers together."""
        return sum(self.scattering_rates(wavelength), jnp.zeros_like(wavelength))

    def attenuation_rate(self, wavelength: Array) -> Array:
        """Absorption and scattering per metre [1/m]: what direct light loses."""
        return self.absorption_rate(wavelength) + self.scattering_rate(wavelength)

    def optics(self, wavelength: Array) -> "Optics":
        """All that transport needs to know at each wavelength [nm], looked up once: rays keep their wavelength."""
        rates = jnp.stack([*self.scattering_rates(wavelength), jnp.zeros_like(wavelength)], axis=-1)
        return Optics(self.absorption_rate(wavelength), rates, self.group_index(wavelength))

    def scatter_cosine(self, optics: "Optics", choice: Array, quantile: Array) -> Array:
        """Cosine of the scattering angle; `choice` picks the scatterer by its rate, `quantile` the angle."""
        target = choice * optics.scattering.sum(axis=-1)
        cosine, passed = jnp.ones_like(quantile), jnp.zeros_like(quantile)
        for number, scatterer in enumerate(self.scatterers):
            rate = optics.scattering[..., number]
            chosen = (target >= passed) & (target < passed + rate)
            cosine = jnp.where(chosen, scatterer.phase.cosine(quantile), cosine)
            passed = passed + rate
        return cosine

    def weighted_scatter(self, optics: "Optics", choice: Array, quantile: Array) -> tuple[Array, Array]:
        """Cosine of the scattering angle, and the rate of this scattering [1/m] over the chance that it was drawn with.

        The chances are fixed numbers, so that no scatterer is exchanged for another as a parameter changes: 1 / 2K for each
        of K but the strongest, which gets the rest. **Gradients**: right in the rates, by the weight, and in the phase
        functions, pathwise.
        """
        count = len(self.scatterers)
        strongest = jnp.argmax(optics.scattering.reshape(-1, count + 1).mean(axis=0))
        chance = jnp.where(jnp.arange(count) == strongest, 0.5 * (count + 1) / max(count, 1), 0.5 / max(count, 1))
        cosine, rate, passed = jnp.ones_like(quantile), jnp.zeros_like(quantile), 0.0
        for number, scatterer in enumerate(self.scatterers):
            chosen = (choice >= passed) & (choice < passed + chance[number])
            cosine = jnp.where(chosen, scatterer.phase.cosine(quantile), cosine)
            rate = jnp.where(chosen, optics.scattering[..., number] / chance[number], rate)
            passed = passed + chance[number]
        return cosine, rate


class Optics(NamedTuple):
    """Optical numbers of a medium, one row for each ray."""

    absorption: Array
    """(n,) [1/m]"""
    scattering: Array
    """(n, scatterers + 1) [1/m], the last column zero so that a medium without scatterers has one too"""
    index: Array
    """(n,) group index"""
