"""What a sampled transport returns: light at sensors, and an account of all other light."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


class Balance(NamedTuple):
    """Where the traced light ended, in photons. All but `emitted` and `untraced` add up to `traced`."""

    emitted: float
    """made by the source"""
    untraced: float
    """not traced, because the quantum efficiency would have rejected it"""
    at_sensors: float
    """absorbed in sensors"""
    in_medium: float
    """absorbed in the medium"""
    in_wall: float
    """absorbed in the wall"""
    cut_off: float
    """still on its way when the largest number of steps was reached"""

    @property
    def traced(self) -> float:
        """Photons that were traced."""
        return self.emitted - self.untraced

    def error(self) -> float:
        """Share of the traced light that the account misses; 0 but for rounding."""
        ended = self.at_sensors + self.in_medium + self.in_wall + self.cut_off
        return abs(ended - self.traced) / max(self.traced, 1.0)

    def plus(self, other: "Balance") -> "Balance":
        """The account of two batches together."""
        return Balance(*(a + b for a, b in zip(self, other, strict=True)))


class Arrivals(NamedTuple):
    """Photons absorbed in sensors, one entry each, in host memory."""

    channel: Int[np.ndarray, " n"]
    time: Float[np.ndarray, " n"]
    """[ns]"""
    wavelength: Float[np.ndarray, " n"]
    """[nm]"""
    cosine: Float[np.ndarray, " n"]
    """of the angle to the axis of the sensor"""
    scatters: Int[np.ndarray, " n"]
    reflections: Int[np.ndarray, " n"]

    @property
    def direct(self) -> Bool[np.ndarray, " n"]:
        """Which photons came without scatter or reflection."""
        return (self.scatters == 0) & (self.reflections == 0)

    @staticmethod
    def joined(parts: list["Arrivals"]) -> "Arrivals":
        """The photons of several batches."""
        return Arrivals(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
