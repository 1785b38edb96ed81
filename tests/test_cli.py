import importlib
import json
import logging
import re
import socket
import sys
import tempfile

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from lampyris import catalog
from lampyris.cli import app, main
from lampyris.cli._log import LOGGER
from lampyris.data.fits_file import read_fits
from lampyris.data.hits_file import read_events, write_events
from lampyris.fit.parameters import NAMES, values
from lampyris.fit.result import Fit, make_errors
from lampyris.response import Hits
from lampyris.response.record import Record
from lampyris.simulate import Simulated
from lampyris.source import Track
from lampyris.transport import Balance

KEYS = {"energy", "x", "y", "z", "theta", "phi", "time"}


@pytest.fixture(scope="module")
def eos():
    return catalog.load("Eos")


@pytest.fixture
def catalog_of_eos(eos, monkeypatch):
    """Any detector is Eos, which is made once."""
    known = catalog.load
    monkeypatch.setattr(catalog, "load", lambda name: eos if name in ("Eos", "SK") else known(name))


def hits_of(eos, seed):
    draw = np.random.default_rng(seed)
    count = eos.sensors.count
    hit = draw.random(count) < 0.4
    charge, time = draw.exponential(3.0, count), draw.normal(5.0, 2.0, count)
    return Hits(np.where(hit, charge, 0.0).astype("f4"), np.where(hit, time, 0.0).astype("f4"), hit)


def made_track(shift=0.0):
    return Track("mu-", 200.0 + shift, [0.1 + shift, 0.0, -0.2], [0.6, 0.0, 0.8], 1.0)


@pytest.fixture
def events_file(eos, tmp_path):
    path = tmp_path / "events.h5"
    empty = Hits(*(np.zeros(eos.sensors.count, kind) for kind in ("f4", "f4", bool)))
    write_events(path, eos, [(hits_of(eos, 1), made_track()), (empty, None)])
    return path


