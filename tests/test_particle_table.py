"""Tables of steps and photons: round trips, plain files of other programs, what is refused, and light made from them."""

import json

import h5py
import jax
import numpy as np
import pytest
from typer.testing import CliRunner

import lampyris as lp
from lampyris._checks import LampyrisError
from lampyris.cli import app
from lampyris.data._particle_columns import COLUMNS
from lampyris.data.particle_table import read_photons, read_steps
from lampyris.data.particle_writer import write_photons, write_steps
from lampyris.data.photonsim import COLUMNS as ROOT_COLUMNS
from lampyris.data.photonsim import read_photonsim
from lampyris.data.recognise import recognise
from lampyris.particle import simulate_particle
from lampyris.source.photons import Photons

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def particles():
    return [
        ("mu-", 300.0, simulate_particle("mu-", 300.0, key=jax.random.key(1))),
        ("", float("nan"), simulate_particle("e-", 20.0, key=jax.random.key(2))),
    ]


def flash(count, seed=3):
    draw = np.random.default_rng(seed)
    direction = draw.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return Photons(draw.normal(size=(count, 3)), direction, draw.random(count), draw.uniform(300.0, 600.0, count))


def columns(photons):
    return {name: np.asarray(getattr(photons, name)) for name in COLUMNS["photons"]}


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_steps_come_back(particles, tmp_path, suffix):
    path = tmp_path / f"steps{suffix}"
    assert write_steps(path, particles, command="test", seed=4) == sum(len(steps) for _, _, steps in particles)
    assert recognise(path) == "steps"
    table = read_steps(path)
    assert len(table) == 2
    for number, (name, energy, steps) in enumerate(particles):
        np.testing.assert_equal(table.particle(number), (name, energy))
        for column, values in steps.arrays().items():
            np.testing.assert_array_equal(table.steps(number).arrays()[column], values)
    with pytest.raises(LampyrisError, match=r"has no event 2; there are: 0 \.\. 1"):
        table.steps(2)


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_photons_come_back(tmp_path, suffix):
    path, made = tmp_path / f"photons{suffix}", [flash(50), flash(70, seed=5)]
    assert write_photons(path, [("e-", 10.0, photons) for photons in made]) == 120
    assert recognise(path) == "photons"
    table = read_photons(path)
    for number, photons in enumerate(made):
        assert table.particle(number) == ("e-", 10.0)
        for column, values in columns(photons).items():
            np.testing.assert_array_equal(getattr(table.photons(number), column), values)


def test_file_without_an_event_is_no_event(tmp_path):
    write_steps(tmp_path / "none.h5", [])
    assert len(read_steps(tmp_path / "none.h5")) == 0
    with pytest.raises(LampyrisError, match="there are: none"):
        read_steps(tmp_path / "none.h5").steps(0)


def test_plain_columns_of_another_program_are_events(tmp_path):
    """No header, double precision; `event` may leave numbers out and may be missing."""
    rows = {name: values.astype(float) for name, values in columns(flash(30)).items()}
    np.savez(tmp_path / "one.npz", **rows)
    assert len(read_photons(tmp_path / "one.npz")) == 1
    event = np.repeat([0, 2], [10, 20])
    with h5py.File(tmp_path / "three.h5", "w") as file:
        for name, values in (rows | {"event": event}).items():
            file[name] = values
    assert recognise(tmp_path / "three.h5") == "photons"
    table = read_photons(tmp_path / "three.h5")
    np.testing.assert_array_equal(np.diff(table.offset), [10, 0, 20])
    np.testing.assert_allclose(table.photons(2).position, rows["position"][10:], rtol=1e-6)
    with pytest.raises(LampyrisError, match="event 1 has no photons"):
        table.photons(1)


def broken(rows, name, change):
    return rows | {name: change(rows[name])}


