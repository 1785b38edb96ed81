"""The whole chain in a middle-sized tank: one Geant4 muon to hits, expectation against Monte Carlo, and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lampyris as lp
from lampyris.data.events import demo_muon
from lampyris.fit.identify import Identification
from lampyris.fit.many import reconstruct_many
from lampyris.fit.problem import ROUGH_BLUR, Problem
from lampyris.fit.profile_errors import profile_errors
from lampyris.fit.reconstruct import STOPPING, stopping_energy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tank(tube_tank) -> lp.Detector:
    return tube_tank


@pytest.fixture(scope="module")
def truth() -> lp.Track:
    direction = np.array([0.8, 0.0, 0.6])
    return lp.Track("mu-", 1000.0, [-2.5, 0.5, -1.5], direction, 3.0)


@pytest.fixture(scope="module")
def event(tank, truth):
    _, steps = demo_muon()
    light = lp.StepLight(steps, truth.position, truth.direction, truth.time)
    return lp.simulate_event(tank, light, key=jax.random.key(4))


@pytest.fixture(scope="module")
def fit(tank, event):
    return lp.reconstruct(tank, event.hits, particle="mu-")


def test_light_is_counted(event):
    assert event.balance.error() == 0.0
    assert event.balance.cut_off == 0.0
    assert event.record.photoelectrons > 1000


def test_fit_finds_the_muon_from_data_alone(fit, truth):
    assert fit.result == "converged"
    assert np.linalg.norm(np.asarray(fit.value.position - truth.position)) < 0.4
    assert max(abs(pull) for pull in fit.pulls(truth).values()) < 5.0
    assert np.all(np.linalg.eigvalsh(fit.covariance) > 0)
    assert "MeV" in str(fit)


def test_a_track_that_ends_outside_is_tried_with_its_end_inside(tank, event):
    problem = Problem(tank, event.hits, "mu-")
    length = problem.profile.length
    leaving = lp.Track("mu-", 900.0, [6.0, 0.0, -1.0], [0.8, 0.0, -0.6], 3.0)
    energy = stopping_energy(problem, leaving)
    assert energy is not None
    # the wall is two metres off along x; the way there is looked for in 64 steps of the length
    step = float(length(leaving.energy)) / 64.0
    assert float(length(jnp.asarray(energy))) == pytest.approx(STOPPING * 2.5, abs=STOPPING * step + 0.01)
    assert stopping_energy(problem, lp.Track("mu-", 300.0, [6.0, 0.0, -1.0], [0.8, 0.0, -0.6], 3.0)) is None


def test_values_without_derivatives_are_those_with_them(tank, event, truth):
    problem = Problem(tank, event.hits, "mu-")
    state = problem.model.start(truth)
    scattered = problem.scattered(state)
    local = problem.local(state, scattered, ROUGH_BLUR)
    value, light = problem.rough_value(state, scattered)
    assert value == pytest.approx(local.value, rel=1e-6)
    assert light == pytest.approx(local.expected.total.sum(), rel=1e-6)
    full = problem.in_full(state, scattered)
    problem.dispersion = problem.dispersion._replace(weight=1.0)
    assert full == pytest.approx(problem.local(state, scattered, 0.0).value, rel=1e-6)


def test_errors_to_either_side_are_about_those_of_the_covariance(tank, event, fit):
    found = profile_errors(tank, event.hits, fit, ["energy", "time"])
    for name, error in (("energy", fit.error.energy), ("time", fit.error.time)):
        # the expected information is right on average, in a single event to some ten percent
        assert 0.5 < found[name].minus / error < 1.6
        assert 0.5 < found[name].plus / error < 1.6
    with pytest.raises(lp.LampyrisError, match="`names` must be of energy"):
        profile_errors(tank, event.hits, fit, ["theta"])
    with pytest.raises(lp.LampyrisError, match="must have converged"):
        profile_errors(tank, event.hits, fit._replace(result="not converged"))


def test_an_electron_explains_the_muon_less_well(tank, event, fit):
    start = lp.Track("e-", 850.0, fit.value.position, fit.value.direction, fit.value.time)
    electron = lp.reconstruct(tank, event.hits, particle="e-", start=start)
    found = Identification({"mu-": fit, "e-": electron})
    assert found.particle == "mu-"
    # the edge of the ring tells: hundreds of units, where chance gives a few
    assert found.log_ratio("mu-", "e-") > 100.0


def test_expected_charge_is_that_of_the_event(tank, truth, event):
    # the muon's own light varies by .8 %, Poisson and single-electron charge add 1.3 %, the profile's interpolation .3 %
    total = np.asarray(event.hits.charge).sum() - float(tank.sensors.dark_charge) * tank.sensors.count
    problem = Problem(tank, event.hits, "mu-")
    state = problem.model.start(truth)
    light = problem.local(state, problem.scattered(state), 0.0).expected.total.sum()
    expected = light - float(tank.sensors.dark_charge) * tank.sensors.count
    assert abs(total / expected - 1.0) < 4.0 * np.hypot(0.009, 1.08 / np.sqrt(expected))


def test_bad_events_end_with_one_line(tank, event):
    empty = lp.Hits(*(np.zeros_like(np.asarray(column)) for column in event.hits))
    with pytest.raises(lp.LampyrisError, match="at least one hit"):
        lp.reconstruct(tank, empty)
    with pytest.raises(lp.LampyrisError, match="channels"):
        lp.reconstruct(tank, lp.Hits(*(np.asarray(column)[:-1] for column in event.hits)))
    with pytest.raises(lp.LampyrisError, match="inside the detector"):
        lp.expect(tank, lp.Isotropic([0.0, 0.0, 9.0]))
    with pytest.raises(lp.LampyrisError, match="Unknown particle"):
        lp.reconstruct(tank, event.hits, particle="tau-")


def test_public_names_are_frozen():
    wanted = {
        "catalog",
        "simulate",
        "expect",
        "reconstruct",
        "Track",
        "Isotropic",
        "Laser",
        "Photons",
        "Detector",
        "Hits",
    }
    assert wanted <= set(lp.__all__)


def test_a_further_event_compiles_nothing(tank, fit):
    """Energies, widths and charges differ from event to event; functions that were compiled for one serve all."""
    other = lp.simulate(tank, lp.Track("mu-", 900.0, [2.0, -0.5, 1.0], [-0.6, 0.0, -0.8], -2.0), key=jax.random.key(8))
    compiled = []

    def listen(event: str, duration: float, **_) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        jax.jit(lambda x: x + 1)(1.0)
        assert compiled  # else it could not fail
        compiled.clear()
        assert lp.reconstruct(tank, other, particle="mu-").result == "converged"
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not compiled


def test_events_fitted_side_by_side_are_fitted_as_alone(tank, event, fit):
    """Rounding apart; and bit by bit the same whoever stands beside them, as a run that goes on later needs it."""
    other = lp.simulate(tank, lp.Track("mu-", 500.0, [2.0, -0.5, 1.0], [-0.6, 0.0, -0.8], -2.0), key=jax.random.key(8))
    nothing = lp.Hits(*(np.zeros_like(column) for column in event.hits))
    events = [(0, event.hits), (1, other), (2, nothing)]
    found = dict(reconstruct_many(tank, events, batch=2))
    assert found[2].result == "no hits"
    for number, alone in ((0, fit), (1, lp.reconstruct(tank, other))):
        beside = found[number].fit
        away = np.array(
            [float(beside.value.energy - alone.value.energy), *(beside.value.position - alone.value.position)]
        )
        error = np.sqrt(np.diagonal(alone.covariance)[:4])
        assert np.abs(away / error).max() < 0.2  # steps end where .02 of log-likelihood, .2 errors, are left
    again = dict(reconstruct_many(tank, events[1::-1], batch=2))
    for number in (0, 1):
        assert again[number].fit.log_likelihood == found[number].fit.log_likelihood
        np.testing.assert_array_equal(again[number].fit.covariance, found[number].fit.covariance)


def test_a_fit_that_starts_with_twice_the_energy_finds_back(tank, event, truth, fit):
    position = truth.position + np.array([0.3, -0.2, 0.2])
    start = lp.Track("mu-", 2000.0, position, truth.direction, truth.time)
    again = lp.reconstruct(tank, event.hits, particle="mu-", start=start)
    assert again.result == "converged"
    assert abs(again.log_likelihood - fit.log_likelihood) < 1.0
    assert abs(float(again.value.energy - fit.value.energy)) < 0.2 * fit.error.energy
