"""Positive quantities as smooth functions of the kinetic energy."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._module import Module, as_array, quantity

MOST_TERMS = 10


class SmoothCurve(Module):
    """The exponential of a Chebyshev series in the logarithm of the kinetic energy.

    **Gradients**: right and smooth to all orders.
    """

    series: Float[Array, " terms"] = quantity(
        "Chebyshev coefficients of the logarithm", "", shape=("terms",), converter=as_array
    )
    band: tuple[float, float] = eqx.field(static=True)
    """kinetic energies [MeV] from which it was made"""

    def __call__(self, energy: Array) -> Array:
        """The quantity at the kinetic energy [MeV]."""
        x = self.scaled(energy)
        one, two = jnp.zeros_like(x), jnp.zeros_like(x)
        for coefficient in self.series[:0:-1]:
            one, two = coefficient + 2.0 * x * one - two, one
        return jnp.exp(self.series[0] + x * one - two)

    def values(self, energy) -> np.ndarray:
        """As a call, with NumPy in double precision."""
        return np.exp(np.polynomial.chebyshev.chebval(scaled(energy, self.band), np.asarray(self.series, float)))

    def scaled(self, energy: Array) -> Array:
        """Logarithm of the energy, scaled so that the band goes from -1 to 1."""
        low, high = np.log(self.band)
        return (2.0 * jnp.log(energy) - low - high) / (high - low)


def scaled(energy, band: tuple[float, float]) -> np.ndarray:
    """As the method of the curve, with NumPy in double precision."""
    low, high = np.log(band)
    return (2.0 * np.log(energy) - low - high) / (high - low)


def fit_curve(energies: np.ndarray, values: np.ndarray, errors: np.ndarray, most: int = MOST_TERMS) -> SmoothCurve:
    """Fit a curve to values with relative errors; the number of terms, `most` at most, is what the errors support.

    **Reference**: Hurvich and Tsai, Biometrika 76 (1989) 297, for the corrected Akaike criterion.
    """
    low, high = float(energies[0]), float(energies[-1])
    x = scaled(energies, (low, high))
    best, best_score = None, np.inf
    for terms in range(2, min(most, len(energies) - 3) + 1):
        basis = np.polynomial.chebyshev.chebvander(x, terms - 1)
        series = np.linalg.lstsq(basis / errors[:, None], np.log(values) / errors, rcond=None)[0]
        chi2 = (((np.log(values) - basis @ series) / errors) ** 2).sum()
        score = chi2 + 2.0 * terms * len(energies) / (len(energies) - terms - 1)
        if score < best_score:
            best, best_score = series, score
    assert best is not None
    return SmoothCurve(best, (low, high))
