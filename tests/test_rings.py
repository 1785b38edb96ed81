"""Several rings of one vertex: the common likelihood, the search, the fit, and the table and command of many events."""

import json

import jax
import numpy as np
import pytest
from _together import together
from typer.testing import CliRunner

import lampyris as lp
from lampyris._checks import LampyrisError
from lampyris._host import on_host
from lampyris.cli import app
from lampyris.data.hits_file import read_events, write_events
from lampyris.data.rings_table import RingsWriter, read_rings
from lampyris.emission import load_profile
from lampyris.fit.model import MeanTrack, OwnShower
from lampyris.fit.ring_scan import RingScan
from lampyris.fit.ring_search import find_rings
from lampyris.fit.rings import RingsFit, count_rings, reconstruct_rings
from lampyris.fit.rings_problem import RingsProblem, Ties
from lampyris.particle.kind import KINDS

PLACE, TIME = [0.4, -0.3, -1.5], 2.0
WAYS = np.array([[0.6, 0.0, 0.8], [-0.6, 0.48, 0.64]])
TRUTH = [lp.Track("e-", energy, PLACE, way, TIME) for energy, way in zip((320.0, 240.0), WAYS, strict=True)]


@pytest.fixture(scope="module")
def tank(tube_tank) -> lp.Detector:
    return tube_tank


@pytest.fixture(scope="module")
def hits(tank) -> lp.Hits:
    """Two electrons in one event."""
    return together(*(lp.simulate(tank, track, key=jax.random.key(number)) for number, track in enumerate(TRUTH)))


@pytest.fixture(scope="module")
def problem(tank, hits) -> RingsProblem:
    return RingsProblem(tank, hits, ["e-", "e-"])


@pytest.fixture(scope="module")
def fit(tank, hits) -> RingsFit:
    return reconstruct_rings(tank, hits, ["e-", "e-"])


def test_ties_share_vertex_and_time_alone():
    ties = Ties([MeanTrack(), OwnShower()])
    size = OwnShower.size
    assert ties.matrix.shape == (7 + size, 7 + size - 4)
    assert (ties.matrix.sum(axis=1) == 1.0).all()
    np.testing.assert_array_equal(ties.matrix.sum(axis=0), [1, 2, 2, 2, 1, 1, 2, *[1] * (size - 4)])
    first, second = ties.of_tracks(np.arange(10.0))
    np.testing.assert_array_equal(first, np.arange(7.0))
    np.testing.assert_array_equal(second[:7], [7.0, 1.0, 2.0, 3.0, 8.0, 9.0, 6.0])
    assert (second[7:] == 0.0).all()


def test_each_track_learns_what_is_known_of_its_own_shower(tank, hits):
    problem = RingsProblem(tank, hits, ["e-", "e-"])
    ties, own = problem.ties, OwnShower.size - 7
    variance = np.random.default_rng(4).uniform(0.1, 0.9, ties.matrix.shape[1])
    problem.learn(np.diag(1.0 / variance))
    for number, model in enumerate(problem.models):
        first = ties.plain + own * number
        np.testing.assert_allclose(
            model.unknown, np.diag(variance[first : first + OwnShower.plain]), rtol=1e-5, atol=1e-7
        )
        assert (np.asarray(model.sharp().unknown) == 0.0).all()
    problem.learn(-np.diag(variance))  # of a curvature that is none, nothing is learnt
    assert float(problem.models[0].unknown[0, 0]) == pytest.approx(variance[ties.plain], rel=1e-5)


def test_slopes_of_the_common_likelihood(problem):
    """Against finite differences of its value; the sum of terms is single precision, so steps are a tenth of an error."""
    state = problem.start(TRUTH)
    scattered = problem.scattered(state)
    problem.weigh(problem.local(state, scattered, 0.0).expected)
    local = problem.local(state, scattered, 0.0)
    errors = 1.0 / np.sqrt(np.diag(local.curvature))
    for place in (0, 1, 5, 6, 7, 9, problem.ties.plain + 1, len(errors) - 1):
        step = 0.3 * errors[place] * (np.arange(len(errors)) == place)
        there = [problem.local(problem.move(state, side * step), scattered, 0.0).value for side in (1.0, -1.0)]
        slope = (there[0] - there[1]) / (2.0 * 0.3)
        # in units of the error; rounding is .01, and the third derivative of a likelihood some percent
        assert slope == pytest.approx(local.gradient[place] * errors[place], abs=0.08), place


def test_charges_of_two_tracks_are_the_sums_of_each(tank, problem):
    state = problem.start(TRUTH)
    both = problem.local(state, problem.scattered(state), 0.0).expected.total
    dark = float(tank.sensors.dark_charge)
    parts = []
    for one, own in zip(problem.each, state.states, strict=True):
        parts.append(one.local(own, one.scattered(own), 0.0).expected.total - dark)
    np.testing.assert_allclose(both, sum(parts) + dark, rtol=1e-5)


def test_search_finds_two_rings(tank, hits):
    scan = RingScan(tank, hits, load_profile("e-"))
    found = find_rings(scan, np.array(PLACE) + 0.4 * WAYS.mean(axis=0), 2, lambda p: on_host(tank.shape.contains, p))
    cosine = found.directions @ WAYS.T
    assert max(cosine.diagonal().min(), cosine[::-1].diagonal().min()) > np.cos(np.radians(12.0))
    assert found.shares.sum() == pytest.approx(1.0)
    assert 0.35 < found.shares.max() < 0.75
    assert np.linalg.norm(found.position - PLACE) < 0.8


