"""Lamps and detectors in files, and the commands that calibrate with them."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from lampyris import LampyrisError, catalog
from lampyris.cli import app
from lampyris.data.lamps import make_lamp
from lampyris.layout import box_panels
from lampyris.shape import Box

LAMP = {"type": "isotropic", "position": [0.3, 0.1, -0.4], "wavelength": 405.0, "photons": 2e5}


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of sensors, a lamp, and an event of it."""
    place = tmp_path_factory.mktemp("calibration")
    position, normal = map(np.asarray, box_panels(Box([3.0, 3.0, 4.0]), pitch=0.8, margin=0.4))
    np.savez(place / "box.npz", position=position, normal=normal, radius=np.full(len(position), 0.2), shape="box 3 3 4")
    (place / "lamp.yaml").write_text(yaml.safe_dump(LAMP))
    words = ("--detector", place / "box.npz", "--lamp", place / "lamp.yaml", "-o", place / "flash.h5", "--json")
    made = run("simulate", *words)
    assert made.exit_code == 0, made.output
    return place


def configuration(folder, **changes):
    content = {"detector": "box.npz", "free": ["wall.reflectance"], "runs": [{"lamp": LAMP, "events": "flash.h5"}]}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content | changes))
    return path


def test_from_lamp_to_calibrated_detector(folder):
    """Calibrate with a simulated lamp, use the result as a detector, write a page; then plan."""
    result, page = folder / "calibrated.yaml", folder / "page.html"
    config = configuration(folder, start={"wall.reflectance.value": 0.08}, paths=2**15)
    done = run("calibrate", config, "-o", result, "--report", page, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    away = told["values"]["wall.reflectance"] - 0.05
    assert told["result"] == "converged"
    assert abs(away) < 4.0 * told["errors"]["wall.reflectance"]
    detector = catalog.from_file(result)
    assert float(detector.wall.reflectance.value) == pytest.approx(told["values"]["wall.reflectance"], rel=1e-6)
    assert "Goodness of fit" in page.read_text()
    assert not (folder / "calibrated.yaml.part").exists()
    again = run("simulate", "--detector", result, "--lamp", folder / "lamp.yaml", "-o", folder / "again.h5", "-q")
    assert again.exit_code == 0, again.output
    plan = folder / "plan.yaml"
    campaigns = {"weak": [LAMP | {"photons": 1e4}], "strong": [LAMP]}
    asked = {"detector": "box.npz", "free": ["wall.reflectance"], "campaigns": campaigns, "paths": 2**15}
    plan.write_text(json.dumps(asked))  # as a document without aliases, which are refused
    ranked = run("plan", plan, "--json")
    assert ranked.exit_code == 0, ranked.output
    assert [entry["name"] for entry in json.loads(ranked.stdout)["campaigns"]] == ["strong", "weak"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fre": 1}, "there is no 'fre'; nearest: free"),
        ({"detector": 5}, "detector must be a name or a file, but is 5"),
        ({"detector": "SKK"}, "Unknown detector 'SKK'"),
        ({"free": "wall"}, "free must be a list of paths"),
        ({"free": ["wall.reflectence"]}, "nearest: wall.reflectance"),
        ({"runs": []}, "runs must be a list of at least one run"),
        ({"runs": [{"lamp": LAMP}]}, "runs[0] must have 'events'"),
        ({"runs": [{"lamp": {"type": "lazer"}, "events": "flash.h5"}]}, "type must be one of isotropic, laser"),
        ({"runs": [{"lamp": LAMP | {"position": [0, 0]}, "events": "x"}]}, "position must be a list of 3 numbers"),
        ({"runs": [{"lamp": LAMP, "events": "nowhere.h5"}]}, "nowhere.h5"),
        ({"start": {"wall.colour": 1.0}}, "there is no parameter 'wall.colour'"),
        ({"start": {"wall.reflectance.value": 2.0}}, "must be between 0 and 1, but is 2"),
        ({"paths": 1.5}, "paths must be a whole number, but is 1.5"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"tracks": "muons.h5"}, "tracks must be a mapping with particle and events"),
        ({"tracks": {"particle": "mu-"}}, "tracks must have 'events'"),
        ({"tracks": {"particle": "mu-", "event": "flash.h5"}}, "there is no 'event'; nearest: events"),
        ({"tracks": {"particle": "mu", "events": "flash.h5"}}, "Unknown particle 'mu'"),
    ],
)
def test_bad_configurations(folder, changes, message):
    done = run("calibrate", configuration(folder, **changes), "-o", folder / "x.yaml")
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_detector_files_go_round(tmp_path):
    """What differs from the catalog is written and read back; a spread of each channel too."""
    import equinox as eqx

    eos, path = catalog.load("Eos"), tmp_path / "eos.yaml"
    draw = np.random.default_rng(1)
    spread = jnp.asarray(0.4 + 0.01 * draw.random(eos.sensors.count), float)
    changed = eqx.tree_at(
        lambda d: (d.sensors.transit_time_spread, d.wall.reflectance.value), eos, (spread, jnp.array(0.1))
    )
    catalog.to_file(path, changed, "Eos", {"by": "hand"})
    assert set(yaml.safe_load(path.read_text())["parameters"]) == {
        "sensors.transit_time_spread",
        "wall.reflectance.value",
    }
    read = catalog.from_file(path)
    np.testing.assert_allclose(np.asarray(read.sensors.transit_time_spread), np.asarray(spread), rtol=1e-7)
    assert float(read.wall.reflectance.value) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format: lampyris-detector-2\nbase: SK", "is of the format 'lampyris-detector-2'"),
        ("- 1\n- 2", "must hold a mapping"),
        ("a: [1, 2", "is not YAML"),
        ("a: &x [1]\nb: *x", "anchors and aliases"),
        ("a: !!python/object/apply:os.system ['true']", "is not YAML"),
        ("format: lampyris-detector-1\nbase: Eos\nparameters: {sensors.gain: [1.0]}", "must be of shape"),
        ("format: lampyris-detector-1\nbase: Eos\nparameters: {wall.reflectance.value: dark}", "must be a number"),
    ],
)
def test_damaged_detector_files(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(LampyrisError, match=message):
        catalog.from_file(path)


def test_lamps_of_mappings():
    laser = make_lamp(
        {"type": "laser", "position": [0, 0, 1], "direction": [0, 0, -1], "width": 0.1, "gaussian": False}, "l"
    )
    assert float(laser.width) == pytest.approx(0.1)
    for content, message in (
        ({"type": "laser", "position": [0, 0, 1]}, "must have a direction"),
        ({"type": "isotropic", "position": [0, 0, 1], "power": 1.0}, "there is no 'power'"),
        ({"type": "isotropic", "position": [0, 0, 1], "photons": -1}, "must be > 0"),
        (3, "must be a mapping"),
    ):
        with pytest.raises(LampyrisError, match=message):
            make_lamp(content, "lamp")
