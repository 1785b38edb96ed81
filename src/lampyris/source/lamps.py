"""Lamps of calibration: an isotropic flash and a laser beam."""

from abc import abstractmethod
from collections.abc import Iterator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._host import on_host
from lampyris._math import safe_sqrt, turn
from lampyris._module import as_array, positive, quantity, real, unit_vector
from lampyris._random import generator
from lampyris.emission.pattern import BeamPattern, Pattern, UniformPattern
from lampyris.medium import Medium
from lampyris.rays import Rays
from lampyris.source._source import Emitters, Source
from lampyris.spectrum import Spectrum

BATCH = 2**18


class Lamp(Source):
    """A flash of one wavelength from one point; the number of photons of an event is Poisson."""

    position: eqx.AbstractVar[Float[Array, "3"]]
    wavelength: eqx.AbstractVar[Float[Array, ""]]
    photons: eqx.AbstractVar[Float[Array, ""]]
    time: eqx.AbstractVar[Float[Array, ""]]

    @abstractmethod
    def _directions(self, uniform: Float[Array, "n 2"]) -> Float[Array, "n 3"]:
        """Directions of the beam from two uniform numbers each."""

    @abstractmethod
    def _pattern(self) -> Pattern:
        """The beam in angle."""

    def _axis(self) -> Array:
        return jnp.array([0.0, 0.0, 1.0])

    def event(self, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """Photons in batches; as all have one wavelength, those that `keep` rejects are never made."""
        chance = float(np.clip(on_host(keep, self.wavelength), 0.0, 1.0))
        draw = generator(key)
        kept, rejected = (int(draw.poisson(float(self.photons) * p)) for p in (chance, 1.0 - chance))
        start = 0
        while start < kept or (start == 0 and kept == 0):
            count = min(BATCH, kept - start)
            # the last batch is small where little light is left, in few sizes
            size = BATCH if count > BATCH // 8 else BATCH // 8
            rays = _emit(self, jnp.asarray(draw.random((size, 2), np.float32)))
            alive = (jnp.arange(size) < count).astype(rays.time.dtype)
            yield rays._replace(weight=alive), float(count + (rejected if start == 0 else 0))
            start += BATCH

    def emit(self, uniform: Float[Array, "n 4"], medium: Medium) -> Rays:
        """Rays of equal weight. **Gradients**: right, pathwise, in every parameter."""
        rays = _emit(self, uniform[:, :2])
        return rays._replace(weight=rays.weight * self.photons / rays.count)

    def emitters(self, medium: Medium, detected: Spectrum) -> Emitters:
        """One point."""
        one = jnp.ones(1)
        return Emitters(
            self.position[None],
            self._axis()[None],
            self.time[None],
            0.0 * one,
            self._pattern(),
            self.wavelength[None],
            one,
        )


@eqx.filter_jit
def _emit(lamp: "Lamp", uniform: Float[Array, "n 2"]) -> Rays:
    """Rays of weight 1 from the point of the lamp."""
    direction = lamp._directions(uniform)
    ones = jnp.ones(uniform.shape[0])
    return Rays(lamp.position + 0.0 * direction, direction, lamp.time * ones, lamp.wavelength * ones, ones)


class Isotropic(Lamp):
    """A point that shines the same in every direction."""

    position: Float[Array, "3"] = quantity("where the flash is", "m", real, (3,), converter=as_array)
    wavelength: Float[Array, ""] = quantity("wavelength", "nm", positive, default=405.0, converter=as_array)
    photons: Float[Array, ""] = quantity("mean number of photons", "photons", positive, default=1e6, converter=as_array)
    time: Float[Array, ""] = quantity("time of the flash", "ns", real, default=0.0, converter=as_array)

    def _directions(self, uniform: Array) -> Array:
        axis = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), (uniform.shape[0], 3))
        return turn(axis, 1.0 - 2.0 * uniform[:, 0], 2.0 * jnp.pi * uniform[:, 1])

    def _pattern(self) -> Pattern:
        return UniformPattern(self.photons[None])


class Laser(Lamp):
    """A beam: Gaussian with the rms angle `width` in each of two axes, or uniform in a cone of the half opening `width`."""

    position: Float[Array, "3"] = quantity("where the beam starts", "m", real, (3,), converter=as_array)
    direction: Float[Array, "3"] = quantity("direction of the beam", "", unit_vector, (3,), converter=as_array)
    wavelength: Float[Array, ""] = quantity("wavelength", "nm", positive, default=405.0, converter=as_array)
    photons: Float[Array, ""] = quantity("mean number of photons", "photons", positive, default=1e6, converter=as_array)
    width: Float[Array, ""] = quantity(
        "rms angle of a Gaussian beam, half opening of a cone", "rad", positive, default=0.02, converter=as_array
    )
    time: Float[Array, ""] = quantity("time of the flash", "ns", real, default=0.0, converter=as_array)
    gaussian: bool = eqx.field(static=True, default=True)

    def _directions(self, uniform: Array) -> Array:
        u = uniform[:, 0]
        if self.gaussian:
            angle = self.width * safe_sqrt(-2.0 * jnp.log1p(-u))
            cosine = jnp.cos(jnp.minimum(angle, jnp.pi))
        else:
            cosine = 1.0 - u * (1.0 - jnp.cos(self.width))
        axis = jnp.broadcast_to(self.direction, (uniform.shape[0], 3))
        return turn(axis, cosine, 2.0 * jnp.pi * uniform[:, 1])

    def _axis(self) -> Array:
        return self.direction

    def _pattern(self) -> Pattern:
        return BeamPattern(self.photons[None], self.width, self.gaussian)
