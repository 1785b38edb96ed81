"""Light on its way."""

from typing import NamedTuple

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
