"""How light spreads in angle about an axis, averaged over sensors of finite size."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._math import angle_of, safe_sqrt
from lampyris._module import Module, as_array, positive, quantity


class Covered(NamedTuple):
    """Which directions about the axis of each emitter each sensor covers."""

    cosine: Float[Array, "s k"]
    """of the angle between the axis and the way to the middle of the sensor"""
    low: Float[Array, "s k"]
    """edges in 1 - cosine of the even band that has the mean and the rms of the sensor there"""
    high: Float[Array, "s k"]
    solid_angle: Float[Array, "s k"]
    """of the sensor [sr]"""


class Pattern(Module):
    """Light of each emitter over the angle to its axis.

    Tables are looked up apart from what is made of them, so that it can be done once: a compiler that sees both as one looks
    them up again for every number.
    """

    def cells(self, covered: Covered) -> Any:
        """Where tables are to be looked up."""
        return ()

    def looked_up(self, cells: Any) -> Any:
        """What they hold there; linear in the numbers of the pattern."""
        return self

    @abstractmethod
    def intensity(self, covered: Covered, found: Any) -> Float[Array, "s k"]:
        """Photons per steradian of emitter k, averaged over what sensor s covers, from what was `looked_up`."""

    def mean_intensity(self, covered: Covered) -> Float[Array, "s k"]:
        """The same in one piece."""
        return self.intensity(covered, self.looked_up(self.cells(covered)))


class UniformPattern(Pattern):
    """The same light in every direction."""

    photons: Float[Array, " k"] = quantity("photons of each emitter", "", shape=("k",), converter=as_array)

    def intensity(self, covered: Covered, found: "UniformPattern") -> Array:
        return jnp.broadcast_to(found.photons / (4.0 * jnp.pi), covered.cosine.shape)


class RingPattern(Pattern):
    """Light given by its cumulative distribution in the angle, a cubic in every bin.

    The average over a sensor is a difference of two cumulative values, so no ring is too narrow for it.
    **Gradients**: right and continuous.
    """

    cubic: Float[Array, "4 k bins"] = quantity(
        "coefficients of the cumulative light in a bin", shape=None, converter=as_array
    )
    edges: tuple[float, ...] = eqx.field(static=True)

    @classmethod
    def of_bins(cls, light: Float[Array, "k bins"], edges: np.ndarray) -> "RingPattern":
        """Pattern of the photons in bins of the angle between `edges` [rad]: two zones, each of equal steps."""
        width = jnp.asarray(np.diff(edges))
        density = light / width
        inner = 0.5 * (density[:, 1:] + density[:, :-1])
        slope = jnp.concatenate([jnp.zeros_like(inner[:, :1]), inner, jnp.zeros_like(inner[:, :1])], axis=1)
        # slopes beyond three times the smaller neighbour would make the cumulative light fall (Fritsch and Carlson)
        bound = 3.0 * jnp.minimum(density[:, 1:], density[:, :-1])
        slope = slope.at[:, 1:-1].set(jnp.minimum(inner, bound))
        start = jnp.cumsum(light, axis=1) - light
        left, right = slope[:, :-1] * width, slope[:, 1:] * width
        cubic = jnp.stack([start, left, 3.0 * light - 2.0 * left - right, left + right - 2.0 * light])
        return cls(cubic, tuple(float(edge) for edge in edges))

    def cumulative(self, angle: Array) -> Array:
        """Photons of emitter k within the angle [rad] of its axis; `angle` is (s, k)."""
        scaled = self._scaled(angle)
        return self._cubic(self._row(self._cell(scaled)), scaled)

    def _scaled(self, angle: Array) -> Array:
        """Angles in steps of the edges."""
        edges = np.asarray(self.edges)
        fine, coarse = edges[1] - edges[0], edges[-1] - edges[-2]
        bend = int(np.argmax(np.diff(edges) > 1.5 * fine)) if coarse > 1.5 * fine else len(edges) - 1
        return jnp.where(angle < edges[bend], angle / fine, bend + (angle - edges[bend]) / coarse)

    def _cell(self, scaled: Array) -> Array:
        return jnp.clip(scaled.astype(int), 0, len(self.edges) - 2)

    def _row(self, cell: Array) -> tuple[Array, ...]:
        """Coefficients of cells, one after the other: compilers look for the cell again with every number of a row of four."""
        place = jnp.arange(self.cubic.shape[1]) * self.cubic.shape[2] + cell
        return tuple(row.ravel().at[place].get(mode="promise_in_bounds") for row in self.cubic)

    def _cubic(self, row: tuple[Array, ...], scaled: Array) -> Array:
        t = scaled - self._cell(scaled)
        return row[0] + t * (row[1] + t * (row[2] + t * row[3]))

    def cells(self, covered: Covered) -> tuple[Array, ...]:
        return tuple(self._cell(self._scaled(angle_of(edge))) for edge in (covered.low, covered.high))

    def looked_up(self, cells: tuple[Array, ...]) -> tuple[tuple[Array, ...], ...]:
        return tuple(self._row(cell) for cell in cells)

    def intensity(self, covered: Covered, found: tuple[tuple[Array, ...], ...]) -> Array:
        low, high = covered.low, covered.high
        less, more = (
            self._cubic(row, self._scaled(angle_of(edge))) for row, edge in zip(found, (low, high), strict=True)
        )
        return (more - less) / (2.0 * jnp.pi * (high - low))


class BeamPattern(Pattern):
    """A beam about the axis: uniform in a cone, or Gaussian in the angle.

    The average over a sensor integrates the beam ring by ring, each with the arc that a round sensor of the same solid
    angle covers, so beams narrower than a sensor come out right.
    """

    photons: Float[Array, " k"] = quantity("photons of each emitter", "", shape=("k",), converter=as_array)
    width: Float[Array, ""] = quantity(
        "half opening of the cone, or rms angle in each of two axes", "rad", positive, converter=as_array
    )
    gaussian: bool = eqx.field(static=True, default=True)

    def intensity(self, covered: Covered, found: "BeamPattern") -> Array:
        return found._averaged(covered)

    def _averaged(self, covered: Covered) -> Array:
        angle = jnp.arctan2(safe_sqrt(1.0 - covered.cosine**2), covered.cosine)
        solid_angle = jnp.clip(covered.solid_angle, 1e-12, 4.0 * jnp.pi)
        radius = 2.0 * jnp.arcsin(jnp.sqrt(solid_angle / (4.0 * jnp.pi)))
        nodes, weights = np.polynomial.legendre.leggauss(48)
        low, high = jnp.abs(angle - radius), jnp.minimum(angle + radius, self._end())
        low = jnp.minimum(low, high)
        share = jnp.where(angle < radius, self._within(jnp.maximum(radius - angle, 0.0)), 0.0)
        # a cosine map of the nodes: the arc has a square root at both ends
        place, weight = np.cos(0.5 * np.pi * (nodes + 1.0)), np.sin(0.5 * np.pi * (nodes + 1.0)) * weights
        middle, half = 0.5 * (low + high)[..., None], 0.5 * (high - low)[..., None]
        ring = middle - half * place
        arcs = self._arc(ring, angle[..., None], radius[..., None])
        share = share + (0.5 * np.pi * half * weight * self._density(ring) * arcs).sum(axis=-1)
        return self.photons * share / solid_angle

    def _end(self) -> Array:
        """Angle beyond which there is no light: the quadrature must not run across the edge of a cone."""
        return jnp.asarray(jnp.pi) if self.gaussian else jnp.minimum(self.width, jnp.pi)

    def _within(self, angle: Array) -> Array:
        """Share of the beam within the angle of its axis."""
        if self.gaussian:
            return 1.0 - jnp.exp(-0.5 * (angle / self.width) ** 2)
        return jnp.minimum((1.0 - jnp.cos(angle)) / (1.0 - jnp.cos(self.width)), 1.0)

    def _density(self, angle: Array) -> Array:
        """Share of the beam per radian of the angle."""
        if self.gaussian:
            return angle / self.width**2 * jnp.exp(-0.5 * (angle / self.width) ** 2)
        return jnp.where(angle < self.width, jnp.sin(angle) / (1.0 - jnp.cos(self.width)), 0.0)

    @staticmethod
    def _arc(ring: Array, angle: Array, radius: Array) -> Array:
        """Share of the circle at `ring` about the axis that lies in the cap of `radius` at `angle`."""
        product = jnp.sin(ring) * jnp.sin(angle)
        cosine = (jnp.cos(radius) - jnp.cos(ring) * jnp.cos(angle)) / jnp.maximum(product, 1e-12)
        cosine = jnp.clip(cosine, -1.0, 1.0)
        return jnp.arctan2(safe_sqrt(1.0 - cosine**2), cosine) / jnp.pi
