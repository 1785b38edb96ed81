"""Random numbers on the host, from the same explicit keys as everywhere else."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray
from scipy.stats import qmc


def generator(key: PRNGKeyArray) -> np.random.Generator:
    """A NumPy generator that is a function of the key alone: counts and tails are drawn much faster on the host."""
    words = np.asarray(jax.random.key_data(key)).astype(np.uint64).ravel()
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words.tolist())))


def bucket(count: int, smallest: int = 1024) -> int:
    """Size of the array that holds `count` entries: a power of four times `smallest`, so that few functions are compiled."""
    size = smallest
    while size < count:
        size *= 4
    return size


def evenly_spread(count: int, dimensions: int, seed: int) -> Array:
    """Quasi-random points: the sequence of Sobol, scrambled; `count` is rounded up to a power of two.

    **Reference**: Owen, J. Complexity 14 (1998) 466.
    """
    power = max(int(np.ceil(np.log2(count))), 9)
    points = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random_base2(power)
    return jnp.asarray(np.minimum(points, 1.0 - 2.0**-24), float)
