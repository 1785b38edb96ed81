"""How light spreads in angle about an axis, averaged over sensors of finite size."""

from abc import abstractmethod
from typing import NamedTuple

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
    """Light of each emitter over the angle to its axis."""

    @abstractmethod
    def mean_intensity(self, covered: Covered) -> Float[Array, "s k"]:
        """Photons per steradian of emitter k, averaged over what sensor s covers."""


class UniformPattern(Pattern):
    """The same light in every direction."""

    photons: Float[Array, " k"] = quantity("photons of each emitter", "", shape=("k",), converter=as_array)

    def mean_intensity(self, covered: Covered) -> Array:
        return jnp.broadcast_to(self.photons / (4.0 * jnp.pi), covered.cosine.shape)


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
        edges = np.asarray(self.edges)
        fine, coarse = edges[1] - edges[0], edges[-1] - edges[-2]
        bend = int(np.argmax(np.diff(edges) > 1.5 * fine)) if coarse > 1.5 * fine else len(edges) - 1
        scaled = jnp.where(angle < edges[bend], angle / fine, bend + (angle - edges[bend]) / coarse)
        cell = jnp.clip(scaled.astype(int), 0, len(edges) - 2)
        place = jnp.arange(self.cubic.shape[1]) * self.cubic.shape[2] + cell
        # one row at a time: compilers look for the cell again with every number of a row of four
        c = [row.ravel().at[place].get(mode="promise_in_bounds") for row in self.cubic]
        t = scaled - cell
        return c[0] + t * (c[1] + t * (c[2] + t * c[3]))

    def mean_intensity(self, covered: Covered) -> Array:
        within = self.cumulative(angle_of(covered.high)) - self.cumulative(angle_of(covered.low))
        return within / (2.0 * jnp.pi * (covered.high - covered.low))


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

    def mean_intensity(self, covered: Covered) -> Array:
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
