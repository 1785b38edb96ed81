"""The definitions of resolutions, and the page that shows them."""

import json

import h5py
import numpy as np
import pytest
from scipy.stats import chi2
from typer.testing import CliRunner

from lampyris.cli import app
from lampyris.data.fits_file import FitRow, FitsWriter, read_fits, summary
from lampyris.data.hits_file import EventFile
from lampyris.fit.hit_pattern import hit_pattern
from lampyris.fit.parameters import NAMES
from lampyris.fit.resolution import FRAME, Sample, deviations, resolution

COUNT = 4000
ERROR = np.array([12.0, 0.05, 0.05, 0.05, 0.01, 0.02, 0.3])


def drawn(count=COUNT, seed=1):
    """Truths, and fits that differ from them by normal errors."""
    draw = np.random.default_rng(seed)
    truth = np.stack([*draw.uniform(-5.0, 5.0, (7, count))], axis=1)
    truth[:, 0] = draw.uniform(800.0, 1200.0, count)
    truth[:, 4] = draw.uniform(0.5, 2.6, count)
    truth[:, 5] = draw.uniform(-np.pi, np.pi, count)
    value = truth + ERROR * draw.normal(size=(count, 7))
    value[:, 5] = (value[:, 5] + np.pi) % (2.0 * np.pi) - np.pi
    return value, truth


def sample(value, truth, *, result="converged", covariance=None, particle="mu-", true_particle="mu-"):
    count = len(value)
    covariance = np.tile(np.diag(ERROR**2), (count, 1, 1)) if covariance is None else covariance
    result = (result,) * count if isinstance(result, str) else tuple(result)
    return Sample(value, covariance, truth, result, particle, (true_particle,) * count)


def test_normal_errors_come_out_as_they_went_in():
    """Quantiles of known distributions within 4 of the standard errors that are told; pulls of mean 0 and width 1."""
    told = resolution(sample(*drawn()))
    expected = {
        "vertex_q68_cm": 5.0 * np.sqrt(chi2.ppf(0.68, 3)),
        "transverse_q68_cm": 5.0 * np.sqrt(chi2.ppf(0.68, 2)),
        "longitudinal_q68_cm": 5.0 * np.sqrt(chi2.ppf(0.68, 1)),
    }
    for name, value in expected.items():
        assert abs(told[name] - value) < 4.0 * told[name.replace("q68", "q68_error")], name
    assert told["vertex_median_cm"] == pytest.approx(5.0 * np.sqrt(chi2.ppf(0.5, 3)), rel=0.04)
    assert abs(told["longitudinal_bias_cm"]) < 4.0 * told["longitudinal_bias_error_cm"]
    assert told["longitudinal_bias_error_cm"] == pytest.approx(5.0 / np.sqrt(COUNT), rel=0.05)
    for name in NAMES:
        assert abs(told["pull_mean"][name]) < 4.0 / np.sqrt(COUNT)
        assert abs(told["pull_width"][name] - 1.0) < 4.0 / np.sqrt(2.0 * COUNT)
    for name in (*NAMES, "all"):
        assert abs(told["coverage_68"][name] - 0.6827) < 4.0 * np.sqrt(0.2166 / COUNT)
    for name, columns in FRAME.items():
        assert abs(told["track_pull_rms"][name] - 1.0) < 4.0 / np.sqrt(2.0 * COUNT * len(columns)), name
        # the 68 % quantile of the size of a normal number has the variance .2166 / n over its density there squared
        assert abs(told["track_pull_q68"][name] - 1.0) < 4.0 * np.sqrt(0.2166 / COUNT / len(columns)) / 0.484, name
    assert (told["beyond_1m"], told["without_fit"], told["converged_fraction"]) == (0, 0, 1.0)


