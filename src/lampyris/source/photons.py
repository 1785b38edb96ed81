"""A given list of photons, from another program or another step."""

from collections.abc import Iterator

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._host import on_host
from lampyris._module import as_array, positive, quantity, real, unit_vector
from lampyris._random import generator
from lampyris.medium import Medium
from lampyris.rays import Rays
from lampyris.source._source import Source
from lampyris.spectrum import Spectrum


class Photons(Source):
    """Photons with given places, directions, times and wavelengths; every event holds just these."""

    position: Float[Array, "n 3"] = quantity("places", "m", real, ("n", 3), converter=as_array)
    direction: Float[Array, "n 3"] = quantity("directions of travel", "", unit_vector, ("n", 3), converter=as_array)
    time: Float[Array, " n"] = quantity("times", "ns", real, ("n",), converter=as_array)
    wavelength: Float[Array, " n"] = quantity("wavelengths", "nm", positive, ("n",), converter=as_array)

    def event(self, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """The list, thinned by `keep`."""
        count = self.time.shape[0]
        kept = generator(key).random(count) < on_host(keep, self.wavelength)
        weight = jnp.asarray(kept, self.time.dtype)
        yield Rays(self.position, self.direction, self.time, self.wavelength, weight), float(count)

    def emit(self, uniform: Float[Array, "n 4"], medium: Medium) -> Rays:
        """Photons drawn from the list with repetition, weighted to its length."""
        count = self.time.shape[0]
        index = jnp.minimum((uniform[:, 0] * count).astype(int), count - 1)
        weight = jnp.full(uniform.shape[0], count / uniform.shape[0])
        return Rays(self.position[index], self.direction[index], self.time[index], self.wavelength[index], weight)
