"""Delays at which light is counted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.transport.reference import Earliest
from lampyris.transport.time_nodes import Delays, TimeNodes
from lampyris.units import SPEED_OF_LIGHT


def spread(tank, delay):
    nodes = TimeNodes.of(tank, jnp.asarray(1.36), 4, 24)
    return nodes.delay, nodes.spread_over(delay)


def test_light_and_its_mean_delay_are_kept(small_tank):
    inside = np.linspace(0.0, 60.0, 41)
    nodes, share = on_host(spread, small_tank, inside)
    assert nodes[0] == 0.0
    assert (np.diff(nodes) > 0.99 * 0.5 * np.mean(small_tank.sensors.time_spread)).all()
    assert (share >= 0).all()
    np.testing.assert_allclose(share.sum(axis=0), 1.0, atol=1e-6)
    np.testing.assert_allclose(nodes @ share, inside, atol=1e-4)


def test_light_beyond_the_nodes_goes_to_the_last(small_tank):
    _, share = on_host(spread, small_tank, np.array([-3.0, 1e6]))
    np.testing.assert_allclose(share[[0, -1], [0, 1]], 1.0)


def delayed(tank, point, time):
    earliest = Earliest(jnp.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), jnp.array([2.0, 5.0]), jnp.asarray(1.36))
    delays = Delays(earliest, TimeNodes.of(tank, jnp.asarray(1.36), 4, 24))
    slope = jax.grad(lambda p: earliest.at(p[None])[0])(point)
    return earliest.at(point[None])[0], slope, delays.share(point[None], time), delays.nodes.delay


@pytest.mark.parametrize(
    ("x", "first"), [(-2.0, 2.0 + 2.0 * 1.36 / SPEED_OF_LIGHT), (3.0, 5.0 + 2.0 * 1.36 / SPEED_OF_LIGHT)]
)
def test_delays_count_from_the_first_light_of_a_place(small_tank, x, first):
    time, slope, share, nodes = on_host(delayed, small_tank, np.array([x, 0.0, 0.0]), np.array([first + 7.0]))
    assert time == pytest.approx(first, rel=1e-6)
    assert slope == pytest.approx([np.sign(x) * 1.36 / SPEED_OF_LIGHT, 0.0, 0.0], abs=1e-5)
    assert nodes @ share[:, 0] == pytest.approx(7.0, abs=1e-4)
