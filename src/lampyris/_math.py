"""Small vector algebra whose gradients stay finite where a plain formula would divide by zero."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.polynomial import Chebyshev, Polynomial

AT_POLE = 1e-8
"""Squared sine below which a direction counts as the pole itself"""
ANGLE_OVER_ROOT = (
    Chebyshev.interpolate(lambda u: 2.0 * np.arcsin(np.sqrt(0.5 * u)) / np.sqrt(2.0 * u), 8, domain=[0.0, 1.0])
    .convert(kind=Polynomial, domain=[-1.0, 1.0])
    .coef.tolist()
)
"""The angle over the root of twice its 1 - cosine u, in powers of u up to a right angle, to 3e-9"""


def dot(a: Array, b: Array) -> Array:
    """Scalar product over the last axis."""
    return jnp.sum(a * b, axis=-1)


def safe_sqrt(x: Array) -> Array:
    """Square root with zero value and zero gradient where `x <= 0`."""
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def angle_of(versine: Array) -> Array:
    """The angle between 0 and pi [rad] whose 1 - cosine is given. **Gradients**: right, and zero at both ends.

    A polynomial, as compilers make loops out of it and not out of inverse functions.
    """
    acute = versine < 1.0
    u = jnp.where(acute, versine, 2.0 - versine)
    series = jnp.zeros_like(u)
    for coefficient in reversed(ANGLE_OVER_ROOT):
        series = series * u + coefficient
    angle = safe_sqrt(2.0 * u) * series
    return jnp.where(acute, angle, jnp.pi - angle)


def safe_norm(vector: Array) -> Array:
    """Length over the last axis, with zero gradient at the zero vector."""
    return safe_sqrt(dot(vector, vector))


def normalise(vector: Array) -> Array:
    """Unit vector along `vector`; a zero vector stays zero."""
    length = safe_norm(vector)
    return vector / jnp.where(length > 0, length, 1.0)[..., None]


def orthonormal_frame(axis: Float[Array, "... 3"]) -> tuple[Float[Array, "... 3"], Float[Array, "... 3"]]:
    """Two unit vectors that complete the unit vector `axis` to a right-handed frame.

    **Gradients**: right everywhere except at -z, the only direction about which the frame turns and beside which it jumps.
    **Reference**: Frisvad, J. Graph. Tools 16 (2012) 151; Duff et al., J. Comput. Graph. Tech. 6 (2017) 1.
    """
    x, y, z = axis[..., 0], axis[..., 1], axis[..., 2]
    square = x * x + y * y
    down = (z < 0) & (square < AT_POLE)
    sign = jnp.where(down, -1.0, 1.0)
    below = (z < 0) & ~down
    # 1 / (1 + z) without the difference of near numbers
    a = -jnp.where(below, (1.0 - z) / jnp.where(below, square, 1.0), 1.0 / (sign + jnp.where(below, 0.0, z)))
    b = x * y * a
    first = jnp.stack([1.0 + sign * x * x * a, sign * b, -sign * x], axis=-1)
    second = jnp.stack([b, sign + y * y * a, -y], axis=-1)
    return first, second


@jax.custom_jvp
def turn(axis: Float[Array, "... 3"], cosine: Array, azimuth: Array) -> Float[Array, "... 3"]:
    """Unit vector at the polar cosine and azimuth [rad] about the unit vector `axis`.

    **Gradients**: right for azimuths that are uniform at random. As the axis tilts, the vector is carried along without
    turning about it: what the frame of the azimuth turns by is left out, has the mean zero, and is large near -z.
    """
    first, second = orthonormal_frame(axis)
    return axis * cosine[..., None] + safe_sqrt(1.0 - cosine**2)[..., None] * _circle(first, second, azimuth)


@turn.defjvp
def _(primals, tangents):
    axis, cosine, azimuth = primals
    tilt, cosine_dot, azimuth_dot = tangents
    first, second = orthonormal_frame(axis)
    across, sine = _circle(first, second, azimuth), safe_sqrt(1.0 - cosine**2)
    # at the poles the vector does not move with the cosine, as far as its square root tells
    inverse = jnp.where(sine > 0.0, 1.0 / jnp.where(sine > 0.0, sine, 1.0), 0.0)
    along = axis - (cosine * inverse)[..., None] * across
    around = sine[..., None] * _circle(second, -first, azimuth)
    out = axis * cosine[..., None] + sine[..., None] * across
    carried = tilt * cosine[..., None] - dot(tilt, out)[..., None] * axis
    return out, carried + along * cosine_dot[..., None] + around * azimuth_dot[..., None]


def _circle(first: Array, second: Array, azimuth: Array) -> Array:
    return first * jnp.cos(azimuth)[..., None] + second * jnp.sin(azimuth)[..., None]


def mirror(direction: Float[Array, "... 3"], normal: Float[Array, "... 3"]) -> Float[Array, "... 3"]:
    """Direction after specular reflection from a plane with this normal."""
    return direction - 2.0 * dot(direction, normal)[..., None] * normal
