"""The contract of a source of light, and the only things that a transport knows of it."""

from abc import abstractmethod
from collections.abc import Iterator

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._checks import LampyrisError, fail_outside, is_concrete
from lampyris._host import on_host
from lampyris._module import Module
from lampyris.emission.pattern import Pattern
from lampyris.medium import Medium
from lampyris.rays import Rays
from lampyris.scintillation import Pulse
from lampyris.shape import Shape
from lampyris.spectrum import Spectrum


class Emitters(eqx.Module):
    """A source as points that shine: what direct light is integrated over."""

    position: Float[Array, "k 3"]
    """[m]"""
    axis: Float[Array, "k 3"]
    """unit vectors: the direction about which each point shines"""
    time: Float[Array, " k"]
    """mean emission time [ns]"""
    time_rms: Float[Array, " k"]
    """spread of the emission time [ns]"""
    pattern: Pattern
    """photons per steradian about the axis"""
    wavelength: Float[Array, " m"]
    """nodes of the spectrum [nm]"""
    spectrum: Float[Array, " m"]
    """share of the photons at each node; the sum is 1"""


class Source(Module):
    """Something that shines. A new source fills these methods and touches no transport."""

    @abstractmethod
    def event(self, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """Photons of one event with all their fluctuations, in batches of bounded size.

        Each photon is kept with the probability `keep` at its wavelength (what a quantum efficiency would reject
        need not be traced). Yields the rays (weight 1; 0 fills the batch up) and the number emitted before `keep`.
        """

    def emit(self, uniform: Float[Array, "n 4"], medium: Medium) -> Rays:
        """Weighted rays, one for each row of uniform numbers; their weights add up to the mean number of photons.

        The numbers are given, so that evenly spread ones can be used and nothing random is compiled.
        **Gradients**: as the source says.
        """
        raise LampyrisError(f"`{type(self).__name__}` gives data, not predictions: it has no mean light to emit.")

    def emitters(self, medium: Medium, detected: Spectrum) -> Emitters:
        """The mean light of the source on quadrature points. **Gradients**: right in all parameters.

        `detected` is the relative probability that light of a wavelength is detected: where the angle of light depends
        on its wavelength, the pattern is that of the light which counts.
        """
        raise LampyrisError(f"`{type(self).__name__}` gives data, not predictions: it has no mean light to integrate.")

    def parts(self, medium: Medium) -> tuple["Source", ...]:
        """The kinds of light that predictions are made of in this medium: sources of one pattern and spectrum each."""
        return (self,)

    def pulse(self, medium: Medium) -> Pulse | None:
        """How photons lag behind the times that `emit` and `emitters` give; `None`: not at all."""
        return None

    def suited(self, medium: Medium) -> "Source":
        """This source with a description of its mean light that holds in this medium; values that are traced pass.

        Raises `LampyrisError` if none is known.
        """
        return self

    def check_inside(self, shape: Shape) -> None:
        """Raise `LampyrisError` if the source lies outside the detector."""
        position = getattr(self, "position", None)
        if position is None or not is_concrete(position):
            return
        if is_concrete(shape.half_extent()) and not np.all(on_host(shape.signed_distance, position) > 0):
            fail_outside(f"{type(self).__name__}(position=...)", position)
