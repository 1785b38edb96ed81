"""Rectangular box."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._module import as_array, positive, quantity
from lampyris.shape._shape import Shape, lattice


class Box(Shape):
    """Box centred at the origin with edges along the axes; faces: +x 0, -x 1, +y 2, -y 3, +z 4, -z 5."""

    size: Float[Array, "3"] = quantity("inner edge lengths along x, y, z", "m", positive, (3,), converter=as_array)

    def intersect(self, position: Array, direction: Array) -> tuple[Array, Array]:
        parallel = jnp.abs(direction) < 1e-12
        room = 0.5 * self.size - jnp.sign(direction) * position
        distances = jnp.maximum(room / jnp.where(parallel, 1.0, jnp.abs(direction)), 0.0)
        distances = jnp.where(parallel, jnp.inf, distances)
        axis = jnp.argmin(distances, axis=1)
        normal = -jnp.sign(direction) * (jnp.arange(3) == axis[:, None])
        return distances.min(axis=1), normal

    def face_distances(self, position: Array) -> Array:
        sides = jnp.stack([0.5 * self.size - position, 0.5 * self.size + position], axis=-1)
        return sides.reshape(*position.shape[:-1], 6)

    def on_wall(self, position: Array) -> Array:
        half = 0.5 * self.size
        axis = self.face(position) // 2
        inside = jnp.clip(position, -half, half)
        at_face = jnp.where(position > 0, half, -half)
        return jnp.where(jnp.arange(3) == axis[..., None], at_face, inside)

    def face(self, position: Array) -> Array:
        axis = jnp.argmin(0.5 * self.size - jnp.abs(position), axis=-1)
        side = jnp.take_along_axis(position, axis[..., None], axis=-1)[..., 0]
        return 2 * axis + (side <= 0)

    def face_areas(self) -> Array:
        x, y, z = self.size
        return jnp.stack([y * z, y * z, x * z, x * z, x * y, x * y])

    def half_extent(self) -> Array:
        return 0.5 * self.size

    def volume(self) -> Array:
        return jnp.prod(self.size)

    @classmethod
    def face_samples(cls, count: int) -> list[np.ndarray]:
        u, v = 2.0 * lattice(count).T - 1.0
        faces = []
        for axis in range(3):
            for side in (1.0, -1.0):
                columns = [u, v]
                columns.insert(axis, np.full(count, side))
                faces.append(np.stack(columns, axis=1))
        return faces

    def unroll(self, position: Array) -> tuple[Array, Array]:
        """The four upright faces in a row (+x, +y, -x, -y), the top face above the first, the bottom below it."""
        x, y, z = position[..., 0], position[..., 1], position[..., 2]
        a, b, c = self.size
        face, gap = self.face(position), 0.03 * self.size.max()
        step = 0.5 * (a + b) + gap
        horizontal = jnp.select([face == 2, face == 1, face == 3], [step - x, 2 * step - y, 3 * step + x], y)
        vertical = jnp.select([face == 4, face == 5], [0.5 * (a + c) + gap - x, x - 0.5 * (a + c) - gap], z)
        return horizontal, vertical
