"""Random numbers on the host, from the same explicit keys as everywhere else."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray


def generator(key: PRNGKeyArray) -> np.random.Generator:
    """A NumPy generator that is a function of the key alone: counts and tails are drawn much faster on the host."""
    words = np.asarray(jax.random.key_data(key)).astype(np.uint64).ravel()
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words.tolist())))
