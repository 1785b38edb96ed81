"""Upright cylinder: Super-Kamiokande, Hyper-Kamiokande and their test detectors."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._math import dot, safe_norm, safe_sqrt
from lampyris._module import as_array, positive, quantity
from lampyris.shape._shape import Shape, lattice

BARREL, TOP, BOTTOM = 0, 1, 2


class Cylinder(Shape):
    """Cylinder with its axis along z, centred at the origin; faces: barrel 0, top 1, bottom 2."""

    radius: Float[Array, ""] = quantity("inner radius", "m", positive, converter=as_array)
    height: Float[Array, ""] = quantity("inner height", "m", positive, converter=as_array)

    def intersect(self, position: Array, direction: Array) -> tuple[Array, Array]:
        across, along = direction[:, :2], direction[:, 2]
        a = dot(across, across)
        upright = a < 1e-12
        b = dot(position[:, :2], across)
        c = dot(position[:, :2], position[:, :2]) - self.radius**2
        to_barrel = (safe_sqrt(b**2 - a * c) - b) / jnp.where(upright, 1.0, a)
        to_barrel = jnp.where(upright, jnp.inf, jnp.maximum(to_barrel, 0.0))
        flat = jnp.abs(along) < 1e-12
        to_cap = (0.5 * self.height - jnp.sign(along) * position[:, 2]) / jnp.where(flat, 1.0, jnp.abs(along))
        to_cap = jnp.where(flat, jnp.inf, jnp.maximum(to_cap, 0.0))
        distance = jnp.minimum(to_barrel, to_cap)
        foot = position[:, :2] + distance[:, None] * across
        foot = foot / jnp.maximum(safe_norm(foot), 1e-30)[:, None]
        barrel_normal = jnp.concatenate([-foot, jnp.zeros_like(foot[:, :1])], axis=1)
        cap_normal = jnp.stack([jnp.zeros_like(along), jnp.zeros_like(along), -jnp.sign(along)], axis=1)
        return distance, jnp.where((to_barrel < to_cap)[:, None], barrel_normal, cap_normal)

    def face_distances(self, position: Array) -> Array:
        half, z = 0.5 * self.height, position[..., 2]
        return jnp.stack([self.radius - safe_norm(position[..., :2]), half - z, half + z], axis=-1)

    def on_wall(self, position: Array) -> Array:
        on_barrel = (self.face(position) == BARREL)[..., None]
        rho = safe_norm(position[..., :2])[..., None]
        half = 0.5 * self.height
        barrel_xy = position[..., :2] * self.radius / jnp.maximum(rho, 1e-30)
        cap_xy = position[..., :2] * jnp.minimum(1.0, self.radius / jnp.maximum(rho, 1e-30))
        barrel_z = jnp.clip(position[..., 2:], -half, half)
        cap_z = jnp.sign(position[..., 2:]) * half
        return jnp.concatenate(
            [jnp.where(on_barrel, barrel_xy, cap_xy), jnp.where(on_barrel, barrel_z, cap_z)], axis=-1
        )

    def face(self, position: Array) -> Array:
        to_barrel = self.radius - safe_norm(position[..., :2])
        to_cap = 0.5 * self.height - jnp.abs(position[..., 2])
        cap = jnp.where(position[..., 2] > 0, TOP, BOTTOM)
        return jnp.where(to_barrel < to_cap, BARREL, cap)

    def face_areas(self) -> Array:
        cap = jnp.pi * self.radius**2
        return jnp.stack([2.0 * jnp.pi * self.radius * self.height, cap, cap])

    def half_extent(self) -> Array:
        return jnp.stack([self.radius, self.radius, 0.5 * self.height])

    def volume(self) -> Array:
        return jnp.pi * self.radius**2 * self.height

    @classmethod
    def face_samples(cls, count: int) -> list[np.ndarray]:
        u, v = lattice(count).T
        phi = 2.0 * np.pi * u
        barrel = np.stack([np.cos(phi), np.sin(phi), 2.0 * v - 1.0], axis=1)
        disc = np.sqrt(v)[:, None] * barrel[:, :2]
        caps = [np.column_stack([disc, np.full(count, side)]) for side in (1.0, -1.0)]
        return [barrel, *caps]

    def unroll(self, position: Array) -> tuple[Array, Array]:
        """The barrel with azimuth 0 in the middle, the top disc above it and the bottom disc below."""
        x, y, z = position[..., 0], position[..., 1], position[..., 2]
        face = self.face(position)
        gap = 0.5 * self.height + 1.03 * self.radius
        horizontal = jnp.where(face == BARREL, self.radius * jnp.arctan2(y, x), y)
        vertical = jnp.where(face == TOP, gap - x, jnp.where(face == BOTTOM, x - gap, z))
        return horizontal, vertical
