"""The angle of a 1 - cosine: a polynomial against the inverse function."""

import jax
import jax.numpy as jnp
import numpy as np

from lampyris._math import ANGLE_OVER_ROOT, angle_of


def test_the_polynomial_is_the_angle():
    u = np.linspace(0.0, 1.0, 1001)
    series = np.polynomial.Polynomial(ANGLE_OVER_ROOT)(u)
    np.testing.assert_allclose(np.sqrt(2.0 * u) * series, np.arccos(1.0 - u), rtol=4e-9, atol=2e-8)


def test_angles_and_their_slopes_are_right_to_single_precision():
    """Over all angles; rounding a 1 - cosine near 2 leaves its angle open by the root of as much."""
    angle = np.linspace(0.0, np.pi, 2001)[1:-1]
    versine = jnp.asarray(2.0 * np.sin(0.5 * angle) ** 2, jnp.float32)
    exact = 2.0 * np.arcsin(np.sqrt(0.5 * np.asarray(versine, float)))
    found, slope = jax.vmap(jax.value_and_grad(angle_of))(versine)
    np.testing.assert_allclose(found, exact, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(slope) * np.sin(exact), 1.0, rtol=1e-5)


def test_the_ends_have_no_slope():
    ends, slopes = jax.vmap(jax.value_and_grad(angle_of))(jnp.array([0.0, 2.0]))
    np.testing.assert_allclose(ends, [0.0, np.pi], rtol=1e-6)
    assert (slopes == 0.0).all()
