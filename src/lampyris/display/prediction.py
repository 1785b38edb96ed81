"""What the model expects of a track in every channel, for comparison with the hits."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from lampyris.detector import Detector
from lampyris.simulate import expect
from lampyris.source import Track
from lampyris.transport import Expectation

HALVINGS = 24
"""Halvings of the read-out window in the search for the median: 1200 ns come down to less than 1 ps."""


class Prediction(NamedTuple):
    """Expected charge [pe] and median first-hit time [ns] per channel, and the name of the track they are of."""

    of: str
    charge: np.ndarray
    time: np.ndarray


def predict(detector: Detector, track: Track, of: str) -> Prediction:
    """The prediction of a track: with dark noise, and the times of the first of all photoelectrons of a channel."""
    charge, time = _summary(expect(detector, track), detector.sensors.window)
    return Prediction(of, np.asarray(charge), np.asarray(time))


@eqx.filter_jit
def _summary(expected: Expectation, window: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Charge, and where half of the probability of the first hit has passed, given that there is one."""
    total = expected.total_charge
    wanted = -jnp.log1p(-0.5 * -jnp.expm1(-total))  # expected photoelectrons until then

    def halve(_, ends):
        low, high = ends
        middle = 0.5 * (low + high)
        early = expected.density_and_cumulative(middle)[1] < wanted
        return jnp.where(early, middle, low), jnp.where(early, high, middle)

    ends = jnp.full(total.shape, window[0]), jnp.full(total.shape, window[1])
    low, high = jax.lax.fori_loop(0, HALVINGS, halve, ends)
    return total, 0.5 * (low + high)
