"""A particle that stops within some centimetres of scintillator: each kind of its light comes from one point."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris.emission.mean_light import CHERENKOV_EDGES
from lampyris.emission.pattern import RingPattern
from lampyris.emission.profile import ProfileNodes
from lampyris.emission.step_table import MeanSteps
from lampyris.medium import Medium
from lampyris.source.track_light import CherenkovLight, ScintillationLight


class ScintillationPoint(ScintillationLight):
    """The mean scintillation of a particle from one point; `position` and `time` are those of its mean deposit."""

    def _light(self, medium: Medium) -> tuple[MeanSteps, Float[Array, " nodes"]]:
        steps, light = super()._light(medium)
        _, _, rms = middle(steps, steps.deposit.sum(axis=1))
        deposit, path = (table.sum(axis=0, keepdims=True) for table in (steps.deposit, steps.path))
        at = jnp.zeros(1)
        return MeanSteps(at, at, rms[None], deposit, path), light.sum(keepdims=True)


class CherenkovPoint(CherenkovLight):
    """The mean Cherenkov light of a particle from one point; `position` and `time` are those of its mean deposit."""

    def _nodes(self, medium: Medium) -> ProfileNodes:
        steps, nodes = self._steps(medium), super()._nodes(medium)
        light = nodes.light.sum(axis=0, keepdims=True)
        distance, time, _ = middle(steps, steps.deposit.sum(axis=1))
        own_distance, own_time, rms = middle(nodes, nodes.light.sum(axis=1))
        pattern = RingPattern.of_bins(light, CHERENKOV_EDGES)
        return ProfileNodes((own_distance - distance)[None], (own_time - time)[None], rms[None], pattern, light)


def middle(nodes: MeanSteps | ProfileNodes, weight: Float[Array, " nodes"]) -> tuple[Array, Array, Array]:
    """Weighted means of the distance [m] and the time [ns] of all bins, and the rms of the time."""
    share = weight / weight.sum()
    distance, time = share @ nodes.distance, share @ nodes.time
    variance = share @ (nodes.time_rms**2 + (nodes.time - time) ** 2)
    return distance, time, jnp.sqrt(variance)
