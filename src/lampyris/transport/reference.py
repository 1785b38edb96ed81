"""What indirect light is counted from: the straight way of the light, and the share of the wall that sensors cover."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._math import safe_norm
from lampyris.detector import Detector
from lampyris.source import Emitters
from lampyris.transport.contract import check_flush
from lampyris.transport.wall_basis import projected, projections, terms
from lampyris.units import SPEED_OF_LIGHT

COVERAGE_DEGREE = 2
EDGE = 0.02
"""Width of the strip along edges of faces in which a point belongs to both, in units of the smallest half extent."""


def belonging(point: Float[Array, "n 3"], detector: Detector) -> Float[Array, "faces n"]:
    """Share with which points of the wall belong to each face: 1, but falling to a half at an edge.

    Light that moves over an edge then leaves one face by and by and enters the other, so that its derivative is there.
    """
    distance = detector.shape.face_distances(point).T
    width = EDGE * detector.shape.half_extent().min()
    near = jnp.maximum(width - (distance - jax.lax.stop_gradient(distance.min(axis=0))), 0.0)
    return near / near.sum(axis=0)


class Reference(NamedTuple):
    """Where and when the light starts, on average: delays count from the straight way from there."""

    position: Float[Array, "3"]
    time: Float[Array, ""]
    index: Float[Array, ""]

    @classmethod
    def of(cls, emitters: Emitters, detector: Detector) -> "Reference":
        """Mean place and time of the points of the source, with the group index of its detected light."""
        seen = emitters.spectrum * detector.sensors.quantum_efficiency(emitters.wavelength)
        wavelength = (seen * emitters.wavelength).sum() / jnp.maximum(seen.sum(), 1e-30)
        place = jax.lax.stop_gradient(emitters.position.reshape(-1, 3).mean(axis=0))
        return cls(place, emitters.time.mean(), detector.medium.group_index(wavelength))

    def time_at(self, point: Float[Array, "... 3"]) -> Float[Array, "..."]:
        """Time at which straight light would arrive [ns]."""
        return self.time + safe_norm(point - self.position) * self.index / SPEED_OF_LIGHT

    def delay(self, point: Float[Array, "... 3"], time: Float[Array, "..."]) -> Float[Array, "..."]:
        """Delay behind the straight light in 100 ns, so that its powers stay near 1."""
        return (time - self.time_at(point)) / 100.0


class Coverage(NamedTuple):
    """Share of the wall that sensors cover, as a polynomial on each face.

    Its integral with any light that is a polynomial of this degree is that over the sensors themselves: where sensors
    keep away from the edges of a face, so does the coverage.
    """

    series: Float[Array, "faces terms"]

    @classmethod
    def of(cls, detector: Detector) -> "Coverage":
        """The coverage of a detector by disks. **Gradients**: right in positions and radii of the sensors."""
        check_flush(detector)
        sensors, shape = detector.sensors, detector.shape
        areas = shape.face_areas()
        on_face = shape.face(sensors.position)[None, :] == jnp.arange(areas.shape[0])[:, None]
        rows = on_face * sensors.area
        sums = projected(rows, sensors.position / shape.half_extent(), COVERAGE_DEGREE)
        kind: type = type(shape)
        matrices = jnp.asarray(projections(kind, COVERAGE_DEGREE), sums.dtype)
        return cls(jnp.einsum("ftu,fu->ft", matrices, sums) / areas[:, None])

    def at(self, point: Float[Array, "n 3"], detector: Detector) -> Float[Array, " n"]:
        """Covered share at points of the wall."""
        values = self.series @ terms(point / detector.shape.half_extent(), COVERAGE_DEGREE).T
        return jnp.clip((values * belonging(point, detector)).sum(axis=0), 0.0, 1.0)


class Earliest(NamedTuple):
    """Points of light, for the time at which the first of their straight light reaches a place."""

    position: Float[Array, "k 3"]
    time: Float[Array, " k"]
    index: Float[Array, ""]
    """of the group velocity"""

    @classmethod
    def of(cls, emitters: Emitters, reference: Reference) -> "Earliest":
        """Of the points of a source."""
        return cls(emitters.position.reshape(-1, 3), jnp.atleast_1d(emitters.time), reference.index)

    def at(self, point: Float[Array, "n 3"]) -> Float[Array, " n"]:
        """Time of the earliest light at points [ns]."""
        first = jnp.argmin(jax.lax.stop_gradient(self._from(point[:, None, :], self.position, self.time)), axis=1)
        return self._from(point, self.position[first], self.time[first])

    def _from(self, point: Array, position: Array, time: Array) -> Array:
        """Time of light from places at points."""
        return time + safe_norm(point - position) * self.index / SPEED_OF_LIGHT
