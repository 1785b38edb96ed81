"""Learning the shape of light from a table: a network of sines under the deviance of Poisson counts."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from lampyris.emission.angles import angle_edges
from lampyris.emission.light_shape import LightShape

BATCH = 4096
RATE, WARM_UP, LAST_RATE = 1e-3, 0.02, 0.005
"""Highest rate, share of the steps in which it rises to it, and the share of it that is left at the end."""
MEAN_DECAY, SQUARE_DECAY = 0.9, 0.99


class Sample(NamedTuple):
    """A table as what the training draws from."""

    light: Float[Array, "energies nodes angles"]
    """share of the light of its energy"""
    cumulative: Float[Array, " cells"]
    """of the probabilities with which cells are drawn"""
    probability: Float[Array, " cells"]
    energy: Float[Array, " energies"]
    """scaled to -1 to 1"""
    delay: Float[Array, "energies nodes"]
    delay_rms: Float[Array, "energies nodes"]

    @staticmethod
    def of(light: np.ndarray, energy: np.ndarray, delay: np.ndarray, delay_rms: np.ndarray) -> "Sample":
        """Cells are drawn by their light, by its root, and evenly, so that neither rings nor tails are neglected."""
        shares = light.ravel().astype(float) / light.sum()
        root = np.sqrt(shares)
        probability = 0.5 * shares + 0.2 * root / root.sum() + 0.3 / shares.size
        columns = (light, np.cumsum(probability), probability, energy, delay, delay_rms)
        return Sample(*(jnp.asarray(column, jnp.float32) for column in columns))


class Learner(NamedTuple):
    """The state of a training: parameters, and running means of gradients and of their squares."""

    shape: LightShape
    mean: LightShape
    square: LightShape

    @staticmethod
    def start(shape: LightShape) -> "Learner":
        """Before the first step."""
        nothing = jax.tree.map(jnp.zeros_like, shape)
        return Learner(shape, nothing, nothing)


def deviance(shape: LightShape, sample: Sample, cells: Int[Array, " n"]) -> Array:
    """Estimate of the mean over energies of the summed Poisson deviance per photon, from drawn cells."""
    energies, nodes, angles = sample.light.shape
    row, node, angle = cells // (nodes * angles), cells // angles % nodes, cells % angles
    edges = angle_edges()
    middle = jnp.asarray(0.5 * (edges[1:] + edges[:-1]), jnp.float32)[angle]
    covered = jnp.asarray(-np.diff(np.cos(edges)) / (2.0 * nodes), jnp.float32)[angle]
    place = 2.0 * node / (nodes - 1) - 1.0
    log = shape.log_intensity(sample.energy[row], place, middle) + jnp.log(covered)
    true = sample.light.ravel()[cells]
    ratio = jnp.where(true > 0, jnp.log(jnp.maximum(true, 1e-30)) - log, 0.0)
    return ((jnp.exp(log) - true + true * ratio) / sample.probability[cells]).mean() / energies


def delay_error(shape: LightShape, sample: Sample) -> Array:
    """Mean squared error of mean and rms of the delays where there is light, in units of the delay."""
    weight = sample.light.sum(axis=-1) / sample.light.sum()
    mean, rms = shape.delays(sample.energy[:, None], jnp.linspace(-1.0, 1.0, weight.shape[1])[None, :])
    square = (mean - sample.delay) ** 2 + (rms - sample.delay_rms) ** 2
    return (weight * square).sum() / shape.delay_unit**2


@partial(jax.jit, static_argnames="count")
def learn(
    learner: Learner, sample: Sample, key: PRNGKeyArray, first: Array, steps: Array, *, count: int
) -> tuple[Learner, Array]:
    """Take `count` of all `steps`, from the number `first` on; gives the mean deviance too.

    **Reference**: Kingma and Ba, arXiv:1412.6980, for the steps.
    """

    def loss(shape: LightShape, cells: Array) -> tuple[Array, Array]:
        value = deviance(shape, sample, cells)
        return value + delay_error(shape, sample), value

    def step(learner: Learner, number: Array) -> tuple[Learner, Array]:
        uniform = jax.random.uniform(jax.random.fold_in(key, number), (BATCH,), jnp.float32)
        target = (jnp.arange(BATCH) + uniform) / BATCH * sample.cumulative[-1]
        cells = jnp.minimum(jnp.searchsorted(sample.cumulative, target), sample.light.size - 1)
        gradient, value = jax.grad(loss, has_aux=True)(learner.shape, cells)
        mean = jax.tree.map(lambda m, g: m + (1.0 - MEAN_DECAY) * (g - m), learner.mean, gradient)
        square = jax.tree.map(lambda s, g: s + (1.0 - SQUARE_DECAY) * (g * g - s), learner.square, gradient)
        after = number + 1.0
        rate = _rate(number, steps) * jnp.sqrt(1.0 - SQUARE_DECAY**after) / (1.0 - MEAN_DECAY**after)
        shape = jax.tree.map(lambda p, m, s: p - rate * m / (jnp.sqrt(s) + 1e-12), learner.shape, mean, square)
        return Learner(shape, mean, square), value

    learner, values = jax.lax.scan(step, learner, first + jnp.arange(count))
    return learner, values.mean()


def _rate(number: Array, steps: Array) -> Array:
    """Size of a step: rises evenly at first, falls like half a cosine afterwards."""
    warm = jnp.maximum(WARM_UP * steps, 1.0)
    falling = 0.5 * (1.0 + jnp.cos(jnp.pi * (number - warm) / (steps - warm)))
    return RATE * jnp.where(number < warm, (number + 1.0) / warm, LAST_RATE + (1.0 - LAST_RATE) * falling)