def test_parts_of_a_shift_along_the_track():
    """A shift of 3 cm along and 4 cm across the direction; a turn of the azimuth over its edge; a momentum of 2 % more."""
    truth = np.array([[1000.0, 0.0, 0.0, 0.0, np.pi / 2, np.pi - 0.001, 0.0]])
    value = truth.copy()
    along, across = np.array([np.cos(truth[0, 5]), np.sin(truth[0, 5]), 0.0]), np.array([0.0, 0.0, 1.0])
    value[0, 1:4] = 0.03 * along + 0.04 * across
    value[0, 5] = -np.pi + 0.009
    momentum = np.sqrt(1000.0 * (1000.0 + 2.0 * 105.6583755))
    value[0, 0] = np.hypot(1.02 * momentum, 105.6583755) - 105.6583755
    found = deviations(sample(value, truth))
    for name, expected in (("vertex", 5.0), ("longitudinal", 3.0), ("transverse", 4.0), ("momentum", 2.0)):
        assert getattr(found, name)[0] == pytest.approx(expected, rel=1e-6), name
    assert found.direction[0] == pytest.approx(np.degrees(0.01), rel=1e-6)
    assert found.pull[0, 5] == pytest.approx(0.5, rel=1e-6)
    # .03 m along and .04 m up against errors of .05; the azimuth by .01 at the equator
    np.testing.assert_allclose(found.turned_pull[0, 1:6], [0.6, -0.8, 0.0, 0.0, 0.5], atol=1e-6)
    np.testing.assert_allclose(found.own_error[0, 1:4], 0.05, rtol=1e-6)


def test_momentum_of_another_particle():
    """An electron that is fitted as a muon: each momentum with its own mass."""
    value, truth = drawn(1)
    found = deviations(sample(value, truth, true_particle="e-"))
    fitted = np.sqrt(value[0, 0] * (value[0, 0] + 2.0 * 105.6583755))
    true = np.sqrt(truth[0, 0] * (truth[0, 0] + 2.0 * 0.51099895))
    assert found.momentum[0] == pytest.approx(100.0 * (fitted / true - 1.0), rel=1e-9)


def test_no_event_is_left_out():
    value, truth = drawn(100)
    value[:20] = np.nan
    results = ["failed"] * 20 + ["too few hits"] * 20 + ["not converged"] * 10 + ["converged"] * 50
    value[40, 1:4] += 2.0  # far away, and still counted with its number
    told = resolution(sample(value, truth, result=results))
    assert told["vertex_q68_cm"] == np.inf
    assert np.isfinite(told["vertex_median_cm"])
    assert (told["with_truth"], told["without_fit"], told["beyond_1m"], told["with_errors"]) == (100, 40, 41, 60)
    assert told["results"] == {"converged": 50, "failed": 20, "not converged": 10, "too few hits": 20}
    unknown = truth.copy()
    unknown[:40] = np.nan
    assert np.isfinite(resolution(sample(value, unknown, result=results))["vertex_q68_cm"])


def test_errors_that_are_too_small_show():
    value, truth = drawn()
    told = resolution(sample(value, truth, covariance=np.tile(np.diag(ERROR**2) / 4.0, (COUNT, 1, 1))))
    assert told["pull_width"]["x"] == pytest.approx(2.0, abs=8.0 / np.sqrt(2.0 * COUNT))
    assert told["coverage_68"]["x"] == pytest.approx(0.3829, abs=4.0 * np.sqrt(0.2363 / COUNT))


def events_of(folder):
    """What a writer asks of a file of events."""
    return EventFile(folder / "events <b>&.h5", "tank <i>", 6, "some", {}, np.zeros(1, int))


def fits_file(folder, count, *, known=True):
    value, truth = drawn(count)
    writer = FitsWriter(folder / "fits.h5", events_of(folder), "mu-", command="lampyris <script>")
    for event in range(count):
        if event == 3:
            row = FitRow.of(event, None, None, result="unusable", note="time <u> is bad", seconds=0.0)
            row = row._replace(truth=truth[event], true_particle="mu-") if known else row
        else:
            told = {"hits": 300.0, "iterations": 9.0, "seconds": 0.5, "true_wall_distance": 1.0 + event % 3}
            true = truth[event] if known else np.full(7, np.nan)
            numbers = (event, value[event], ERROR, np.diag(ERROR**2), -900.0, "converged", true)
            row = FitRow(*numbers, "mu-" if known else "", "", told)
        writer.append(row)
    writer.finish()
    return folder / "fits.h5"


