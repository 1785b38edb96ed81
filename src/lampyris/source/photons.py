"""A given list of photons, from another program or another step."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._module import positive, quantity, real, unit_vector
from lampyris._random import bucket
from lampyris.medium import Medium
from lampyris.rays import Rays
from lampyris.source._source import Source
from lampyris.spectrum import Spectrum


class Photons(Source):
    """Photons with given places, directions, times and wavelengths; every event holds just these."""

    position: Float[Array, "n 3"] = quantity("places", "m", real, ("n", 3))
    direction: Float[Array, "n 3"] = quantity("directions of travel", "", unit_vector, ("n", 3))
    time: Float[Array, " n"] = quantity("times", "ns", real, ("n",))
    wavelength: Float[Array, " n"] = quantity("wavelengths", "nm", positive, ("n",))

    def event(self, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """The list, thinned by `keep`."""
        count = self.time.shape[0]
        kept = jax.random.uniform(key, (count,)) < keep(self.wavelength)
        rays = Rays(self.position, self.direction, self.time, self.wavelength, kept.astype(self.time.dtype))
        yield rays.padded(bucket(count)), float(count)

    def emit(self, n: int, medium: Medium, *, key: PRNGKeyArray) -> Rays:
        """`n` photons drawn from the list with repetition, weighted to its length."""
        index = jax.random.randint(key, (n,), 0, self.time.shape[0])
        weight = jnp.full(n, self.time.shape[0] / n)
        return Rays(self.position[index], self.direction[index], self.time[index], self.wavelength[index], weight)
