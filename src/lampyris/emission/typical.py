"""The light of a track of no particular energy: what rays are drawn by, so that the same rays carry that of every energy."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

LADDER = 12
"""Energies over which light is averaged."""


def typical_light(light: Callable[[Array], Array], energy_range: tuple[float, float]) -> Array:
    """Shares of the light in the bins that `light` gives for a kinetic energy [MeV], the mean over a range.

    An energy counts by the fourth root of its light: bright tracks tell more, dim ones must not starve.
    """

    def weighted(energy: Array) -> Array:
        bins = light(energy)
        return bins / jnp.maximum(bins.sum(), 1e-30) ** 0.75

    mean = jax.lax.map(weighted, jnp.geomspace(*energy_range, LADDER)).sum(axis=0)
    return mean / mean.sum()