def report(path, *words):
    done = CliRunner().invoke(app, ["report", str(path), *words])
    assert done.exit_code == 0, done.output
    return done.stdout, path.with_suffix(".html").read_text()


def check_page(text):
    """Names are escaped, and nothing is loaded."""
    assert "events &lt;b&gt;&amp;.h5" in text
    for forbidden in ("<b>", "<script", "<i>", "<u>", "http://", "https://", "url(", "nan"):
        assert forbidden not in text.replace('http-equiv="Content-Security-Policy"', ""), forbidden
    assert text.count("src=") == text.count('src="data:image/png;base64,')


def test_report_with_truth(tmp_path):
    path = fits_file(tmp_path, 60)
    out, text = report(path, "--json")
    check_page(text)
    told = json.loads(out)
    assert told["results"] == {"converged": 59, "unusable": 1}
    assert (told["seconds_per_event"], told["iterations_median"], told["beyond_1m"]) == (0.5, 9.0, 1)
    assert {name: told[name] for name in ("vertex_q68_cm", "pull_width")} == {
        name: summary(read_fits(path))[name] for name in ("vertex_q68_cm", "pull_width")
    }
    for title in ("Resolution", "Parameters", "Pulls", "Errors against energy", "What was fitted", "Notes"):
        assert f"<h2>{title}" in text, title
    assert "time &lt;u&gt; is bad" in text


def test_report_without_truth(tmp_path):
    out, text = report(fits_file(tmp_path, 30, known=False))
    check_page(text)
    assert "30 events: 29 converged, 1 unusable" in out
    assert "What was fitted" in text
    assert "Resolution" not in text


def test_report_of_nothing(tmp_path):
    told, text = report(fits_file(tmp_path, 0), "--json")
    assert json.loads(told)["events"] == 0
    assert "0 events" in text
    bad = CliRunner().invoke(app, ["report", str(tmp_path / "no.h5")])
    assert bad.exit_code == 2
    assert "does not exist" in bad.stderr
    same = CliRunner().invoke(app, ["report", str(tmp_path / "fits.h5"), "-o", str(tmp_path / "fits.h5")])
    assert same.exit_code == 2
    assert "must be a file of its own" in same.stderr


def test_files_of_the_first_version_are_read(tmp_path):
    path = fits_file(tmp_path, 10)
    newest = summary(read_fits(path))
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = np.int64(1)
        for name in ("fit/note", "truth/particle", "statistics"):
            del file[name]
    oldest = summary(read_fits(path))
    assert oldest == {name: value for name, value in newest.items() if name in oldest}
    assert set(newest) - set(oldest) == {"seconds_per_event", "fit_seconds", "iterations_median", "iterations_95"}
    assert oldest["vertex_q68_cm"] == resolution(read_fits(path).sample)["vertex_q68_cm"]
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = np.int64(3)
    bad = CliRunner().invoke(app, ["report", str(path)])
    assert "of version 3 of lampyris-fits; this lampyris reads version 1 and 2" in bad.stderr


def test_hit_pattern_is_standard_where_the_prediction_holds():
    """Mean 0 and width 1 over 400 events within 4 standard errors; light in the wrong place shows at once."""
    draw = np.random.default_rng(3)
    expected = draw.exponential(1.0, 500)
    found = [hit_pattern(expected, draw.poisson(expected) > 0) for _ in range(400)]
    assert abs(np.mean(found)) < 4.0 / np.sqrt(400)
    assert abs(np.std(found) - 1.0) < 4.0 / np.sqrt(800)
    assert hit_pattern(expected[::-1], draw.poisson(expected) > 0) > 5.0
    assert np.isnan(hit_pattern(np.zeros(0), np.zeros(0, bool)))