@pytest.fixture
def quick(eos, monkeypatch):
    """Simulation and fit replaced by numbers from the air: the commands are on trial, not the physics."""

    def simulate_event(detector, source, *, key, transport=None):
        hits = hits_of(eos, 2)
        return Simulated(hits, Record(hits, 123, 0, 0), Balance(1000.0, 600.0, 100.0, 100.0, 200.0, 0.0))

    def reconstruct(detector, hits, *, particle):
        covariance = 0.01 * np.eye(7)
        return Fit(made_track(0.05), make_errors(covariance), covariance, NAMES, -5.0, "converged", {})

    monkeypatch.setattr(importlib.import_module("lampyris.simulate"), "simulate_event", simulate_event)
    for module in ("lampyris.fit", "lampyris.fit.many"):
        monkeypatch.setattr(importlib.import_module(module), "reconstruct", reconstruct)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def fails(message, *words):
    result = run(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr


def files_in(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_help_teaches_with_an_example():
    assert run("--help").exit_code == 0
    for command in (
        "demo",
        "detectors",
        "info",
        "simulate",
        "reconstruct",
        "display",
        "serve",
        "convert",
        "train",
        "bench",
    ):
        result = run(command, "-h")
        assert result.exit_code == 0
        assert f"Example: lampyris {command}" in result.stdout


def test_detectors():
    assert list(json.loads(run("detectors", "--json").stdout)["detectors"]) == list(catalog.names())
    assert "Super-Kamiokande" in run("detectors").stdout


def test_info(events_file, tmp_path):
    told = json.loads(run("info", events_file, "--json").stdout)
    assert (told["detector"], told["events"], told["channels"]) == ("Eos", 2, 242)
    assert "lampyris-events" in run("info", events_file).stdout
    (tmp_path / "foreign.h5").write_bytes(b"no HDF5 at all")
    fails("is of no format that lampyris reads: lampyris-events", "info", tmp_path / "foreign.h5", "--json")
    fails("does not exist", "info", tmp_path / "nothing.h5")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--detector", "Kamland"), "there are: Eos, HK"),
        (("--particle", "tau-"), "Unknown particle 'tau-'; there are: e+, e-, gamma"),
        (("--energy", "20"), "`--energy` must be between"),
        (("--energy", "1e6"), "`--energy` must be between"),
        (("--energy", "nan"), "`--energy` must be between"),
        (("--position", "5,0,0"), "`--position` must be inside Eos, but is [5, 0, 0]."),
        (("--position", "1,2"), "`--position` must be three numbers x,y,z"),
        (("--position", "nan,0,0"), "three finite numbers"),
        (("--direction", "1,1,0"), "`--direction` must be a unit vector"),
        (("--time", "inf"), "`--time` must be finite, but is inf."),
        (("--energy", "1000"), "does not fit into Eos"),
        (("-o", "no/such/place.h5"), "directory that exists"),
    ],
)
def test_bad_simulation_leaves_nothing(words, message, catalog_of_eos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fails(message, "simulate", "--detector", "Eos", "--energy", "200", "-o", "events.h5", *words)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("text", "damaged or not a lampyris-"),
        ("cut", "damaged or not a lampyris-"),
        ({"format": "other"}, "its format is 'other'"),
        ({"version": 99}, "is of version 99"),
        ({"version": "x"}, "is of version 'x'"),
        ({"detector": None}, "its attribute detector must be a text, but is None"),
        ({"channels": [1, 2]}, "its attribute channels must be a whole number"),
    ],
)
def test_damaged_files(damage, message, events_file, tmp_path):
    damaged = tmp_path / "damaged.h5"
    whole = events_file.read_bytes()
    damaged.write_bytes({"text": b"no HDF5 at all", "cut": whole[: len(whole) // 20]}.get(str(damage), whole))
    if isinstance(damage, dict):
        with h5py.File(damaged, "r+") as file:
            for name, value in damage.items():
                del file.attrs[name]
                if value is not None:
                    file.attrs[name] = value
    before = files_in(tmp_path)
    told = message if isinstance(damage, dict) and "format" not in damage else "is of no format that lampyris reads"
    told = "damaged or not an HDF5 file: Unable to synchronously open file (truncated" if damage == "cut" else told
    fails(told, "info", damaged, "--json")
    fails(message, "reconstruct", damaged, "-o", tmp_path / "fits.h5")
    fails(message, "display", damaged, "-o", tmp_path / "event.html", "--png", tmp_path / "event.png", "--json")
    assert files_in(tmp_path) == before


def test_bad_events_are_named(catalog_of_eos, events_file, tmp_path):
    with h5py.File(events_file, "r+") as file:
        file["hits/charge"][0] = np.nan
        file["truth/particle"][1] = b"tau-"
    where = f"{events_file}: event"
    fails(f"{where} 0: `Hits(charge=...)` must be finite", "display", events_file, "-o", tmp_path / "event.html")
    fails(f"{where} 1: Unknown particle 'tau-'", "display", events_file, "--event", 1, "-o", tmp_path / "event.html")
    fails("has no event -1; there are: 0 .. 1", "display", events_file, "--event", -1, "-o", tmp_path / "event.html")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("", "is a directory"),
        ("missing/place", "must lie in a directory that exists, but"),
        ("events.h5/place", "events.h5 is a file"),
        ("events.h5", "must be a file of its own"),
    ],
)
def test_places_that_cannot_be_written(place, message, events_file, tmp_path):
    before, whole = files_in(tmp_path), events_file.read_bytes()
    output = f"{tmp_path}/{place}"
    fails(message, "reconstruct", events_file, "-o", output)
    fails(message, "display", events_file, "-o", output, "--json")
    fails(message, "display", events_file, "-o", tmp_path / "event.html", "--png", output)
    assert files_in(tmp_path) == before
    assert events_file.read_bytes() == whole


def test_one_file_is_not_written_twice(events_file, tmp_path):
    page = tmp_path / "page"
    fails("`--png` must be a file of its own", "display", events_file, "-o", page, "--png", f"{tmp_path}/./page")
    assert not page.exists()


def test_long_work_does_not_begin_without_a_place(events_file, tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    for words in (("simulate",), ("reconstruct", events_file), ("display", events_file), ("demo",)):
        fails("says: Permission denied", *words, "-o", tmp_path / "new")
    assert files_in(tmp_path) == ["events.h5"]


def test_demo_checks_its_directory_first(events_file, tmp_path):
    fails("must be a directory, but", "demo", "--output", events_file)
    fails("must be a directory, but", "demo", "--output", events_file / "demo", "--json")
    (tmp_path / "demo" / "event.png").mkdir(parents=True)
    fails("event.png is a directory", "demo", "--output", tmp_path / "demo")
    assert files_in(tmp_path / "demo") == ["event.png"]


def test_simulate_reconstruct_info(catalog_of_eos, quick, eos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("--detector", "Eos", "--energy", "200", "--events", "3", "--seed", "4", "-o", "events.h5")
    told = json.loads(run("simulate", *words, "--json").stdout)
    assert (told["events"], told["photons_per_event"], told["seed"]) == (3, 1000.0, 4)
    events = read_events("events.h5")
    assert "--seed 4" in events.provenance["command"]
    tracks = [events.truth(event) for event in range(3)]
    position, direction = (np.array([getattr(t, name) for t in tracks]) for name in ("position", "direction"))
    assert (np.asarray(eos.shape.signed_distance(position)) > 0.24).all()
    length = 1.2 * float(tracks[0].profile.length(200.0))
    assert (np.asarray(eos.shape.signed_distance(position + length * direction)) > 0).all()
    told = json.loads(run("reconstruct", "events.h5", "-o", "fits.h5", "--json").stdout)
    assert told["results"] == {"converged": 3}
    assert len(read_fits("fits.h5")) == 3
    assert json.loads(run("info", "fits.h5", "--json").stdout)["format"] == "lampyris-fits"
    assert files_in(tmp_path) == ["events.h5", "fits.h5"]


def test_reconstruct_passes_over_empty_events(catalog_of_eos, quick, events_file, tmp_path):
    result = run("reconstruct", events_file, "-o", tmp_path / "fits.h5")
    assert result.exit_code == 0
    assert read_fits(tmp_path / "fits.h5").result == ("converged", "no hits")
    fails("Unknown particle", "reconstruct", events_file, "--particle", "x", "-o", tmp_path / "other.h5")
    assert files_in(tmp_path) == ["events.h5", "fits.h5"]


def test_display(catalog_of_eos, quick, events_file, tmp_path):
    page, picture, fits = (tmp_path / name for name in ("event.html", "event.png", "fits.h5"))
    run("reconstruct", events_file, "-o", fits)
    result = run("display", events_file, "-o", page, "--png", picture, "--fits", fits, "--json")
    assert json.loads(result.stdout)["files"] == [str(page), str(picture)]
    assert page.stat().st_size > 0
    assert picture.read_bytes()[1:4] == b"PNG"
    before = files_in(tmp_path)
    fails("has no event 7", "display", events_file, "--event", "7", "-o", tmp_path / "other.html")
    fails("the event is empty", "display", events_file, "--event", "1", "-o", tmp_path / "x.html", "--png", picture)
    assert files_in(tmp_path) == before
    assert run("display", events_file, "-o", tmp_path / "all.html", "--no-predict", "--quiet").stdout == ""


def test_fits_of_other_events_are_not_drawn(catalog_of_eos, quick, eos, events_file, tmp_path):
    run("reconstruct", events_file, "-o", tmp_path / "fits.h5")
    write_events(events_file, eos, [(hits_of(eos, 3), None)])
    words = ("--fits", tmp_path / "fits.h5", "-o", tmp_path / "event.html")
    fails("which is not the file", "display", events_file, *words)


def test_demo(catalog_of_eos, quick, tmp_path, monkeypatch):
    draw = importlib.import_module("lampyris.cli._draw")
    monkeypatch.setattr(draw, "draw_tracks", lambda detector, wanted, count, seed: [made_track()])
    told = json.loads(run("demo", "--json", "--output", tmp_path / "demo").stdout)
    for name in ("truth", "fit", "error", "pull"):
        assert set(told[name]) == KEYS
    assert told["vertex_error_cm"] == pytest.approx(5.0, abs=0.01)
    assert told["pull"]["x"] == pytest.approx(0.5, abs=0.01)
    assert set(told["seconds"]) == {"load", "simulate", "reconstruct", "display", "total"}
    assert told["photons"] == {"emitted": 1000.0, "traced": 400.0}
    assert told["energy_balance"]["in_wall"] == 0.5
    assert told["energy_balance"]["error"] == 0.0
    assert files_in(tmp_path / "demo") == ["event.html", "event.png", "events.h5", "fits.h5"]
    np.testing.assert_allclose(list(told["truth"].values()), values(made_track()))
    assert "pull" in run("demo", "--output", tmp_path / "demo").stdout


def test_display_draws_photons_or_says_why_not(catalog_of_eos, events_file, tmp_path):
    page = tmp_path / "events.html"
    assert run("display", events_file, "-o", page, "--no-predict", "--photons", 30).exit_code == 0
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL)[1]
    with_truth, without = json.loads(data)["events"]
    assert sum(fate["count"] for fate in with_truth["photons"]["fates"]) == 30
    assert with_truth["photons"]["emitted"] > 1000
    assert with_truth["note"] == ""
    assert without["note"] == "no photons: the file does not tell the true particle of this event"
    assert "photons" not in without
    plain = tmp_path / "plain.html"
    assert run("display", events_file, "-o", plain, "--no-predict").exit_code == 0
    assert '"photons": {' not in plain.read_text()


def test_serve_tells_its_address_and_what_it_cannot_show(catalog_of_eos, events_file, monkeypatch):
    from lampyris.display.server import EventServer

    def stopped(server):
        raise KeyboardInterrupt

    monkeypatch.setattr(EventServer, "serve_forever", stopped)
    told = json.loads(run("serve", events_file, "--port", 0, "--json").stdout)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", told.pop("address"))
    assert told == {"detector": "Eos", "events": 2, "first": 0}
    assert "2 events of events.h5 at http://127.0.0.1:" in run("serve", events_file, "--port", 0).stdout
    assert run("serve", events_file, "--port", 0, "--quiet").stdout == ""
    fails("has no event 2; there are: 0 .. 1", "serve", events_file, "--event", 2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        fails("of this machine is in use", "serve", events_file, "--port", taken.getsockname()[1])


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "x.h5", "--port", "70000"),
        ("simulate", "--events", "many", "-o", "x.h5"),
        ("simulate", "--events", "-3", "-o", "x.h5", "--json"),
        ("simulate", "--seed", "-1", "-o", "x.h5"),
        ("simulate",),
        ("display", "x.h5", "-o", "x.html", "--event", "first"),
        ("info",),
        ("demo", "--nonsense"),
        ("nonsense",),
    ],
)
def test_wrong_option_is_one_line(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lampyris", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("error: ")
    assert written.err.count("\n") == 1


def test_log_and_version(events_file, tmp_path, monkeypatch, capsys):
    log = tmp_path / "run.log"

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["lampyris", *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code

    assert command("--log", log, "convert", events_file, "-o", tmp_path / "w.h5", "--to", "watchmal", "--quiet") == 0
    assert command("--log", log, "info", tmp_path / "missing.h5") == 2
    assert command("--log", log, "info", "--nonsense") == 2
    assert command("--log", tmp_path / "no" / "such.log", "detectors") == 2
    assert command("info", events_file) == 0  # without a log none is written
    lines = log.read_text().splitlines()
    said = [line.split(" ", 3)[2:] for line in lines]
    assert [level for level, _ in said] == ["INFO", "INFO", "INFO", *["INFO", "ERROR", "ERROR"] * 2]
    assert said[0][1].startswith("begin: lampyris --log")
    assert json.loads(said[1][1].removeprefix("result: "))["what"] == "events"
    assert said[2][1].startswith("end: exit code 0 after")
    assert "missing.h5" in said[4][1]
    assert said[5][1].startswith("end: exit code 2")
    assert "`--log` must be a file that can be written" in capsys.readouterr().err
    assert [type(handler) for handler in LOGGER.handlers] == [logging.NullHandler]  # or errors would be printed twice
    assert command("--version") == 0
    assert capsys.readouterr().out.startswith("lampyris 0.")


def test_bench_runs_and_shows(tmp_path):
    script = "import json, pathlib; p = pathlib.Path(__file__).parent / 'results'; p.mkdir(exist_ok=True)\n"
    script += "(p / 'quick.json').write_text(json.dumps({'figures': {'a': {'b': 1.5}, 'each': [1]}}))"
    (tmp_path / "quick.py").write_text(script)
    (tmp_path / "broken.py").write_text("raise SystemExit(3)")
    (tmp_path / "_helper.py").write_text("")
    told = json.loads(run("bench", "quick", "--folder", tmp_path, "--json").stdout)
    assert told["quick"]["figures"] == {"a.b": 1.5}
    assert "no result yet" in run("bench", "--show", "--folder", tmp_path).stdout
    drawn = json.loads(run("bench", "--show", "--folder", tmp_path, "--draw", tmp_path / "pictures", "--json").stdout)
    assert drawn["quick"]["picture"] is None  # one number is no group
    assert drawn["broken"]["figures"] == {}
    numbers = {"figures": {"width": {"x": 1.0, "y": 2.0}, "seconds": 3.0, "mean": {"x": float("nan"), "y": 1, "z": 0}}}
    (tmp_path / "results" / "quick.json").write_text(json.dumps(numbers))
    shown = run("bench", "quick", "--show", "--folder", tmp_path, "--draw", tmp_path / "pictures").stdout
    assert str(tmp_path / "pictures" / "quick.png") in shown
    assert (tmp_path / "pictures" / "quick.png").read_bytes()[:4] == b"\x89PNG"
    fails("Unknown benchmark 'x'; there are: broken, quick", "bench", "x", "--folder", tmp_path)
    fails("exit code 3", "bench", "broken", "--folder", tmp_path, "-q")
    fails("come with a checkout", "bench", "--folder", tmp_path / "nothing")


def test_a_table_of_sensors_takes_the_place_of_a_name(quick, eos, tmp_path, monkeypatch):
    from lampyris.data.geometry import SensorTable, write_sensor_table

    monkeypatch.chdir(tmp_path)
    sensors = eos.sensors
    table = SensorTable(tmp_path, np.asarray(sensors.position), None, np.asarray(sensors.radius), {}, {"name": "mine"})
    write_sensor_table("mine.csv", table)
    words = ("--detector", "mine.csv", "--energy", "200", "--quiet", "-o", "events.h5")
    assert run("simulate", *words).stdout == ""
    fails(
        "which is not in the catalog; give its table of sensors with --detector",
        "reconstruct",
        "events.h5",
        "-o",
        "f.h5",
    )
    assert run("reconstruct", "events.h5", "--detector", "mine.csv", "-o", "f.h5").exit_code == 0
    assert run("display", "events.h5", "--detector", "mine.csv", "--quiet").exit_code == 0
    assert (tmp_path / "events.html").exists()