def test_search_adds_a_third_ring(tank):
    ways = np.array([[0.0, 0.0, 1.0], [0.9, 0.0, -0.4358899], [-0.6, 0.8, 0.0]])
    events = [lp.simulate(tank, lp.Track("e-", 250.0, [0.0, 0.0, 0.0], w), key=jax.random.key(5)) for w in ways]
    hits = together(*events)
    scan = RingScan(tank, hits, load_profile("e-"))
    found = find_rings(scan, np.array([0.05, 0.1, 0.1]), 3, lambda p: on_host(tank.shape.contains, p))
    assert (found.directions @ ways.T).max(axis=0).min() > np.cos(np.radians(20.0))


def test_fit_of_two_electrons(fit):
    assert fit.result == "converged"
    order = np.argsort([-(np.asarray(t.direction) @ WAYS[0]) for t in fit.tracks])
    for number, truth in zip(order, TRUTH, strict=True):
        assert max(abs(pull) for pull in fit.fits[number].pulls(truth).values()) < 4.5
    one, two = fit.tracks
    np.testing.assert_array_equal(one.position, two.position)
    assert one.time == two.time
    assert np.linalg.eigvalsh(fit.covariance).min() > 0
    assert "2 rings: The fit converged." in str(fit)


def test_mass_is_that_of_the_two(fit):
    energies = [t.energy + KINDS["e-"].mass for t in TRUTH]
    momenta = [np.sqrt(e**2 - KINDS["e-"].mass ** 2) * w for e, w in zip(energies, WAYS, strict=True)]
    true = float(np.sqrt(sum(energies) ** 2 - (sum(momenta) ** 2).sum()))
    mass, error = fit.mass
    assert abs(mass - true) < 4.0 * error
    assert 0.01 < error / mass < 0.1
    # two gammas back to back, by hand
    gammas = [lp.Track("gamma", 67.5, PLACE, [0.0, 0.6, 0.8 * side], 0.0) for side in (1.0, -1.0)]
    known = fit._replace(fits=tuple(f._replace(value=t) for f, t in zip(fit.fits, gammas, strict=True)))
    assert known.mass[0] == pytest.approx(2.0 * 67.5 * np.sqrt(0.5 * (1.0 - (0.36 - 0.64))), rel=1e-5)


def test_the_likelihood_counts_the_rings(tank, hits, fit):
    found = count_rings(tank, hits, "e-", most=2)
    assert len(found) == 2
    assert found[1].log_likelihood == pytest.approx(fit.log_likelihood, abs=0.1)
    assert found[1].log_likelihood - found[0].log_likelihood > 50.0
    single = lp.simulate(tank, TRUTH[0], key=jax.random.key(7))
    assert len(count_rings(tank, single, "e-", most=2)) == 1


def test_bad_input(tank, hits):
    with pytest.raises(LampyrisError, match="at least two"):
        reconstruct_rings(tank, hits, ["gamma"])
    with pytest.raises(LampyrisError, match="`start` must be tracks of gamma, gamma"):
        reconstruct_rings(tank, hits, ["gamma", "gamma"], start=TRUTH)
    few = lp.Hits(hits.charge, hits.time, np.asarray(hits.hit) & (np.arange(len(hits.hit)) < 20))
    fit = reconstruct_rings(tank, few)
    assert fit.result == "too few hits"
    assert str(fit).count("\n") == 0
    with pytest.raises(LampyrisError, match="most"):
        count_rings(tank, hits, most=0)


def test_table_is_taken_up_after_a_row_that_is_not_whole(tank, hits, fit, tmp_path):
    events, path, names = tmp_path / "events.h5", tmp_path / "t.csv", ["e-", "e-"]
    write_events(events, tank, [(hits, None)] * 3)
    table = RingsWriter(path, read_events(events), names, digest="one")
    table.append(2, fit, result="converged")
    table.append(0, None, result="failed", note='not, "quite"')
    part = tmp_path / "t.csv.part"
    part.write_bytes(part.read_bytes() + b'{"event": 1, "cel')
    assert RingsWriter(path, read_events(events), names, digest="other").done == set()
    again = RingsWriter(path, read_events(events), names, digest="one")
    assert again.done == {0, 2}
    again.append(1, fit, result="converged")
    again.finish()
    assert not part.exists()
    rows = read_rings(path)
    assert [row["event"] for row in rows] == ["0", "1", "2"]
    assert (rows[0]["result"], rows[0]["note"], rows[0]["mass"]) == ("failed", 'not, "quite"', "")
    assert rows[1] == rows[2] | {"event": "1"}
    assert float(rows[2]["energy_2"]) == pytest.approx(float(fit.tracks[1].energy), rel=1e-6)


def test_command(tank, hits, fit, tmp_path, monkeypatch):
    from lampyris import catalog
    from lampyris.fit import many

    nothing = np.zeros(tank.sensors.count, np.float32)
    events, output = tmp_path / "events.h5", tmp_path / "rings.csv"
    write_events(events, tank, [(hits, TRUTH[0]), (lp.Hits(nothing, nothing, nothing > 0), None)])
    monkeypatch.setattr(many, "reconstruct_rings", lambda detector, given, particles: fit)
    monkeypatch.setattr(catalog, "load", lambda name: tank)
    words = ["rings", str(events), "--particles", "e-,e-", "--detector", "SK", "-o", str(output), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["results"] == {"converged": 1, "no hits": 1}
    first, second = read_rings(output)
    assert float(first["mass"]) == pytest.approx(fit.mass[0], rel=1e-5)
    assert float(first["energy_error_2"]) > 0.0
    assert (second["result"], second["energy_1"]) == ("no hits", "")
    bad = CliRunner().invoke(app, ["rings", str(events), "--particles", "e-", "-o", str(output)])
    assert bad.exit_code == 2
    assert "at least two" in bad.output
