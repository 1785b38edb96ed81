"""Direct light dealt out to threads, and of channels without a hit the charges alone."""

import jax.numpy as jnp
import numpy as np
import pytest

import lampyris as lp
from lampyris.fit.lanes import LEAST, in_lanes, lanes_of
from lampyris.fit.model import MeanTrack
from lampyris.fit.objective import direct_part


@pytest.mark.parametrize("count", [1, 100, LEAST, 5 * LEAST + 3])
def test_every_channel_is_dealt_out_and_comes_back_to_its_place(count):
    lanes = lanes_of(count)
    assert set(np.asarray(lanes).ravel().tolist()) == set(range(count))
    back = in_lanes(lambda lane: {"squares": lane**2}, lanes, count)
    np.testing.assert_array_equal(back["squares"], np.arange(count) ** 2)


def test_an_error_in_a_lane_is_an_error():
    def fails(lane):
        raise ValueError("no light")

    with pytest.raises(ValueError, match="no light"):
        in_lanes(fails, jnp.arange(6).reshape(2, 3), 6)


def test_channels_without_a_hit_have_their_charges_alone(tube_tank):
    """In two lanes, against all in one piece: charges everywhere, times where there are hits, and no others."""
    count = tube_tank.sensors.count
    draw = np.random.default_rng(0)
    hit, time = jnp.asarray(draw.random(count) < 0.3), jnp.asarray(draw.uniform(10.0, 40.0, count), jnp.float32)
    model = MeanTrack()
    state = model.start(lp.Track("pi+", 400.0, [0.5, 0.2, -1.0], [0.0, 0.6, 0.8], 1.0))

    def part(*few):
        return direct_part(model, state, time, tube_tank, jnp.zeros(()), *few)

    whole = part()
    lanes = jnp.arange(count).reshape(-1, 2).T
    found = in_lanes(lambda lane: part(hit, lane), lanes, count)
    scale = np.abs(np.asarray(whole.slopes)).max(axis=(0, 2))
    for of, tolerance in (
        ("rows", 1e-6 * np.abs(np.asarray(whole.rows)).max(axis=0)),
        ("slopes", 1e-5 * scale[:, None]),
    ):
        all_light, own = np.asarray(getattr(whole, of)), np.asarray(getattr(found, of))
        assert (np.abs(own - all_light)[:, 0] <= tolerance[0]).all()
        assert (np.abs(own - all_light)[hit] <= tolerance).all()
    unhit = np.asarray(found.rows)[~np.asarray(hit), 1:]
    assert (unhit == 0.0).all(axis=1).mean() > 0.5
    np.testing.assert_allclose(np.asarray(found.variance)[hit], np.asarray(whole.variance)[hit], rtol=1e-5)
