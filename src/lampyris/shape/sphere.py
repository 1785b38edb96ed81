"""Sphere: JUNO, TAO."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._math import dot, safe_norm, safe_sqrt
from lampyris._module import as_array, positive, quantity
from lampyris.shape._shape import Shape, lattice


class Sphere(Shape):
    """Sphere about the origin; its wall is one face."""

    radius: Float[Array, ""] = quantity("inner radius", "m", positive, converter=as_array)

    def intersect(self, position: Array, direction: Array) -> tuple[Array, Array]:
        b = dot(position, direction)
        c = dot(position, position) - self.radius**2
        distance = jnp.maximum(safe_sqrt(b**2 - c) - b, 0.0)
        foot = position + distance[:, None] * direction
        return distance, -foot / jnp.maximum(safe_norm(foot), 1e-30)[:, None]

    def face_distances(self, position: Array) -> Array:
        return (self.radius - safe_norm(position))[..., None]

    def on_wall(self, position: Array) -> Array:
        return position * (self.radius / jnp.maximum(safe_norm(position), 1e-30))[..., None]

    def face(self, position: Array) -> Array:
        return jnp.zeros(position.shape[:-1], int)

    def face_areas(self) -> Array:
        return (4.0 * jnp.pi * self.radius**2)[None]

    def half_extent(self) -> Array:
        return jnp.stack([self.radius] * 3)

    def volume(self) -> Array:
        return 4.0 / 3.0 * jnp.pi * self.radius**3

    @classmethod
    def face_samples(cls, count: int) -> list[np.ndarray]:
        u, v = lattice(count).T
        phi, z = 2.0 * np.pi * u, 2.0 * v - 1.0
        rho = np.sqrt(1.0 - z**2)
        return [np.stack([rho * np.cos(phi), rho * np.sin(phi), z], axis=1)]

    def unroll(self, position: Array) -> tuple[Array, Array]:
        """Equal-area sinusoidal map: latitude upwards, longitude shrunk by the cosine of the latitude."""
        latitude = jnp.arcsin(jnp.clip(position[..., 2] / self.radius, -1.0, 1.0))
        longitude = jnp.arctan2(position[..., 1], position[..., 0])
        return self.radius * longitude * jnp.cos(latitude), self.radius * latitude
