"""A given list of photons, from another program or another step."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._checks import fail_outside, is_concrete
from lampyris._host import on_host
from lampyris._module import as_array, positive, quantity, real, unit_vector
from lampyris._random import bucket, generator
from lampyris.medium import Medium
from lampyris.particle.steps import rotation_from_z
from lampyris.rays import Rays
from lampyris.shape import Shape
from lampyris.source._source import Source
from lampyris.spectrum import Spectrum

BATCH = 2**18
"""Photons that are handed on at once."""


class Photons(Source):
    """Photons with given places, directions, times and wavelengths; every event holds just these."""

    position: Float[Array, "n 3"] = quantity("places", "m", real, ("n", 3), converter=as_array)
    direction: Float[Array, "n 3"] = quantity("directions of travel", "", unit_vector, ("n", 3), converter=as_array)
    time: Float[Array, " n"] = quantity("times", "ns", real, ("n",), converter=as_array)
    wavelength: Float[Array, " n"] = quantity("wavelengths", "nm", positive, ("n",), converter=as_array)

    def moved(self, position, direction, time: float) -> "Photons":
        """The event carried so that its origin comes to a place [m], +z to a direction (unit), 0 to a time [ns]."""
        rotation = rotation_from_z(np.asarray(direction, dtype=float))
        place = np.asarray(self.position, float) @ rotation.T + np.asarray(position, dtype=float)
        turned = np.asarray(self.direction, float) @ rotation.T
        return Photons(place, turned, np.asarray(self.time) + time, self.wavelength)  # pyright: ignore[reportArgumentType]

    def event(self, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """The list in batches, thinned by `keep`; sizes are few, so that lists of any length compile few functions."""
        draw = generator(key)
        columns = [np.asarray(column) for column in (self.position, self.direction, self.time, self.wavelength)]
        for start in range(0, len(columns[2]), BATCH):
            batch = [column[start : start + BATCH] for column in columns]
            count = len(batch[2])
            position, direction, time, wavelength = (_padded(column, bucket(count)) for column in batch)
            kept = draw.random(bucket(count)) < on_host(keep, wavelength)
            kept[count:] = False
            weight = jnp.asarray(kept, self.time.dtype)
            position, direction = jnp.asarray(position), jnp.asarray(direction)
            yield Rays(position, direction, jnp.asarray(time), jnp.asarray(wavelength), weight), float(count)

    def check_inside(self, shape: Shape) -> None:
        """Raise `LampyrisError` if a photon starts outside the detector."""
        if not is_concrete(self.position) or not is_concrete(shape.half_extent()):
            return
        position = np.asarray(self.position)
        for start in range(0, len(position), BATCH):
            batch = position[start : start + BATCH]
            depth = on_host(shape.signed_distance, _padded(batch, bucket(len(batch))))[: len(batch)]
            if not np.all(depth > 0):
                fail_outside("Photons(position=...)", batch[np.argmin(depth)])

    def emit(self, uniform: Float[Array, "n 4"], medium: Medium) -> Rays:
        """Photons drawn from the list with repetition, weighted to its length."""
        count = self.time.shape[0]
        index = jnp.minimum((uniform[:, 0] * count).astype(int), count - 1)
        weight = jnp.full(uniform.shape[0], count / uniform.shape[0])
        return Rays(self.position[index], self.direction[index], self.time[index], self.wavelength[index], weight)


def _padded(column: np.ndarray, size: int) -> np.ndarray:
    """The column and copies of its last row, `size` in all."""
    return np.pad(column, [(0, size - len(column))] + [(0, 0)] * (column.ndim - 1), mode="edge")
