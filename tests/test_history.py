"""Ways of single photons: the same physics as the transport, told step by step."""

import jax
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris.source import Isotropic
from lampyris.transport import MonteCarlo, PathEvent
from lampyris.transport.history import _evenly_chosen
from lampyris.units import SPEED_OF_LIGHT

INDEX, EFFICIENCY, SOURCE = 1.33, 0.2, (0.5, -1.0, 1.5)  # of the small tank, which is constant in wavelength
COUNT = 4000
ENDS = (PathEvent.IN_MEDIUM, PathEvent.IN_WALL, PathEvent.IN_SENSOR, PathEvent.DETECTED)


def flash(photons=20_000.0):
    return Isotropic(list(SOURCE), photons=photons)


@pytest.fixture(scope="module")
def history(small_tank):
    return MonteCarlo().history(flash(), small_tank, key=jax.random.key(1), photons=COUNT)


def apart(one, two, of_one, of_two):
    """Difference of two measured probabilities in units of its standard deviation."""
    share = (one + two) / (of_one + of_two)
    return abs(one / of_one - two / of_two) / np.sqrt(share * (1.0 - share) * (1.0 / of_one + 1.0 / of_two))


def test_fates_and_turns_agree_with_the_account_of_the_transport(small_tank, history):
    arrivals, balance = MonteCarlo(lanes=2048)(flash(60_000.0), small_tank, key=jax.random.key(2))
    fate = np.bincount(history.fate, minlength=9)
    at_sensors = fate[PathEvent.IN_SENSOR] + fate[PathEvent.DETECTED]
    assert fate.sum() == fate[list(ENDS)].sum() == history.count == COUNT
    for seen, expected in (
        (at_sensors, balance.at_sensors),
        (fate[PathEvent.IN_WALL], balance.in_wall),
        (fate[PathEvent.IN_MEDIUM], balance.in_medium),
    ):
        assert apart(seen, expected, COUNT, balance.traced) < 4.0
    assert fate[PathEvent.DETECTED] == pytest.approx(
        EFFICIENCY * at_sensors, abs=4.0 * np.sqrt(EFFICIENCY * (1.0 - EFFICIENCY) * at_sensors)
    )
    ended_at_sensor = np.isin(history.fate, (PathEvent.IN_SENSOR, PathEvent.DETECTED))
    reflected = np.isin(history.events, (PathEvent.WALL_REFLECTION, PathEvent.SENSOR_REFLECTION)).sum(axis=1)
    scattered = (history.events == PathEvent.SCATTER).sum(axis=1)
    for ours, theirs in ((scattered, arrivals.scatters), (reflected, arrivals.reflections)):
        mine = ours[ended_at_sensor]
        error = np.hypot(mine.std() / np.sqrt(len(mine)), theirs.std() / np.sqrt(len(theirs)))
        assert mine.mean() == pytest.approx(theirs.mean(), abs=4.0 * error)
    assert history.emitted == pytest.approx(20_000, abs=4.0 * np.sqrt(20_000))


def test_photons_travel_at_the_speed_of_light_in_the_medium_and_stay_inside(small_tank, history):
    length = np.linalg.norm(np.diff(history.points, axis=1), axis=2)
    np.testing.assert_allclose(np.diff(history.times, axis=1), length * INDEX / SPEED_OF_LIGHT, atol=1e-3)
    assert (np.asarray(small_tank.shape.signed_distance(history.points.reshape(-1, 3))) > -1e-4).all()
    np.testing.assert_allclose(history.points[:, 0], np.broadcast_to(SOURCE, (COUNT, 3)), atol=1e-6)
    # a way has an event at the end of each piece, and rests after the last
    moving = np.arange(history.events.shape[1]) < history.pieces[:, None]
    assert ((history.events != PathEvent.NONE) == moving).all()
    assert (length[~moving] == 0.0).all()
    assert history.pieces.max() == history.events.shape[1]


def test_events_happen_where_they_are_said_to(small_tank, history):
    wall = np.asarray(small_tank.shape.signed_distance(history.points[:, 1:].reshape(-1, 3))).reshape(COUNT, -1)
    inside = np.isin(history.events, (PathEvent.SCATTER, PathEvent.IN_MEDIUM))
    assert (wall[inside] > 1e-4).mean() > 0.999
    position = np.asarray(small_tank.sensors.position)
    for event, covered in (
        (PathEvent.SENSOR_REFLECTION, True),
        (PathEvent.IN_SENSOR, True),
        (PathEvent.DETECTED, True),
        (PathEvent.WALL_REFLECTION, False),
        (PathEvent.IN_WALL, False),
    ):
        there = history.points[:, 1:][history.events == event]
        assert len(there) > 50
        assert np.abs(wall[history.events == event]).max() < 1e-4
        nearest = np.min([np.linalg.norm(there - place, axis=1) for place in position], axis=0)
        # disks are flat and the wall is curved: a point on one lies up to r^2 / 2R = 5 mm before it
        assert ((nearest < 0.2005) == covered).mean() > 0.995
    hit = history.fate == PathEvent.DETECTED
    assert ((history.channel >= 0) == hit).all()
    end = history.points[hit, -1]
    assert np.linalg.norm(end - position[history.channel[hit]], axis=1).max() < 0.202


def test_same_key_same_ways_and_what_is_cut_off_is_said(small_tank):
    short = MonteCarlo(lanes=2048, most_steps=4)
    one, two = (short.history(flash(), small_tank, key=jax.random.key(3), photons=2000) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    other = short.history(flash(), small_tank, key=jax.random.key(4), photons=2000)
    assert not np.array_equal(one.points[:, -1], other.points[:, -1])
    _, balance = short(flash(), small_tank, key=jax.random.key(5))
    assert apart((one.fate == PathEvent.CUT_OFF).sum(), balance.cut_off, 2000, balance.traced) < 4.0
    assert (one.pieces[one.fate == PathEvent.CUT_OFF] == 4).all()


def test_small_events_are_shown_whole_and_none_is_no_error(small_tank):
    few = MonteCarlo().history(flash(30.0), small_tank, key=jax.random.key(6), photons=200)
    assert few.count == few.emitted
    none = MonteCarlo().history(flash(1e-9), small_tank, key=jax.random.key(7), photons=200)
    assert (none.count, none.emitted, none.points.shape[0], none.fate.size) == (0, 0.0, 0, 0)


def test_photons_of_all_batches_are_as_likely():
    from lampyris.rays import Rays

    def batches():
        for number in range(4):
            line = np.full(500, float(number), np.float32)
            point = np.repeat(line[:, None], 3, axis=1)
            yield Rays(point, point, line, line, np.where(np.arange(500) < 400, 1.0, 0.0).astype("f4")), 400.0

    rays, emitted = _evenly_chosen(batches(), 800, np.random.default_rng(0))
    counts = np.bincount(rays.time.astype(int), minlength=4)
    assert emitted == 1600.0
    assert (rays.weight == 1.0).all()
    # 800 of 1600 without putting back: hypergeometric, standard deviation 12.2 for each batch
    np.testing.assert_allclose(counts, 200, atol=4.0 * 12.2)


def test_bad_input_is_named(small_tank):
    with pytest.raises(LampyrisError, match=r"photons=\.\.\.\)` must be >= 1"):
        MonteCarlo().history(flash(), small_tank, key=jax.random.key(0), photons=0)
    with pytest.raises(LampyrisError, match="inside the detector"):
        MonteCarlo().history(Isotropic([9.0, 0, 0]), small_tank, key=jax.random.key(0))
