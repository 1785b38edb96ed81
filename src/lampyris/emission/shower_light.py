"""Light of the shower of a single electron, positron or gamma: how it differs from the mean of many.

The light is cut along the shower into shares, each of which shines about an axis of its own. The gaps between shares are
lognormal, each with those beside it: an electron that radiates hard goes on without light for a while, wherever that
happens. How the axes lean fluctuates in a few modes. All this is carried by standard normal numbers.
"""

from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError, fail_unknown
from lampyris.emission.angles import angle_edges

SHOWER_FORMAT = "lampyris-shower-light-2"
SHOWERS = ("e-", "e+", "gamma")
"""Particles whose showers are described."""
NODES = 32
JOINTS = (0, 2, 4, 6, 8, 11, 15, 19, 23, 27, 31)
"""Shares between which gaps are drawn; closer where the light starts, which says most of the vertex."""
DEPTHS, TURNS = len(JOINTS), 8
"""Numbers of the depths of a shower, and of the directions of its axis in each of two planes."""
EDGES = np.sin(0.5 * np.pi * np.arange(NODES + 1) / NODES) ** 2
"""Shares of the light between which the nodes lie: thinner at both ends."""


class ShowerForm(NamedTuple):
    """The light of showers of one energy, its mean and its modes; lengths in metres, angles in radians."""

    log_gaps: Float[Array, " depths"]
    """mean logarithm of the gaps [m] between the shares of `JOINTS` along the initial direction, the first from the vertex"""
    mixing: Float[Array, "depths depths"]
    """root of their covariance"""
    within: Float[Array, "depths nodes"]
    """part of each gap that lies before a share"""
    delay: Float[Array, " nodes"]
    """mean of t - z/c [ns]"""
    delay_rms: Float[Array, " nodes"]
    turns: Float[Array, "turns nodes"]
    """lean of the axis by one rms of each mode"""
    sideways: Float[Array, "turns nodes"]
    """displacement across the initial direction that comes with it"""
    light: Float[Array, "nodes angles"]
    """share of all light in the bins of `angle_edges` about the own axis"""

    def distance(
        self, latent: Float[Array, " depths"], unknown: Float[Array, "depths depths"]
    ) -> Float[Array, " nodes"]:
        """Mean distance of each share along the initial direction [m], of numbers known to a covariance `unknown`.

        Zeros in both give the median gaps, zeros that are known to a unit covariance the mean ones.
        """
        variance = jnp.einsum("gi,ij,gj->g", self.mixing, unknown, self.mixing)
        return jnp.exp(self.log_gaps + self.mixing @ latent + 0.5 * variance) @ self.within


class ShowerLight(eqx.Module):
    """The forms of showers as polynomials in the logarithm of the energy, in units of the mean distance of its light.

    **Gradients**: right and smooth to all orders. **Reference**: showers of the built-in engine, `provenance` in the file.
    """

    log_gaps: Float[Array, "many_terms depths"]
    mixing: Float[Array, "terms depths depths"]
    delay: Float[Array, "terms nodes"]
    log_delay_rms: Float[Array, "few_terms nodes"]
    turns: Float[Array, "terms turns nodes"]
    sideways: Float[Array, "terms turns nodes"]
    log_light: Float[Array, "terms ranks angles"]
    """polynomial along the shower too"""
    within: Float[Array, "depths nodes"]
    """the same at all energies"""

    def at(self, x: Float[Array, ""], distance: Float[Array, ""]) -> ShowerForm:
        """The form at the energy that `x` scales from -1 to 1, whose light has the mean `distance` [m]."""
        terms = {field: _chebyshev(getattr(self, field), x) for field in self.__dataclass_fields__ if field != "within"}
        covered = jnp.asarray(-np.diff(np.cos(angle_edges())))
        light = jnp.exp(jnp.asarray(along_shower(self.log_light.shape[1])) @ terms["log_light"]) * covered
        light = light * (jnp.asarray(np.diff(EDGES)) / light.sum(axis=1))[:, None]
        return ShowerForm(
            jnp.log(distance) + terms["log_gaps"],
            terms["mixing"],
            self.within,
            terms["delay"],
            jnp.exp(terms["log_delay_rms"]),
            terms["turns"],
            distance * terms["sideways"],
            light,
        )


def along_shower(ranks: int) -> np.ndarray:
    """Values of the first Legendre polynomials at the nodes (nodes, ranks)."""
    return np.polynomial.legendre.legvander((np.arange(NODES) + 0.5) / NODES * 2.0 - 1.0, ranks - 1)


def _chebyshev(series: Array, x: Array) -> Array:
    """The value of a Chebyshev series whose terms are on the first axis."""
    one, two = jnp.zeros_like(series[0]), jnp.zeros_like(series[0])
    for term in series[:0:-1]:
        one, two = term + 2.0 * x * one - two, one
    return series[0] + x * one - two


def load_shower_light(particle: str) -> ShowerLight:
    """The light of showers in water that ships with the package, in the precision that JAX works in.

    Raises `LampyrisError` for a particle that makes no shower.
    """
    if particle not in SHOWERS:
        fail_unknown("shower of the particle", particle, SHOWERS)
    return _load(particle, jax.dtypes.canonicalize_dtype(float).name)


@lru_cache(maxsize=8)
def _load(particle: str, precision: str) -> ShowerLight:
    """As `load_shower_light`; tables read in one precision must not meet numbers of another."""
    path = str(files("lampyris.emission") / "tables" / f"{particle}_shower.npz")
    with np.load(path, allow_pickle=False) as archive:
        if str(archive["format"]) != SHOWER_FORMAT:
            raise LampyrisError(f"{path} is of the format {archive['format']}, not {SHOWER_FORMAT}.")
        columns = {field: archive[field].astype(np.float32) for field in ShowerLight.__dataclass_fields__}
    with jax.ensure_compile_time_eval():  # it may first be asked for while a function is traced
        return ShowerLight(**{name: jnp.asarray(values, float) for name, values in columns.items()})
