"""Telling particles apart: figures against closed forms, files of fits side by side, and the command."""

import csv
import json

import numpy as np
import pytest
from scipy.stats import norm
from typer.testing import CliRunner

import lampyris as lp
from lampyris.cli import app
from lampyris.data.fits_file import FitRow, FitsWriter, read_fits
from lampyris.data.hits_file import read_events, write_events
from lampyris.data.hypotheses import side_by_side
from lampyris.fit.identify import Identification
from lampyris.fit.parameters import NAMES, values
from lampyris.fit.separation import separation

TRUTH = [lp.Track(name, 500.0, [0.1, -0.2, 0.3], [0.6, 0.0, 0.8]) for name in ("mu-", "mu+", "e-", "e-")]
LIKELIHOOD = {"mu-": (-10.0, -12.0, -30.0, -20.0), "e-": (-25.0, -11.0, -14.0, np.nan)}


def test_area_under_the_curve_of_two_normal_distributions():
    draw, apart, count = np.random.default_rng(3), 1.5, 4000
    told = separation(draw.normal(apart, 1.0, count), draw.normal(0.0, 1.0, count))
    assert abs(told["auc"] - norm.cdf(apart / np.sqrt(2.0))) < 4.0 * told["auc_error"]
    assert told["distance"] == pytest.approx(apart / np.sqrt(2.0), abs=4.0 / np.sqrt(count))
    assert told["wrong_background"] == pytest.approx(0.5, abs=4.0 * 0.5 / np.sqrt(count))
    repeated = [separation(draw.normal(apart, 1.0, 200), draw.normal(0.0, 1.0, 200)) for _ in range(200)]
    spread = np.std([one["auc"] for one in repeated], ddof=1)
    # the standard error of a spread of 200 numbers is 5 %, and the formula itself holds to some percent
    assert np.mean([one["auc_error"] for one in repeated]) == pytest.approx(spread, rel=0.25)


def test_events_that_cannot_be_told_are_wrong():
    told = separation(np.array([1.0, 2.0, np.nan, 3.0]), np.array([-1.0, -2.0, -3.0, np.nan]))
    assert told["wrong_signal"] == told["wrong_background"] == 0.25
    assert told["auc"] == pytest.approx(9.0 / 16.0)
    assert separation(np.zeros(0), np.ones(3)) == {}
    sure = separation(np.ones(20) + np.arange(20), -np.ones(20))
    assert sure["auc"] == 1.0
    assert 0.01 < sure["auc_error"] < 0.05  # one of twenty


@pytest.fixture
def files(small_tank, tmp_path):
    """Fits of four events as muons and as electrons; the last has no fit as an electron."""
    events = tmp_path / "events.h5"
    nothing = np.zeros(small_tank.sensors.count, np.float32)
    write_events(events, small_tank, [(lp.Hits(nothing, nothing, nothing > 0), track) for track in TRUTH])
    made = []
    for particle, likelihood in LIKELIHOOD.items():
        made.append(tmp_path / f"{particle}.h5")
        writer = FitsWriter(made[-1], read_events(events), particle, digest="one detector")
        for number, (value, track) in enumerate(zip(likelihood, TRUTH, strict=True)):
            numbers = values(track)
            row = FitRow(number, numbers, np.ones(7), np.eye(7), value, "converged", numbers, track.particle)
            writer.append(row if np.isfinite(value) else FitRow.of(number, None, track))
        writer.finish()
    return made


def test_the_likelier_particle_is_told(files):
    found = side_by_side([read_fits(file) for file in files])
    assert found.best == ("mu-", "e-", "e-", "mu-")
    np.testing.assert_allclose(found.margin, [15.0, 1.0, 16.0, np.nan])
    told = found.summary()
    assert told["found"] == {"mu-": 2, "e-": 2}
    assert told["told"] == {"mu-": {"mu-": 1}, "mu+": {"e-": 1}, "e-": {"e-": 1, "mu-": 1}}
    figures = told["mu- or e-"]
    assert (figures["signal"], figures["background"]) == (2, 2)
    assert figures["auc"] == 0.5  # the electron without a fit counts as the surest muon


def test_the_command_writes_a_table(files, tmp_path):
    table = tmp_path / "particles.csv"
    done = CliRunner().invoke(app, ["identify", *map(str, files), "-o", str(table), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["found"] == {"mu-": 2, "e-": 2}
    rows = list(csv.DictReader(table.open()))
    assert [row["particle"] for row in rows] == ["mu-", "e-", "e-", "mu-"]
    assert float(rows[0]["margin"]) == 15.0
    text = CliRunner().invoke(app, ["identify", *map(str, files)]).output
    assert "4 events: 2 e-, 2 mu-" in text
    assert "area under the curve 0.5000" in text


def test_files_that_do_not_belong_together(files, small_tank, tmp_path):
    alone = CliRunner().invoke(app, ["identify", str(files[0])])
    assert alone.exit_code == 2
    assert "at least two that make different light" in alone.output
    twice = CliRunner().invoke(app, ["identify", str(files[0]), str(files[0])])
    assert "at least two that make different light" in twice.output
    other = tmp_path / "other.h5"
    nothing = np.zeros(small_tank.sensors.count, np.float32)
    write_events(other, small_tank, [(lp.Hits(nothing, nothing, nothing > 0), None)])
    writer = FitsWriter(tmp_path / "foreign.h5", read_events(other), "e-", digest="one detector")
    writer.append(FitRow.of(0, None, None))
    writer.finish()
    foreign = CliRunner().invoke(app, ["identify", str(files[0]), str(tmp_path / "foreign.h5")])
    assert "must be of the same events" in foreign.output


def a_fit(particle, value):
    track = lp.Track(particle, 500.0, [0.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    return lp.Fit(track, None, np.eye(7), NAMES, value, "converged", {})  # pyright: ignore[reportArgumentType]


def test_an_identification_tells_the_best():
    found = Identification({"mu-": a_fit("mu-", -20.0), "e-": a_fit("e-", -15.5), "gamma": a_fit("gamma", np.nan)})
    assert found.particle == "e-"
    assert found.fit is found.fits["e-"]
    assert found.log_ratio("mu-", "e-") == -4.5
    assert str(found).splitlines()[1].startswith("e-")
    with pytest.raises(lp.LampyrisError, match="was asked for 'pi-'"):
        found.log_ratio("pi-", "e-")
    assert Identification({"mu-": a_fit("mu-", np.nan), "e-": a_fit("e-", np.nan)}).particle == ""


def test_bad_particles(small_tank):
    nothing = np.zeros(small_tank.sensors.count, np.float32)
    hits = lp.Hits(nothing, nothing, nothing > 0)
    for particles in (("mu-",), ("mu-", "mu+"), ()):
        with pytest.raises(lp.LampyrisError, match="at least two that make different light"):
            lp.identify(small_tank, hits, particles)
    with pytest.raises(lp.LampyrisError, match="Unknown particle"):
        lp.identify(small_tank, hits, ("mu-", "tau-"))