@pytest.mark.parametrize(
    ("name", "change", "rule"),
    [
        ("time", lambda values: values[:-1], "must be numbers of shape"),
        ("time", lambda values: values.astype(str), "must be numbers of shape"),
        ("wavelength", lambda values: np.where(np.arange(30) == 4, np.nan, values), "must be finite"),
        ("wavelength", lambda values: -values, "must be > 0"),
        ("direction", lambda values: 0.5 * values, "unit vector"),
        ("position", lambda values: values[:, :2], "must be numbers of shape"),
        ("position", lambda values: values.astype(float) * 1e300, "must be finite and between"),
        ("event", lambda values: values[::-1], "never fall"),
        ("event", lambda values: values - 1, "start at 0"),
        ("event", lambda values: values * 2.0, "event must be numbers"),
        ("event", lambda values: values + 10**9, "event must be below"),
        ("energy", lambda values: -values, "energy must be > 0 MeV"),
        ("energy", lambda values: values[:1], "one entry for each event"),
        ("particle", lambda values: np.array(["muon", "mu-", "e-"]), "particle must be one of"),
    ],
)
def test_wrong_photons_are_refused_in_one_line(tmp_path, name, change, rule):
    rows = columns(flash(30)) | {"event": np.repeat([0, 1, 2], 10), "energy": np.ones(3), "particle": np.full(3, "e-")}
    np.savez(tmp_path / "photons.npz", **broken(rows, name, change))
    with pytest.raises(LampyrisError, match=rule) as raised:
        read_photons(tmp_path / "photons.npz").photons(0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "change", "rule"),
    [
        ("beta_end", lambda values: values + 1.0, "between 0 and 1"),
        ("pdg", lambda values: values + 2**40, "pdg of event 0 must be"),
        ("length", lambda values: -values, "between 0 and"),
        ("start", lambda values: values[:-1], "must be numbers of shape"),
        ("end", None, "it has no end"),
    ],
)
def test_wrong_steps_are_refused_in_one_line(particles, tmp_path, name, change, rule):
    rows = {column: values.astype(np.float64) for column, values in particles[0][2].arrays().items()}
    rows = broken(rows, name, change) if change else {column: rows[column] for column in rows if column != name}
    with h5py.File(tmp_path / "steps.h5", "w") as file:
        for column, values in rows.items():
            file[column] = values
    with pytest.raises(LampyrisError, match=rule):
        read_steps(tmp_path / "steps.h5").steps(0)


def test_pickles_are_not_read(tmp_path):
    rows = columns(flash(3)) | {"time": np.array([1, 2, {}], dtype=object)}
    np.savez(tmp_path / "photons.npz", **rows)
    with pytest.raises(LampyrisError, match="holds objects"):
        read_photons(tmp_path / "photons.npz")


def test_photons_are_handed_on_whole_and_in_batches(monkeypatch):
    monkeypatch.setattr("lampyris.source.photons.BATCH", 1024)
    eos, photons = lp.catalog.load("Eos"), flash(1500)
    photons = Photons(0.3 * photons.position, photons.direction, photons.time, photons.wavelength)
    batches = list(photons.event(eos.medium, key=jax.random.key(1), keep=lp.spectrum.Constant(1.0)))
    assert [emitted for _, emitted in batches] == [1024.0, 476.0]
    kept = [np.asarray(rays.position)[np.asarray(rays.weight) > 0] for rays, _ in batches]
    np.testing.assert_array_equal(np.concatenate(kept), photons.position)
    outside = Photons(
        photons.position + np.array([0.0, 0.0, 90.0]), photons.direction, photons.time, photons.wavelength
    )
    with pytest.raises(LampyrisError, match="inside the detector"):
        outside.check_inside(eos.shape)


def test_moved_photons_keep_their_distances():
    photons, direction = flash(20), np.array([0.6, 0.0, -0.8])
    moved = photons.moved((1.0, 2.0, 3.0), direction, 5.0)
    np.testing.assert_allclose(
        (np.asarray(moved.position) - [1.0, 2.0, 3.0]) @ direction, np.asarray(photons.position)[:, 2], atol=1e-5
    )
    np.testing.assert_allclose(np.asarray(moved.direction) @ direction, np.asarray(photons.direction)[:, 2], atol=1e-6)
    np.testing.assert_allclose(moved.time, photons.time + 5.0, rtol=1e-6)


