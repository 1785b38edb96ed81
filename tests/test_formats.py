"""Files of other programs, in and out."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lampyris import catalog
from lampyris._checks import LampyrisError
from lampyris.cli import app
from lampyris.data.geometry import SensorTable, read_sensor_table, write_sensor_table
from lampyris.data.hits_file import read_events, write_events
from lampyris.data.parquet import write_graphnet, write_prometheus
from lampyris.data.photonsim import read_photonsim
from lampyris.data.recognise import recognise
from lampyris.data.records import Truth, hits_of
from lampyris.data.watchmal import read_watchmal, write_watchmal
from lampyris.data.wcsim import read_wcsim, read_wcsim_geometry
from lampyris.response import Hits
from lampyris.units import MUON_MASS

DATA = Path(__file__).parent / "data"
EMPTY = Hits(np.zeros(242, "f4"), np.zeros(242, "f4"), np.zeros(242, bool))


@pytest.fixture(scope="module")
def eos():
    return catalog.load("Eos")


def some_hits(seed, count=242):
    draw = np.random.default_rng(seed)
    hit = draw.random(count) < 0.4
    hit[-1] = True
    charge, time = draw.exponential(3.0, count), draw.normal(5.0, 2.0, count)
    return Hits(np.where(hit, charge, 0).astype("f4"), np.where(hit, time, 0).astype("f4"), hit)


TRUTH = Truth("mu-", 300.0, np.array([0.1, -0.2, 0.3]), np.array([0.48, 0.6, 0.64]), 0.0)
RECORDS = [(some_hits(1), TRUTH), (EMPTY, TRUTH._replace(particle="e-")), (some_hits(2), TRUTH._replace(energy=50.0))]


@pytest.mark.parametrize("axis", ["y", "z"])
def test_watchmal_comes_back(axis, tmp_path):
    path = tmp_path / "w.h5"
    write_watchmal(path, RECORDS, axis=axis)
    events = read_watchmal(path)
    assert (len(events), events.channels, events.axis) == (3, 242, axis)
    for (hits, truth), (read_hits, read_truth) in zip(RECORDS, events.records(), strict=True):
        for name in Hits._fields:
            np.testing.assert_array_equal(getattr(read_hits, name), getattr(hits, name))
        assert read_truth.particle == truth.particle
        np.testing.assert_allclose(read_truth.energy, truth.energy, atol=1e-4)
        np.testing.assert_allclose(read_truth.position, truth.position, atol=1e-6)
        np.testing.assert_allclose(read_truth.direction, truth.direction, atol=1e-6)


def test_watchmal_layout_units_and_axis(tmp_path):
    path = tmp_path / "w.h5"
    write_watchmal(path, RECORDS)
    with h5py.File(path) as file:
        assert file["event_hits_index"][:].tolist() == [0, RECORDS[0][0].hit.sum(), RECORDS[0][0].hit.sum()]
        assert file["labels"][:].tolist() == [2, 1, 2]
        np.testing.assert_allclose(file["energies"][0], 300.0 + MUON_MASS)
        np.testing.assert_allclose(file["positions"][0, 0], [-20.0, 30.0, 10.0], atol=1e-4)  # cm, y upwards
        np.testing.assert_allclose(np.cos(file["angles"][0, 0]), 0.64, atol=1e-6)
        for name in ("hit_pmt", "hit_time", "hit_charge"):
            assert file[name].chunks is None
            assert file[name].id.get_offset() is not None


def test_watchmal_codes_and_missing_truth(tmp_path):
    path = tmp_path / "w.h5"
    write_watchmal(path, [(some_hits(1), TRUTH._replace(particle="pi+"))])
    assert next(iter(read_watchmal(path).records()))[1].particle == "pi+"
    write_watchmal(path, [(some_hits(1), None), (some_hits(2), TRUTH)])
    assert [truth is None for _, truth in read_watchmal(path).records()] == [True, False]
    with h5py.File(path, "r+") as file:
        del file["angles"]
    assert next(iter(read_watchmal(path).records()))[1] is None


def test_watchmal_of_another_detector_is_refused(tmp_path):
    path = tmp_path / "w.h5"
    write_watchmal(path, RECORDS)
    with pytest.raises(LampyrisError, match=r"event 0 has channel 241, outside 0 \.\. 99"):
        list(read_watchmal(path, channels=100).records())


def test_digits_of_one_channel_become_one():
    hits = hits_of("x", 4, *(np.array(values) for values in ([2, 0, 2], [1.0, 2.0, 0.5], [9.0, 3.0, 4.0])))
    np.testing.assert_array_equal(hits.charge, [2.0, 0.0, 1.5, 0.0])
    np.testing.assert_array_equal(hits.time, [3.0, 0.0, 4.0, 0.0])
    np.testing.assert_array_equal(hits.hit, [True, False, True, False])


def test_wcsim_events_as_root_wrote_them():
    events = read_wcsim(DATA / "wcsim.root")
    assert (events.entries, events.channels, len(events)) == (2, 12, 3)
    first, second, third = events.records()
    assert np.flatnonzero(first[0].hit).tolist() == [0, 4, 11]  # tubes 1, 5, 12
    assert first[0].charge[[0, 4, 11]].tolist() == [2.5, 1.0, 4.25]
    assert first[0].time[[0, 4, 11]].tolist() == [951.0, 955.5, 960.0]
    assert second[0].charge[2] == 2.0  # two digits of one tube
    assert second[0].time[2] == 950.0
    truth = first[1]
    assert truth.particle == "mu-"
    np.testing.assert_allclose(truth.energy, 500.0, atol=1e-3)
    np.testing.assert_allclose(truth.position, [0.1, -0.2, 0.3], atol=1e-6)
    np.testing.assert_allclose(truth.direction, [0.6, 0.0, 0.8], atol=1e-6)
    assert truth.time == 1.5
    assert third[1] is None


def test_wcsim_geometry_makes_a_detector(tmp_path):
    table = read_wcsim_geometry(DATA / "wcsim.root")
    path = tmp_path / "tubes.csv"
    write_sensor_table(path, table)
    detector = catalog.from_table(path)
    assert detector.sensors.count == 12
    np.testing.assert_allclose([detector.shape.radius, detector.shape.height], [2.0, 4.0], rtol=1e-5)
    np.testing.assert_allclose(detector.sensors.position[0], [2.0, 0.0, -0.2], atol=1e-5)
    np.testing.assert_allclose(detector.sensors.radius, 0.1, rtol=1e-5)


def test_photonsim_photons_follow_the_particle():
    photons = read_photonsim(DATA / "photonsim.root")
    assert len(photons) == 2
    assert photons.particle(1) == ("mu-", 501.0)
    direction = np.array([0.6, 0.0, -0.8])
    made = photons.photons(0).moved((1.0, 2.0, 3.0), direction, 0.0)
    assert made.position.shape == (20, 3)
    np.testing.assert_allclose(np.asarray(made.direction) @ direction, np.cos(np.radians(41.0)), atol=1e-5)
    along = (np.asarray(made.position) - [1.0, 2.0, 3.0]) @ direction
    assert (along >= -1e-6).all()
    assert (along <= 1.0 + 1e-6).all()  # mm became m
    np.testing.assert_allclose(made.time, along / 0.299792458, atol=1e-4)
    with pytest.raises(LampyrisError, match=r"has no event 2; there are: 0 \.\. 1"):
        photons.photons(2)


def test_graphnet_tables(eos, tmp_path):
    import pyarrow.parquet as pq

    write_graphnet(tmp_path / "tables", eos, RECORDS)
    pulses = pq.read_table(tmp_path / "tables" / "pulses" / "pulses_0.parquet").to_pydict()
    truth = pq.read_table(tmp_path / "tables" / "truth" / "truth_0.parquet").to_pydict()
    hits = RECORDS[2][0]
    rows = np.array(pulses["event_no"]) == 2
    channel = np.array(pulses["sensor_id"])[rows]
    np.testing.assert_array_equal(channel, np.flatnonzero(hits.hit))
    np.testing.assert_allclose(np.array(pulses["charge"])[rows], hits.charge[channel])
    np.testing.assert_allclose(np.array(pulses["sensor_pos_x"])[rows], eos.sensors.position[channel, 0], rtol=1e-6)
    assert truth["pid"] == [13, 11, 13]
    np.testing.assert_allclose(truth["energy"], [0.3, 0.3, 0.05])
    np.testing.assert_allclose(np.cos(truth["zenith"]), -0.64)  # where it came from
    assert [entry.name for entry in tmp_path.iterdir()] == ["tables"]
    with pytest.raises(LampyrisError, match="exists already"):
        write_graphnet(tmp_path / "tables", eos, RECORDS)


def test_prometheus_file(eos, tmp_path):
    import pyarrow.parquet as pq

    write_prometheus(tmp_path / "p.parquet", eos, RECORDS)
    rows = pq.read_table(tmp_path / "p.parquet").to_pylist()
    assert [len(row["photons"]["t"]) for row in rows] == [int(hits.hit.sum()) for hits, _ in RECORDS]
    assert rows[0]["mc_truth"]["initial_state_type"] == 13
    assert rows[0]["mc_truth"]["initial_state_energy"] == pytest.approx(0.3)


def ring(count=12, radius=2.0):
    azimuth = 2.0 * np.pi * np.arange(count) / count
    return radius * np.stack([np.cos(azimuth), np.sin(azimuth), 0.5 * (np.arange(count) % 2)], axis=1)


def table_of(tmp_path, head, rows, *settings):
    path = tmp_path / "sensors.csv"
    lines = [f"# {line}" for line in settings] + [head] + [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join(lines))
    return path


CYLINDER = ("shape: cylinder 2 4", "radius: 0.1")


def test_table_with_units_and_settings(tmp_path):
    path = table_of(
        tmp_path, "x [cm], y [cm], z [mm]", ring() * [100, 100, 1000], *CYLINDER, "name: tank", "medium: water"
    )
    detector = catalog.from_table(path)
    np.testing.assert_allclose(detector.sensors.position, ring(), atol=1e-5)
    assert detector.name == "tank"
    inward = -np.asarray(detector.sensors.position)[:, :2] / 2.0
    np.testing.assert_allclose(np.asarray(detector.sensors.normal)[:, :2], inward, atol=1e-5)


@pytest.mark.parametrize("name", ["SK", "JUNO", "Eos"])
def test_shape_is_found(name, tmp_path):
    known = catalog.load(name)
    path = tmp_path / "s.csv"
    chosen = np.random.default_rng(0).permutation(known.sensors.count)[:400]
    position = np.asarray(known.sensors.position, float)[chosen]
    write_sensor_table(path, SensorTable(path, position, None, np.full(len(chosen), 0.05)))
    found = catalog.from_table(path)
    assert type(found.shape) is type(known.shape)
    np.testing.assert_allclose(found.shape.half_extent(), known.shape.half_extent(), rtol=0.02)


@pytest.mark.parametrize(
    ("head", "rows", "lines", "message"),
    [
        ("x,y", [[1, 2]], CYLINDER, "must have the columns x, y, z, but has no z"),
        ("x,y,z", [*ring().tolist(), ring()[3].tolist()], CYLINDER, "sensors 3 and 12 are at the same place"),
        (
            "x,y,z",
            [*ring().tolist(), [1.0, 0, 0]],
            CYLINDER,
            "sensor 12 must lie on the wall within 0.01 m, but is 1 m",
        ),
        ("x,y,z", [*ring().tolist(), [1.0, 0, "nan"]], CYLINDER, "z of sensor 12 must be finite"),
        ("x,y,z", [[1, 2, 3], [1, 2]], CYLINDER, "sensor 1 has 2 entries, but there are 3 columns"),
        ("x,y,z", [["a", 2, 3]], CYLINDER, "must hold numbers below its head"),
        ("x,y,z", ring(), ("shape: torus 2", "radius: 0.1"), "Unknown shape 'torus'"),
        ("x,y,z", ring(), ("shape: cylinder 2", "radius: 0.1"), "shape must be cylinder and 2 lengths"),
        ("x,y,z", ring(), CYLINDER[:1], "the radius of the sensors must stand in a column"),
        ("x,y,z", ring(), (*CYLINDER, "medium: beer"), "Unknown medium 'beer'"),
        ("x [ft],y,z", ring(), CYLINDER, "the unit of x must be mm, cm or m, but is ft"),
        ("x,y,z,nx", np.c_[ring(), np.ones(12)], CYLINDER, "all of the columns nx, ny, nz or none"),
        ("x,y,z,nx,ny,nz", np.c_[ring(), ring()], CYLINDER, "must be a unit vector"),
        ("x,y,z,nx,ny,nz", np.c_[ring(), ring() * [0.5, 0.5, 0]], CYLINDER, "sensor 0 must point into the volume"),
        ("x,y,z", ring(2)[:1], ("radius: 0.1",), "no sphere, cylinder or box"),
    ],
)
def test_bad_tables_are_one_line(head, rows, lines, message, tmp_path):
    with pytest.raises(LampyrisError, match=message.replace("(", r"\(")) as caught:
        catalog.from_table(table_of(tmp_path, head, rows, *lines))
    assert "\n" not in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**31), st.booleans())
def test_tables_come_back(count, seed, with_radius):
    import tempfile

    draw = np.random.default_rng(seed)
    position, radius = draw.uniform(-100, 100, (count, 3)), draw.uniform(0.01, 1.0, count) if with_radius else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        write_sensor_table(path, SensorTable(path, position, None, radius, {"gain": np.ones(count)}, {"name": "a: b"}))
        read = read_sensor_table(path)
    np.testing.assert_allclose(read.position, position, rtol=1e-8)
    assert (read.radius is None) == (radius is None)
    assert read.settings == {"name": "a: b"}


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_convert_there_and_back(eos, tmp_path):
    own, foreign, back = (tmp_path / name for name in ("own.h5", "foreign.h5", "back.h5"))
    write_events(own, eos, RECORDS)
    assert run("convert", own, "-o", foreign, "--to", "watchmal", "-q").exit_code == 0
    assert recognise(foreign) == "watchmal"
    result = run("convert", foreign, "-o", back, "--detector", "Eos", "--shift", "10", "--json")
    assert json.loads(result.stdout)["count"] == 3
    events = read_events(back)
    np.testing.assert_allclose(events.hits(0).time, np.where(RECORDS[0][0].hit, RECORDS[0][0].time + 10, 0), atol=1e-5)
    assert events.particle(1).particle == "e-"
    assert events.particle(1).time == 10.0
    for target, name in (("graphnet", "tables"), ("prometheus", "p.parquet")):
        assert run("convert", own, "-o", tmp_path / name, "--detector", "Eos").exit_code == 0, target
    result = run("convert", foreign, "-o", tmp_path / "x.h5")
    assert (result.exit_code, "say which it is with --detector" in result.stderr) == (2, True)


def test_wcsim_to_events_by_the_command_line(tmp_path):
    sensors, events = tmp_path / "tubes.csv", tmp_path / "events.h5"
    assert run("convert", DATA / "wcsim.root", "-o", sensors).exit_code == 0
    result = run("convert", DATA / "wcsim.root", "--detector", sensors, "--shift", "-950", "-o", events)
    assert result.exit_code == 0, result.stderr
    assert read_events(events).hits(0).time[0] == 1.0
    result = run("convert", DATA / "wcsim.root", "--detector", "Eos", "-o", tmp_path / "x.h5")
    assert "has 12 channels, but Eos has 242" in result.stderr


@pytest.mark.parametrize("name", ["wcsim.root", "photonsim.root"])
def test_info_on_foreign_files(name):
    told = json.loads(run("info", DATA / name, "--json").stdout)
    assert told["format"].endswith("ROOT")


def test_info_on_watchmal_and_tables(tmp_path):
    write_watchmal(tmp_path / "w.h5", RECORDS)
    assert json.loads(run("info", tmp_path / "w.h5", "--json").stdout)["highest_channel"] == 241
    told = json.loads(run("info", table_of(tmp_path, "x,y,z", ring(), *CYLINDER), "--json").stdout)
    assert told["sensors"] == 12


@pytest.fixture(scope="module")
def parquet(eos, tmp_path_factory):
    """Tables of GraphNeT and a file of Prometheus with the same events and one without truth."""
    folder = tmp_path_factory.mktemp("parquet")
    write_graphnet(folder / "tables", eos, [*RECORDS, (RECORDS[0][0], None)])
    write_prometheus(folder / "p.parquet", eos, [*RECORDS, (RECORDS[0][0], None)])
    return folder


@pytest.mark.parametrize(
    ("name", "layout", "events", "with_hits", "with_truth"),
    [
        ("tables", "GraphNeT", 4, True, True),
        ("p.parquet", "Prometheus", 4, True, True),
        ("tables/pulses/pulses_0.parquet", "GraphNeT", 3, True, False),  # one event has no hits
        ("tables/truth/truth_0.parquet", "GraphNeT", 4, False, True),
    ],
)
def test_info_on_parquet(name, layout, events, with_hits, with_truth, parquet):
    told = json.loads(run("info", parquet / name, "--json").stdout)
    hits = sum(int(made.hit.sum()) for made, _ in [*RECORDS, RECORDS[0]])
    assert told["format"].startswith(layout)
    assert (told["events"], told["hits"]) == (events, hits if with_hits else 0)
    assert told["particles"] == (["e-", "mu-"] if with_truth else [])
    energies = (told.get("lowest_energy_MeV"), told.get("highest_energy_MeV"))
    assert energies == ((pytest.approx(50.0), pytest.approx(300.0)) if with_truth else (None, None))


def test_parquet_files_that_are_not_sound(parquet, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    def refused(message, table=None, content=b"", **options):
        path = tmp_path / "x.parquet"
        pq.write_table(pa.table(table), path, **options) if table is not None else path.write_bytes(content)
        result = run("info", path)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert message in result.stderr

    refused("is of no format that lampyris reads", {"a": [1, 2]})
    refused("damaged or not a parquet file", content=(parquet / "p.parquet").read_bytes()[:3000])
    pulses = {"event_no": [0, 0], "sensor_id": [1, 2], "t": [1.0, 2.0], "charge": [1.0, None]}
    refused("must hold numbers, but is double with 1 gaps", pulses)
    refused("must hold numbers, but is string", pulses | {"charge": ["1", "2"]})
    one_page = {"row_group_size": 2_000_000, "data_page_size": 2**30, "write_statistics": False}  # 12 kB
    many = {
        "event_no": np.zeros(2_000_000, "i4"),
        "pid": np.zeros(2_000_000, "i4"),
        "energy": np.zeros(2_000_000, "f4"),
    }
    refused("claims 2000000 rows", many, **one_page)
    (tmp_path / "empty").mkdir()
    assert "is a directory" in run("info", tmp_path / "empty").stderr
    assert "it is a graphnet file" in run("convert", parquet / "tables", "-o", tmp_path / "e.h5").stderr


def test_info_on_a_detector_file(tmp_path):
    path = tmp_path / "[b]new.yaml"  # a name is not markup
    lines = ("format: lampyris-detector-1", "base: Eos", "parameters: {wall.reflectance.value: 0.05}")
    path.write_text("\n".join([*lines, "made: {date: 2026-11-24}", "calibration: {result: converged}"]))
    told = json.loads(run("info", path, "--json").stdout)
    assert (told["base"], told["sensors"], told["changed"]) == ("Eos", 242, ["wall.reflectance.value"])
    assert (told["date"], told["calibration"]) == ("2026-11-24", "converged")
    title = run("info", path).stdout  # it is wrapped where the name of the folder is long
    assert "[b]new.yaml" in "".join(title.split())
    path.write_text("detector: SK\n")
    assert "is of the format None, not lampyris-detector-1" in run("info", path).stderr


def test_info_tells_of_every_format():
    from lampyris.cli.info import _ABOUT
    from lampyris.data.recognise import FORMATS

    assert set(_ABOUT) == set(FORMATS)
