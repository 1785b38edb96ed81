"""A network of sines: smooth in all its inputs and derivatives, sharp where the data are."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

FREQUENCY = 30.0
"""Factor in front of what enters every sine (the w0 of the reference)."""


class Siren(eqx.Module):
    """Layers of sines and a linear last one, with the symmetric start that keeps signals alike in all layers.

    **Gradients**: right and smooth to all orders. **Reference**: Sitzmann et al., Adv. Neural Inf. Process. Syst. 33
    (2020) 7462, arXiv:2006.09661.
    """

    weights: tuple[Array, ...]
    """(inputs, outputs) of each layer"""
    biases: tuple[Array, ...]
    """(outputs,) of each layer"""

    @classmethod
    def start(cls, sizes: tuple[int, ...], *, key: PRNGKeyArray) -> "Siren":
        """Draw the weights before training of layers of `sizes`, from inputs to outputs."""
        weights, biases = [], []
        for number, (width, after) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            bound = 1.0 / width if number == 0 else np.sqrt(6.0 / width) / FREQUENCY
            keys = jax.random.split(jax.random.fold_in(key, number))
            weights.append(jax.random.uniform(keys[0], (width, after), minval=-bound, maxval=bound))
            biases.append(jax.random.uniform(keys[1], (after,), minval=-bound, maxval=bound))
        return cls(tuple(weights), tuple(biases))

    def __call__(self, inputs: Float[Array, "n inputs"]) -> Float[Array, "n outputs"]:
        hidden = inputs
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = jnp.sin(FREQUENCY * (hidden @ weight + bias))
        return hidden @ self.weights[-1] + self.biases[-1]
