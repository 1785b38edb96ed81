"""Calibration with events of particles: elimination, optics from tracks and lamp together, the command, bad input."""

import json

import jax
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import lampyris as lp
from lampyris.catalog.detector_file import with_parameters
from lampyris.catalog.table import from_table
from lampyris.cli import app
from lampyris.data.fits_file import FitRow, FitsWriter
from lampyris.data.hits_file import read_events, write_events
from lampyris.data.lamps import make_lamp
from lampyris.fit.blocks import Blocks, solve
from lampyris.fit.calibrate import UNSTEADY
from lampyris.fit.calibration_problem import CalibrationSettings
from lampyris.fit.parameters import values
from lampyris.layout import box_panels

FREE = ["wall.reflectance", "sensors.surface.reflectance"]
TRUE, START = ([0.2, 0.25], [0.15, 0.35])
LAMP = {"type": "isotropic", "position": [0.0, 0.0, 0.0], "wavelength": 405.0, "photons": 3e4}
EVENTS = 2
SETTINGS = CalibrationSettings(paths=2**16)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of the sensors of a box."""
    position, normal = map(np.asarray, box_panels(lp.Box([4.0, 4.0, 5.0]), pitch=0.7, margin=0.3))
    path = tmp_path_factory.mktemp("box") / "box.npz"
    np.savez(path, position=position, normal=normal, radius=np.full(len(position), 0.25), shape="box 4 4 5")
    return path


def world(table, numbers) -> lp.Detector:
    """The box with these reflectances."""
    return with_parameters(from_table(table), changes(numbers), "world")


def changes(numbers) -> dict[str, float]:
    return {f"{name}.value": number for name, number in zip(FREE, numbers, strict=True)}


@pytest.fixture(scope="module")
def muons(table):
    """Muons of a known place and their hits."""
    draw, events, truth = np.random.default_rng(1), [], []
    for number in range(EVENTS):
        way = draw.normal(size=3)
        way /= np.linalg.norm(way)
        truth.append(lp.Track("mu-", 350.0, list(draw.uniform(-0.5, 0.5, 3) - 0.5 * way), list(way), 0.0))
        events.append(lp.simulate(world(table, TRUE), truth[-1], key=jax.random.key(number)))
    return lp.Tracks("mu-", lp.Hits.stacked(events), truth), truth


@pytest.fixture(scope="module")
def runs(table):
    """A dim lamp."""
    lamp = make_lamp(LAMP, "lamp")
    return [lp.Run(lamp, lp.simulate(world(table, TRUE), lamp, key=jax.random.key(30)))]


@pytest.fixture(scope="module")
def both(table, runs, muons):
    return lp.calibrate(world(table, START), runs, FREE, tracks=muons[0], settings=SETTINGS)


@pytest.mark.slow
def test_optics_and_tracks_are_found_together(table, runs, muons, both):
    """Two optical parameters from muons and a dim lamp together, whose errors are smaller than those of the lamp alone."""
    _, truth = muons
    alone = lp.calibrate(world(table, START), runs, FREE, settings=SETTINGS)
    for fit in (alone, both):
        assert fit.result == "converged", str(fit)
        # single muons differ from what the fit allows in known size only: errors of few events hold to a factor
        assert max(abs(pull) for pull in fit.pulls(dict(zip(FREE, TRUE, strict=True))).values()) < 5.0
    assert np.all(both.errors < alone.errors)
    assert set(both.tracks) == set(range(EVENTS))
    away = [np.linalg.norm(np.asarray(both.tracks[i].value.position) - truth[i].position) for i in range(EVENTS)]
    assert np.median(away) < 0.2
    assert both.tracks[0].covariance.shape == (7, 7)


@pytest.mark.slow
def test_the_command_finds_what_the_function_finds(table, runs, muons, both):
    """A configuration with a lamp and with events and their fits; fits of other events are refused."""
    tracks, truth = muons
    folder, detector = table.parent, world(table, TRUE)
    write_events(folder / "flash.h5", detector, [(runs[0].hits, None)])
    events = [lp.Hits(*(column[number] for column in tracks.hits)) for number in range(EVENTS)]
    for name in ("muons", "others"):
        write_events(folder / f"{name}.h5", detector, zip(events, truth, strict=True))
        fits = FitsWriter(folder / f"{name}_fits.h5", read_events(folder / f"{name}.h5"), "mu-")
        for number, track in enumerate(truth):
            fits.append(FitRow(number, values(track), np.ones(7), np.eye(7), 0.0, "converged", values(track)))
        fits.finish()
    asked = {"detector": "box.npz", "free": FREE, "start": changes(START), "paths": SETTINGS.paths}
    asked |= {"runs": [{"lamp": LAMP, "events": "flash.h5"}]}
    named = {"particle": "mu-", "events": "muons.h5", "fits": "muons_fits.h5"}
    config, result = folder / "tracks.yaml", folder / "calibrated.yaml"
    config.write_text(yaml.safe_dump(asked | {"tracks": named}))
    done = CliRunner().invoke(app, ["calibrate", str(config), "-o", str(result), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["statistics"]["tracks"] == EVENTS
    # starts in a file have nine digits, and either fit may end so far from the top
    np.testing.assert_allclose(list(told["values"].values()), both.values, rtol=0.0, atol=UNSTEADY * both.errors.min())
    np.testing.assert_allclose(list(told["errors"].values()), both.errors, rtol=0.05)
    config.write_text(yaml.safe_dump(asked | {"tracks": named | {"fits": "others_fits.h5"}}))
    refused = CliRunner().invoke(app, ["calibrate", str(config), "-o", str(folder / "x.yaml")])
    assert refused.exit_code == 2
    assert "holds fits of other events than" in refused.stderr


def test_channels_and_tracks_are_eliminated_as_one_would_solve():
    """The step and the errors against the whole system, solved at once."""
    draw = np.random.default_rng(3)
    shared, more, channels = 2, 3, 6
    matrix = draw.normal(size=(40, shared + more + channels))
    whole = matrix.T @ matrix
    whole[-channels:, -channels:] = np.diag(np.diag(whole)[-channels:] + 30.0)
    gradient = draw.normal(size=len(whole))
    blocks = Blocks(shared, channels, 1).extended(more)
    first = shared + more
    blocks.inform(np.arange(first), gradient[:first], whole[:first, :first])
    blocks.inform_of_channels(np.arange(first), gradient[first:], np.diag(whole)[first:], whole[first:, :first])
    step, inverse = solve(blocks), np.linalg.inv(whole)
    np.testing.assert_allclose(step.shared, (inverse @ gradient)[:shared], rtol=1e-5)
    np.testing.assert_allclose(step.own[:, 0], (inverse @ gradient)[first:], rtol=1e-5)
    np.testing.assert_allclose(step.covariance, inverse[:shared, :shared], rtol=1e-5)
    np.testing.assert_allclose(step.of_tracks, inverse[shared:first, shared:first], rtol=1e-5)
    np.testing.assert_allclose(step.own_covariance[:, 0, 0], np.diag(inverse)[first:], rtol=1e-5)
    answer = step.answer
    np.testing.assert_allclose(answer.to(gradient[:first], gradient[first:, None]), step.shared, rtol=1e-5)
    own = np.zeros((channels, 1, 1))
    own[:, 0, 0] = np.diag(whole)[first:]
    spread = answer.spread(whole[:first, :first], whole[first:, :first, None], own)
    np.testing.assert_allclose(spread, step.covariance, rtol=1e-5)


def test_bad_tracks(table, muons):
    tracks, truth = muons
    hits = tracks.hits
    few = hits._replace(hit=hits.hit & (np.cumsum(hits.hit, axis=1) < 5))
    outside = [lp.Track("e-", 150.0, [9.0, 0.0, 0.0], [1.0, 0.0, 0.0], 0.0), *truth[1:]]
    cases = [
        (lp.Tracks("tau", hits), FREE, "tau"),
        (lp.Tracks("e-", lp.Hits(*(column[:, 1:] for column in hits))), FREE, "`tracks` must have .* channels"),
        (lp.Tracks("e-", hits._replace(charge=-hits.charge)), FREE, "tracks: charge.* must be >= 0 pe"),
        (lp.Tracks("e-", few), FREE, "at least 20 hits, but hold none"),
        (lp.Tracks("e-", hits, truth[1:]), FREE, "one for each of 2 events, but is 1"),
        (lp.Tracks("e-", hits, outside), FREE, "inside"),
        (tracks, ["sensors.time_offset"], "must not name time offsets"),
    ]
    for bad, free, message in cases:
        with pytest.raises(lp.LampyrisError, match=message):
            lp.calibrate(world(table, TRUE), [], free, tracks=bad)
