import jax
import jax.numpy as jnp
import numpy as np

CHANNELS, RAYS, BOUNCES = 9974, 20_000, 4


def test_batched_gradients_through_scan_and_segment_sum_are_right():
    """On the CPU, jax 0.10.2 gives wrong rows here without a word; the releases that the package allows must not."""
    generator = np.random.RandomState(0)
    direction = generator.normal(size=(RAYS, 3)).astype(np.float32)
    direction = jnp.asarray(direction / np.linalg.norm(direction, axis=1, keepdims=True))
    channel = jnp.asarray(generator.randint(0, CHANNELS, (BOUNCES, RAYS))).reshape(-1)
    share = jnp.asarray(generator.rand(BOUNCES, RAYS), jnp.float32)
    weights = jnp.asarray(generator.rand(2, CHANNELS), jnp.float32)
    parameters = jnp.array([60.0, 10.0, 5.0, 8.0], jnp.float32)

    def weighted_charge(parameters, weight):
        def fly(position, _):
            point = position + 20.0 * direction
            point = 20.0 * point / jnp.linalg.norm(point, axis=1, keepdims=True)
            length = jnp.linalg.norm(point - position, axis=1)
            light = share * (jnp.exp(-length / parameters[0]) * jnp.exp(-length / 80.0))[None]
            return jax.lax.stop_gradient(position), light

        _, light = jax.lax.scan(fly, jnp.tile(parameters[1:], (RAYS, 1)), jnp.arange(1))
        return weight @ jax.ops.segment_sum(light.reshape(-1), channel, num_segments=CHANNELS)

    gradient = jax.grad(weighted_charge)
    alone = np.stack([np.asarray(gradient(parameters, weight)) for weight in weights])
    together = np.asarray(jax.vmap(lambda weight: gradient(parameters, weight))(weights))
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4 * np.abs(alone).max())
