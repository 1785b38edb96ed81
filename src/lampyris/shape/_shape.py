"""The contract of a detector shape: all that transports, layouts and displays know of it."""

from abc import abstractmethod

import numpy as np
from jaxtyping import Array, Bool, Float, Int

from lampyris._module import Module


class Shape(Module):
    """A closed convex volume about the origin whose wall is made of smooth faces.

    A new detector shape is one file with a subclass. Points are (..., 3) arrays in m.
    """

    @abstractmethod
    def intersect(
        self, position: Float[Array, "n 3"], direction: Float[Array, "n 3"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n 3"]]:
        """Distance [m] from points inside or on the wall to the wall, and the inward normal there.

        Of the roots the farther one is taken, so a ray that starts on the wall and points inwards never meets the
        wall that it starts from, and rounding cannot lose it. **Gradients**: right, except where a ray meets an edge.
        """

    @abstractmethod
    def face_distances(self, position: Float[Array, "n 3"]) -> Float[Array, "n faces"]:
        """Distance [m] to each face, positive inside; the smallest is the signed distance to the wall."""

    @abstractmethod
    def on_wall(self, position: Float[Array, "n 3"]) -> Float[Array, "n 3"]:
        """The point of the wall nearest to each point, for points near the wall."""

    @abstractmethod
    def face(self, position: Float[Array, "n 3"]) -> Int[Array, " n"]:
        """Number of the smooth face on which (or nearest to which) each point lies."""

    @abstractmethod
    def face_areas(self) -> Float[Array, " faces"]:
        """Area of each face [m^2]."""

    @abstractmethod
    def half_extent(self) -> Float[Array, "3"]:
        """Half of the lengths of the enclosing box [m]."""

    @abstractmethod
    def volume(self) -> Float[Array, ""]:
        """Volume [m^3]."""

    @classmethod
    @abstractmethod
    def face_samples(cls, count: int) -> list[np.ndarray]:
        """About `count` points on each face, uniform in area, in units of `half_extent`: (count, 3) arrays."""

    @abstractmethod
    def unroll(self, position: Float[Array, "n 3"]) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
        """Flat map of the wall for displays: horizontal and vertical coordinate [m], faces side by side."""

    def signed_distance(self, position: Float[Array, "n 3"]) -> Float[Array, " n"]:
        """Distance to the wall [m], positive inside."""
        return self.face_distances(position).min(axis=-1)

    def contains(self, position: Float[Array, "n 3"]) -> Bool[Array, " n"]:
        """Say which points lie inside."""
        return self.signed_distance(position) > 0

    def area(self) -> Float[Array, ""]:
        """Area of the whole wall [m^2]."""
        return self.face_areas().sum()


def lattice(count: int) -> np.ndarray:
    """Evenly spread points of the unit square, (count, 2): the golden-ratio lattice."""
    index = np.arange(count) + 0.5
    return np.stack([index / count, (index * 0.6180339887498949) % 1.0], axis=1)
