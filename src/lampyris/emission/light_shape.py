"""The shape of a track's light over distance and angle, learnt by networks of sines."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris.emission.angles import angle_edges
from lampyris.emission.siren import Siren

WIDTH, LAYERS = 64, 3
DELAY_WIDTH, DELAY_LAYERS = 24, 2
RING_WIDTH = np.radians(1.5)
"""About the Cherenkov angle the angle counts on this scale, far from it in the logarithm."""
SPANS = (0.04, 0.6, 1.0)
"""Half ranges of the inputs energy, distance and angle: smaller ones make the network smoother."""
DELAY_SPANS = (0.08, 0.2)
DEPTH, START, DARKEST = 5.0, -3.0, -20.0
"""The logarithm of the light is this multiple of the network's output from `START`, but not below `DARKEST`.

Without the last, light that is not there sinks to numbers of less than normal size, on which processors are slow.
"""


class LightShape(eqx.Module):
    """Light over (energy, distance, angle), not normalised, and its delay over (energy, distance).

    **Gradients**: right and smooth to all orders in the energy.
    """

    light: Siren
    delay: Siren
    ring: float = eqx.field(static=True)
    """Cherenkov angle of a fast particle [rad]"""
    delay_unit: float = eqx.field(static=True)
    """[ns]"""

    @classmethod
    def start(cls, ring: float, delay_unit: float, *, key: PRNGKeyArray) -> "LightShape":
        """Networks before training."""
        first, second = jax.random.split(key)
        light = Siren.start((3, *(WIDTH,) * LAYERS, 1), key=first)
        delay = Siren.start((2, *(DELAY_WIDTH,) * DELAY_LAYERS, 2), key=second)
        return cls(light, delay, ring, delay_unit)

    def log_intensity(self, energy: Array, place: Array, angle: Array) -> Array:
        """Logarithm of the light per solid angle in a bin; energy and number of the bin are scaled to -1 to 1, `angle` in rad."""
        far = np.arcsinh(np.array([-self.ring, np.pi - self.ring]) / RING_WIDTH)
        scaled = (2.0 * jnp.arcsinh((angle - self.ring) / RING_WIDTH) - far.sum()) / (far[1] - far[0])
        inputs = jnp.stack(jnp.broadcast_arrays(*_spanned(SPANS, energy, place, scaled)), axis=-1)
        flat = inputs.reshape(-1, inputs.shape[-1])
        return jnp.maximum(DEPTH * self.light(flat).reshape(inputs.shape[:-1]) + START, DARKEST)

    def bins(self, energy: Array, nodes: int) -> Float[Array, "nodes angles"]:
        """Light in the bins of distance and of `angle_edges`, up to a factor."""
        edges = angle_edges()
        middle = jnp.asarray(0.5 * (edges[1:] + edges[:-1]))
        covered = jnp.asarray(-np.diff(np.cos(edges)))
        place = jnp.linspace(-1.0, 1.0, nodes)[:, None]
        return jnp.exp(self.log_intensity(energy, place, middle)) * covered

    def delays(self, energy: Array, place: Array) -> tuple[Array, Array]:
        """Mean and rms of t - z/c [ns] at scaled energies and places."""
        inputs = jnp.stack(jnp.broadcast_arrays(*_spanned(DELAY_SPANS, energy, place)), axis=-1)
        found = self.delay(inputs.reshape(-1, 2)).reshape(*inputs.shape[:-1], 2)
        return self.delay_unit * found[..., 0], self.delay_unit * jax.nn.softplus(3.0 * found[..., 1] - 1.0)


def _spanned(spans: tuple[float, ...], *inputs: Array) -> list[Array]:
    """Inputs from -1 to 1 spread to their spans."""
    return [span * value for span, value in zip(spans, inputs, strict=True)]
