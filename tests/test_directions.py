"""Frames about directions, and vectors that are turned about them."""

import jax
import jax.numpy as jnp
import numpy as np

from lampyris._math import normalise, orthonormal_frame, turn


def directions(draw: np.random.Generator) -> jax.Array:
    """All over the sphere, and about -z down to 1e-7."""
    every = draw.normal(size=(4000, 3))
    aside = draw.normal(size=(4000, 2)) * 10.0 ** draw.uniform(-7.0, 0.0, (4000, 1))
    down = np.concatenate([aside, np.full((4000, 1), -1.0)], axis=1)
    poles = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
    return normalise(jnp.asarray(np.concatenate([every, down, poles]), jnp.float32))


def test_frames_are_orthonormal_and_right_handed():
    axis = directions(np.random.default_rng(1))
    first, second = orthonormal_frame(axis)
    frame = np.stack([first, second, axis], axis=1).astype(float)
    assert np.abs(frame @ frame.transpose(0, 2, 1) - np.eye(3)).max() < 2e-6
    assert (np.linalg.det(frame) > 0.99999).all()


def test_frames_go_over_the_equator_without_a_jump():
    """A frame has to jump somewhere: at -z, where few directions are, and not on the equator, which many cross."""
    angle = np.random.default_rng(2).uniform(0.0, 2.0 * np.pi, 100)
    above, below = (
        orthonormal_frame(jnp.asarray(np.stack([np.cos(angle), np.sin(angle), np.full(100, z)], axis=1)))
        for z in (1e-5, -1e-5)
    )
    assert max(float(jnp.abs(a - b).max()) for a, b in zip(above, below, strict=True)) < 1e-4


def test_turned_vectors_have_the_derivatives_of_their_mean(double_precision):
    """Of a function of the vector, averaged over even azimuths, against differences; near -z the frame would turn 1e4 times."""
    azimuth = jnp.linspace(0.0, 2.0 * jnp.pi, 64, endpoint=False)
    draw = np.random.default_rng(3)
    weights = jnp.asarray(draw.normal(size=(3, 3)))

    def mean(numbers):
        axis = normalise(numbers[:3])
        vector = turn(jnp.broadcast_to(axis, (64, 3)), jnp.full(64, numbers[3]), azimuth)
        return jnp.einsum("ni,ij,nj->n", vector, weights, vector).mean() + (vector @ weights[0]).mean()

    for axis in (draw.normal(size=3), np.array([1e-4, -2e-4, -1.0]), np.array([0.0, 0.0, 1.0])):
        at = jnp.asarray([*axis / np.linalg.norm(axis), 0.3])
        differences = [float(mean(at + step) - mean(at - step)) / 2e-5 for step in 1e-5 * jnp.eye(4)]
        np.testing.assert_allclose(jax.grad(mean)(at), differences, rtol=1e-5, atol=1e-6)
        slope = jax.jacfwd(lambda numbers: turn(normalise(numbers[:3]), numbers[3], 1.0))(at)
        assert float(jnp.abs(slope).max()) < 3.0
