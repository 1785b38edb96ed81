"""Light of the shower of a single electron, positron or gamma: how it differs from the mean of many.

The light is cut along the shower into shares, each of which shines about an axis of its own. Where a share lies and how
its axis leans fluctuates from event to event in a few modes, whose amplitudes are standard normal numbers.
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

SHOWER_FORMAT = "lampyris-shower-light-1"
SHOWERS = ("e-", "e+", "gamma")
"""Particles whose showers are described."""
NODES = 32
DEPTHS, TURNS = 4, 4
"""Modes of the depths of a shower, and of the directions of its axis in each of two planes."""
LEAST_SKEW = 0.01
EDGES = np.sin(0.5 * np.pi * np.arange(NODES + 1) / NODES) ** 2
"""Shares of the light between which the nodes lie: thinner at both ends."""


class ShowerForm(NamedTuple):
    """The light of showers of one energy, its mean and its modes; lengths in metres, angles in radians."""

    distance: Float[Array, " nodes"]
    """mean distance of each share of the light along the initial direction"""
    depths: Float[Array, "depths nodes"]
    """change of the distance by one rms of each mode"""
    skew: Float[Array, " depths"]
    """width of the lognormal law of each mode: its sign and size give the longer tail"""
    delay: Float[Array, " nodes"]
    """mean of t - z/c [ns]"""
    delay_rms: Float[Array, " nodes"]
    turns: Float[Array, "turns nodes"]
    """lean of the axis by one rms of each mode"""
    sideways: Float[Array, "turns nodes"]
    """displacement across the initial direction that comes with it"""
    light: Float[Array, "nodes angles"]
    """share of all light in the bins of `angle_edges` about the own axis"""


class ShowerLight(eqx.Module):
    """The forms of showers as polynomials in the logarithm of the energy, in units of the mean distance of its light.

    **Gradients**: right and smooth to all orders. **Reference**: showers of the built-in engine, `provenance` in the file.
    """

    place: Float[Array, "terms_of_place nodes"]
    depths: Float[Array, "terms depths nodes"]
    skew: Float[Array, "few_terms depths"]
    delay: Float[Array, "terms nodes"]
    log_delay_rms: Float[Array, "few_terms nodes"]
    turns: Float[Array, "terms turns nodes"]
    sideways: Float[Array, "terms turns nodes"]
    log_light: Float[Array, "terms ranks angles"]
    """polynomial along the shower too"""

    def at(self, x: Float[Array, ""], distance: Float[Array, ""]) -> ShowerForm:
        """The form at the energy that `x` scales from -1 to 1, whose light has the mean `distance` [m]."""
        terms = {field: _chebyshev(getattr(self, field), x) for field in self.__dataclass_fields__}
        covered = jnp.asarray(-np.diff(np.cos(angle_edges())))
        light = jnp.exp(jnp.asarray(along_shower(self.log_light.shape[1])) @ terms["log_light"]) * covered
        light = light * (jnp.asarray(np.diff(EDGES)) / light.sum(axis=1))[:, None]
        return ShowerForm(
            distance * terms["place"],
            distance * terms["depths"],
            terms["skew"],
            terms["delay"],
            jnp.exp(terms["log_delay_rms"]),
            terms["turns"],
            distance * terms["sideways"],
            light,
        )


def amplitude(latent: Float[Array, " depths"], skew: Float[Array, " depths"]) -> Float[Array, " depths"]:
    """Amplitudes of mean 0 and variance 1 and lognormal law, from standard normal numbers."""
    width = jnp.where(jnp.abs(skew) < LEAST_SKEW, LEAST_SKEW, skew)
    return jnp.expm1(width * latent - 0.5 * width**2) / (jnp.sign(width) * jnp.sqrt(jnp.expm1(width**2)))


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
