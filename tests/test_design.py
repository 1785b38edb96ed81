"""Where sensors pay: information by zones, its derivatives, the best shares, the choice of places, bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lampyris as lp
from lampyris.fit.design import spread, whole
from lampyris.fit.expected import expected_errors, information_of
from lampyris.fit.problem import Problem
from lampyris.layout import box_panels
from lampyris.surface import Lambertian

SHAPE = lp.Box([4.0, 4.0, 5.0])
PLACED = box_panels(SHAPE, pitch=0.5, margin=0.25)
COUNT = len(PLACED[0])
BEAM = [
    lp.Track("mu-", energy, [x, y, z], [np.sqrt(1.0 - 2.0 * lean**2), lean, -lean], 0.0)
    for energy, x, y, z, lean in (
        (320.0, -1.2, 0.2, 0.3, 0.1),
        (400.0, -1.0, -0.3, 0.5, -0.2),
        (360.0, -0.8, 0.1, -0.6, 0.0),
    )
]


def tank() -> lp.Detector:
    medium = lp.catalog.load("SK").medium
    sensors = lp.make_sensors(*PLACED, 0.1, 0.25, surface=Lambertian(0.1), transit_time_spread=1.0, charge_spread=0.4)
    return lp.Detector(SHAPE, medium, Lambertian(0.1), sensors, name="tank")


@pytest.fixture(scope="module")
def found():
    return lp.design(tank(), 200, BEAM, figure="vertex")


@pytest.mark.slow
def test_the_bound_is_the_information_that_a_fit_has():
    """Against the curvature of the fit at the truth, averaged over events, where times of late hits count a little more."""
    detector, track = tank(), BEAM[1]
    told = information_of(track, detector, jnp.asarray(np.arange(COUNT) % 4), 4, lp.Hybrid())
    bound = {name: float(value) for name, value in expected_errors(told, jnp.ones(4)).items()}
    errors = []
    for number in range(4):
        hits = lp.simulate(detector, track, key=jax.random.key(number))
        problem = Problem(detector, hits, "mu-", lp.Hybrid())
        problem.spread_of(track)
        state = problem.model.start(track)
        scattered = problem.scattered(state)
        problem.weigh(problem.local(state, scattered, 0.0).expected)
        covariance = np.linalg.inv(problem.local(state, scattered, 0.0).curvature)
        errors.append([0.05 * np.sqrt(covariance[0, 0]), 0.2 * np.sqrt(np.trace(covariance[1:4, 1:4]))])
    energy, vertex = np.mean(errors, axis=0)
    assert 0.8 < energy / bound["energy"] < 1.25
    assert 0.8 < np.hypot(vertex, float(told.slip)) / bound["vertex"] < 1.25


@pytest.mark.slow
def test_zones_add_up_and_their_derivatives_are_those_of_differences():
    detector, track = tank(), BEAM[0]
    zone = jnp.asarray(np.arange(COUNT) % 4)
    apart = information_of(track, detector, zone, 4, lp.Hybrid())
    whole_wall = information_of(track, detector, 0 * zone, 1, lp.Hybrid())
    share = jnp.array([0.5, 0.5, 0.5, 0.5])
    one, four = expected_errors(whole_wall, share[:1]), expected_errors(apart, share)
    for name in one:
        assert float(four[name]) == pytest.approx(float(one[name]), rel=2e-3)
    slope = jax.grad(lambda at: expected_errors(apart, at)["direction"])(share)
    step = 0.05 * jnp.eye(4)[2]
    difference = (
        expected_errors(apart, share + step)["direction"] - expected_errors(apart, share - step)["direction"]
    ) / 0.1
    assert float(slope[2]) == pytest.approx(float(difference), rel=0.03)


@pytest.mark.slow
def test_the_best_share_is_better_and_follows_the_light(found):
    """No other share of the same number is better; more sensors stand where the beam's light goes."""
    assert found.result == "converged"
    assert found.ratio < 0.97
    assert len(found.chosen) == len(set(found.chosen)) == found.value.sensors.count == 200
    assert found.share.sum() == pytest.approx(200.0, rel=1e-3)
    x = np.asarray(tank().sensors.position)[:, 0]
    assert found.share[x > 1.9].mean() > 2.0 * found.share[x < -1.9].mean()
    again = lp.design(tank(), 200, BEAM, figure="direction")
    assert np.log(again.after["direction"]).mean() < np.log(found.after["direction"]).mean()
    assert np.log(found.after["vertex"]).mean() < np.log(again.after["vertex"]).mean()


def test_whole_numbers_and_places():
    """Largest remainders are rounded up, no zone gets more than it has; places of a zone lie apart."""
    number = whole(np.array([1.6, 2.0, 0.4, 1.0]), np.array([4, 2, 4, 1]), 5)
    assert number.tolist() == [2, 2, 0, 1]
    line = np.stack([np.arange(9.0), np.zeros(9), np.zeros(9)], axis=1)
    assert spread(line, np.zeros(9, int), np.array([3])).tolist() == [0, 4, 8]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"figure": "vertx"}, "Unknown figure 'vertx'; there are: direction, energy, time, vertex"),
        ({"count": 0}, "must be between 1 and the number of candidates"),
        ({"tracks": []}, "must hold at least one track"),
        (
            {"tracks": [BEAM[0], lp.Track("e-", 300.0, [0, 0, 0], [1, 0, 0])]},
            "must be of one kind of particle, but are of e-, mu-",
        ),
        ({"tracks": [lp.Track("mu-", 300.0, [9, 0, 0], [1, 0, 0])]}, "inside"),
        ({"zones": np.zeros(3)}, "must be one number for each of"),
    ],
)
def test_bad_input(changes, message):
    asked = {"count": 100, "tracks": BEAM, "figure": "vertex"} | changes
    with pytest.raises(lp.LampyrisError, match=message):
        lp.design(tank(), **asked)
