"""Random numbers on the host, from the same explicit keys as everywhere else."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray


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
