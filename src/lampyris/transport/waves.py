"""What mirrored light is told apart by: the face that mirrored it, or that it was mirrored again, and how late it is."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lampyris._math import safe_norm
from lampyris.detector import Detector
from lampyris.source import Emitters
from lampyris.transport.reference import Earliest, Reference
from lampyris.transport.time_nodes import shared
from lampyris.units import SPEED_OF_LIGHT

STAGES = 6
"""Between which light is shared by its delay, and keeps its own mean time in each."""
FEWER = 4
"""Every which point of a track is asked for the earliest light: stages need not be sharp."""


class Waves(NamedTuple):
    """Groups of mirrored light, each of which has one Gaussian of times at a sensor.

    The light of a lamp that one face mirrored comes to a sensor as one wave, or a few; that of a track comes little by little.
    """

    reference: Reference
    """from which delays count"""
    earliest: Earliest
    stages: Float[Array, " stages"]
    """delays behind the earliest light, ever wider apart [ns]"""
    kinds: int
    """faces that may have mirrored the light, and perhaps one more for all that was mirrored again"""

    @classmethod
    def of(cls, emitters: Emitters, detector: Detector, again: bool = False) -> "Waves":
        """Of a source in a detector; whether there is light that was mirrored `again`."""
        reference = Reference.of(emitters, detector)
        first = detector.sensors.time_spread.mean()
        last = 2.0 * safe_norm(detector.shape.half_extent()) * reference.index / SPEED_OF_LIGHT
        # the first stages are as far apart as sensors can tell, the last light has crossed the detector once more
        stages = first * ((1.0 + last / first) ** (jnp.arange(STAGES) / (STAGES - 1.0)) - 1.0)
        few = Earliest.of(emitters, reference)
        few = few._replace(position=few.position[::FEWER], time=few.time[::FEWER])
        return cls(reference, few, stages, detector.shape.face_areas().shape[0] + again)

    @property
    def pairs(self) -> int:
        """Number of pairs of neighbouring stages of all kinds."""
        return self.kinds * (STAGES - 1)

    @property
    def count(self) -> int:
        """Number of groups."""
        return self.kinds * STAGES

    def pair(
        self, kind: Int[Array, " n"], point: Float[Array, "n 3"], time: Float[Array, " n"]
    ) -> tuple[Int[Array, " n"], Float[Array, "n 2"]]:
        """The pair of groups of light of a kind that is at points at a time [ns], and its shares in them.

        **Gradients**: right and continuous.
        """
        stage, share = shared(time - self.earliest.at(point), self.stages)
        return kind * (STAGES - 1) + stage[:, 0], share

    def apart(self, sums: Float[Array, "n pairs 2 r"]) -> Float[Array, "n waves r"]:
        """Sums over groups from those over pairs: sums by rows are slow, and this halves their number."""
        pairs = sums.reshape(len(sums), self.kinds, STAGES - 1, *sums.shape[2:])
        first, second = (jnp.pad(pairs[:, :, :, k], ((0, 0), (0, 0), (k, 1 - k), (0, 0))) for k in range(2))
        return (first + second).reshape(len(sums), self.count, -1)
