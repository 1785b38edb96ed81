"""The light of one whole simulated event."""

from collections.abc import Iterator

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._module import as_array, quantity, real, unit_vector
from lampyris.emission.cherenkov import cherenkov_photons
from lampyris.emission.scintillation import scintillation_photons
from lampyris.medium import Medium
from lampyris.particle.steps import Steps
from lampyris.rays import Rays
from lampyris.source._source import Source
from lampyris.spectrum import Spectrum


class StepLight(Source):
    """Light of the charged steps of an event that was made at the origin along +z, carried to a vertex."""

    steps: Steps = eqx.field(static=True)
    position: Float[Array, "3"] = quantity("vertex", "m", real, (3,), converter=as_array)
    direction: Float[Array, "3"] = quantity("initial direction", "", unit_vector, (3,), converter=as_array)
    time: Float[Array, ""] = quantity("time at the vertex", "ns", real, default=0.0, converter=as_array)

    def event(self, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """Cherenkov photons of every step above the threshold in one batch, then the scintillation of all in batches."""
        steps = self.steps.moved(np.asarray(self.position), np.asarray(self.direction), float(self.time))
        yield cherenkov_photons(steps, medium, key=key, keep=keep)
        yield from scintillation_photons(steps, medium, key=jax.random.fold_in(key, 1), keep=keep)
