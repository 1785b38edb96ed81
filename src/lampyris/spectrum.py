"""Quantities that depend on the wavelength; a plain number is the constant spectrum."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import fail, is_concrete
from lampyris._module import Domain, Module, Numbers, Quantity, as_array, positive, quantity, real


class Spectrum(Module):
    """A function of the wavelength [nm]."""

    @abstractmethod
    def __call__(self, wavelength: Array) -> Array:
        """Value at the wavelength [nm], elementwise."""

    @abstractmethod
    def samples(self) -> Array:
        """Values that stand for the whole spectrum in domain checks."""

    def check(self, where: str, declared: Quantity) -> None:
        """Raise `LampyrisError` if a value breaks the domain of the field that holds this spectrum."""
        values = self.samples()
        if not eqx.is_array(values) or not is_concrete(values):
            return
        numbers = np.asarray(values)
        good = declared.domain.holds(numbers)
        if not np.all(good):
            fail(where, declared.domain.rule, numbers[~good].ravel()[0], declared.unit)


class Constant(Spectrum):
    """The same value at every wavelength."""

    value: Float[Array, ""] = quantity(
        "value at every wavelength", domain=Domain("a number", lambda x: ~np.isnan(x)), converter=as_array
    )

    def __call__(self, wavelength: Array) -> Array:
        return jnp.broadcast_to(self.value, jnp.shape(wavelength))

    def samples(self) -> Array:
        return self.value


class Tabulated(Spectrum):
    """Linear interpolation in a table; constant beyond its ends.

    **Gradients**: right with respect to the values and, between knots, the wavelength.
    """

    wavelength: Float[Array, " knots"] = quantity("increasing knots", "nm", positive, ("knots",), converter=as_array)
    value: Float[Array, " knots"] = quantity("values at the knots", shape=("knots",), converter=as_array)

    def __check_init__(self):
        if is_concrete(self.wavelength) and eqx.is_array(self.wavelength):
            knots = np.asarray(self.wavelength)
            if knots.size < 2 or np.any(np.diff(knots) <= 0):
                fail("Tabulated(wavelength=...)", "at least two increasing values", knots, "nm")
        if jnp.shape(self.wavelength) != jnp.shape(self.value):
            fail("Tabulated(value=...)", f"of shape {jnp.shape(self.wavelength)}", str(jnp.shape(self.value)))

    def __call__(self, wavelength: Array) -> Array:
        wavelength = jnp.clip(wavelength, self.wavelength[0], self.wavelength[-1])
        # comparing with every knot is a single reduction: far less to compile than a binary search, and as fast for few
        method = "compare_all" if jnp.size(wavelength) <= 8192 else "scan"
        cell = jnp.searchsorted(self.wavelength, wavelength, side="right", method=method) - 1
        cell = jnp.clip(cell, 0, self.wavelength.shape[0] - 2)
        left = self.wavelength[cell]
        share = (wavelength - left) / (self.wavelength[cell + 1] - left)
        return self.value[cell] * (1.0 - share) + self.value[cell + 1] * share

    def samples(self) -> Array:
        return self.value


class Cauchy(Spectrum):
    """Refractive index n = a + b / l^2 + c / l^4, with l in nm: smooth, so that the group index is smooth too."""

    coefficients: Float[Array, "3"] = quantity("a, b [nm^2], c [nm^4]", domain=real, shape=(3,), converter=as_array)

    def __call__(self, wavelength: Array) -> Array:
        inverse = (1000.0 / wavelength) ** 2
        a, b, c = self.coefficients[0], self.coefficients[1] * 1e-6, self.coefficients[2] * 1e-12
        return a + inverse * (b + inverse * c)

    def samples(self) -> Array:
        return self(jnp.linspace(250.0, 700.0, 10))


class InverseSeries(Spectrum):
    """Refractive index n = sum over k of c_k / l^k, with l in nm (the form of the Quan-Fry formula)."""

    coefficients: Float[Array, " terms"] = quantity(
        "c_0, c_1 [nm], c_2 [nm^2], ...", shape=("terms",), converter=as_array
    )

    def __call__(self, wavelength: Array) -> Array:
        inverse, value = 1.0 / wavelength, jnp.zeros_like(wavelength)
        for term in range(self.coefficients.shape[0] - 1, -1, -1):
            value = value * inverse + self.coefficients[term]
        return value

    def samples(self) -> Array:
        return self(jnp.linspace(250.0, 700.0, 10))


def as_spectrum(value: Spectrum | Numbers) -> Spectrum:
    """Turn a number into the constant spectrum; leave spectra as they are."""
    return value if isinstance(value, Spectrum) else Constant(value)
