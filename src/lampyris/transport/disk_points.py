"""Points that are even over the disks of sensors, for integrals over what each disk meets."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._math import orthonormal_frame, safe_sqrt
from lampyris.sensors import Sensors
from lampyris.shape import Shape

GOLDEN_ANGLE = float(np.pi * (3.0 - np.sqrt(5.0)))


def points_of(
    sensors: Sensors, shape: Shape, points: int, blur: Float[Array, " 3"] | float = 0.0
) -> Float[Array, "sensors points 3"]:
    """Points on the wall over every disk, on a golden spiral that is turned from disk to disk.

    Every disk is as curved as the wall that it lies on. Where what is read at the points has a `blur` (the width along each
    axis [m]), ellipses are smaller than disks by so much that both together have the second moments of the disk.
    """
    number = np.arange(points) + 0.5
    angle = GOLDEN_ANGLE * number + jnp.arange(sensors.count)[:, None]
    away = np.sqrt(number / points)
    flat = sensors.position[:, None]
    for axis, side in zip(orthonormal_frame(sensors.normal), (jnp.cos(angle), jnp.sin(angle)), strict=True):
        # the mean square along an axis of a disk is a quarter of its squared radius
        half = safe_sqrt(sensors.radius**2 - 4.0 * ((axis * blur) ** 2).sum(axis=-1))
        flat = flat + (half[:, None] * away * side)[..., None] * axis[:, None]
    return shape.on_wall(flat.reshape(-1, 3)).reshape(flat.shape)