def test_parts_of_photonsim_events_are_joined(tmp_path):
    uproot, awkward = pytest.importorskip("uproot"), pytest.importorskip("awkward")
    known = read_photonsim("tests/data/photonsim.root")
    with uproot.open("tests/data/photonsim.root") as file:
        old = {name: file["OpticalPhotons"][name].array(library="np") for name in (*ROOT_COLUMNS, "PrimaryEnergy")}
    parts = [(7, 0, slice(0, 8)), (7, 0, slice(8, None)), (9, 1, slice(None))]
    with uproot.recreate(tmp_path / "parts.root") as file:
        tree = file.mktree("OpticalPhotons", {"EventID": "int32", "PrimaryEnergy": "float64"})
        tree.extend({"EventID": np.array([7, 9], np.int32), "PrimaryEnergy": old["PrimaryEnergy"]})
        tree = file.mktree("OpticalPhotonsRaw", {"EventID": "int32"} | dict.fromkeys(ROOT_COLUMNS, "var * float64"))
        rows = {name: awkward.Array([old[name][event][rows] for _, event, rows in parts]) for name in ROOT_COLUMNS}
        tree.extend({"EventID": np.array([number for number, _, _ in parts], np.int32)} | rows)
    found = read_photonsim(tmp_path / "parts.root")
    for event in range(2):
        np.testing.assert_array_equal(found.photons(event).position, known.photons(event).position)
        np.testing.assert_array_equal(found.photons(event).time, known.photons(event).time)
    assert found.particle(1)[1] == known.particle(1)[1]


def invoke(*words):
    return RUNNER.invoke(app, [str(word) for word in words])


def test_command_line_from_particles_to_hits(tmp_path):
    """Steps written and read again give the very hits that the same steps give in Python."""
    steps, events = tmp_path / "steps.h5", tmp_path / "events.h5"
    made = invoke("particles", "mu-", "--energy", 200, "--events", 2, "--seed", 3, "-o", steps, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["events"] == 2
    told = json.loads(invoke("info", steps, "--json").stdout)
    assert (told["events"], told["particles"], told["energies_MeV"]) == (2, ["mu-"], [200.0, 200.0])
    place = ("--position", "0,0,-0.5", "--direction", "0,1,0", "--time", 2)
    done = invoke("simulate", "--detector", "Eos", "--steps", steps, *place, "--seed", 6, "-o", events, "--json")
    assert done.exit_code == 0, done.output
    found = lp.data.hits_file.read_events(events)
    assert len(found) == 2
    truth = found.particle(1)
    assert (truth.particle, truth.energy, truth.time) == ("mu-", 200.0, 2.0)
    own = simulate_particle("mu-", 200.0, key=jax.random.fold_in(jax.random.key(3), 1))
    light = lp.StepLight(own, [0.0, 0.0, -0.5], [0.0, 1.0, 0.0], 2.0)
    hits = lp.simulate(lp.catalog.load("Eos"), light, key=jax.random.fold_in(jax.random.key(6), 1))
    np.testing.assert_array_equal(found.hits(1).charge, hits.charge)


def test_command_line_from_photons(tmp_path):
    events = tmp_path / "events.h5"
    done = invoke("simulate", "--detector", "Eos", "--photons", "tests/data/photonsim.root", "-o", events, "--json")
    assert done.exit_code == 0, done.output
    assert (json.loads(done.stdout)["events"], json.loads(done.stdout)["photons_per_event"]) == (2, 25.0)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("--steps", "tests/data/photonsim.root"), "`--steps` must be a file of steps"),
        (("--photons", "tests/data/photonsim.root", "--energy", 3), "must be given alone"),
        (("--photons", "tests/data/photonsim.root", "--events", 3), "between 1 and 2"),
        (("--photons", "tests/data/photonsim.root", "--direction", "0,0,2"), "a unit vector"),
        (("--photons", "nothing.h5"), "nothing.h5 does not exist"),
    ],
)
def test_bad_options_end_in_one_line(tmp_path, words, rule):
    done = invoke("simulate", "--detector", "Eos", *words, "-o", tmp_path / "events.h5")
    assert done.exit_code == 2
    assert rule in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("mu-", "--energy", -5), "--energy"),
        (("muon",), "Unknown particle"),
        (("mu-", "--engine", "fluka"), "Unknown engine 'fluka'"),
        (("mu-", "--engine", "geant4", "--energy", -5), "--energy"),
    ],
)
def test_bad_particles_end_in_one_line(tmp_path, words, rule):
    done = invoke("particles", *words, "-o", tmp_path / "steps.h5")
    assert done.exit_code == 2
    assert rule in done.stderr
    assert not (tmp_path / "steps.h5").exists()
