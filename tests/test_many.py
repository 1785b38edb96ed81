"""Many events: bad ones among good ones, killed runs, several processes, Dask workers."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import _killed_run
import h5py
import numpy as np
import pytest
from _farm_work import Deadly, cores
from typer.testing import CliRunner

from lampyris._checks import LampyrisError
from lampyris.cli import app
from lampyris.data.cut_file import events_left, missing_bytes
from lampyris.data.fits_file import FitsWriter, read_fits
from lampyris.data.hits_file import read_events, write_events
from lampyris.fit.farm import Lost, in_line, in_processes
from lampyris.fit.many import EventFitter, _fit_track, detector_digest, reconstruct_many
from lampyris.response import Hits
from lampyris.source import Track

CHANNELS = _killed_run.CHANNELS
EVENTS = 24


def hits_of(seed, channels=CHANNELS, least=10):
    draw = np.random.default_rng(seed)
    hit = np.zeros(channels, bool)
    hit[draw.permutation(channels)[: least + seed % 20]] = True
    charge, time_ = draw.exponential(2.0, channels), draw.normal(10.0, 3.0, channels)
    return Hits(np.where(hit, charge, 0.0).astype("f4"), np.where(hit, time_, 0.0).astype("f4"), hit)


def empty():
    return Hits(*(np.zeros(CHANNELS, kind) for kind in ("f4", "f4", bool)))


@pytest.fixture(scope="module")
def tank():
    return _killed_run.tank()


@pytest.fixture(scope="module")
def truth():
    return Track("mu-", energy=500.0, position=[0.1, -0.2, 0.3], direction=[0.6, 0.0, 0.8], time=-3.5)


@pytest.fixture
def quick(monkeypatch):
    """The fit replaced by numbers made of the hits: the handling of many events is on trial, not the physics."""
    from lampyris import catalog
    from lampyris.fit import many

    monkeypatch.setattr(_killed_run, "PAUSE", 0.0)
    monkeypatch.setattr(many, "reconstruct", _killed_run.fit)
    monkeypatch.setattr(catalog, "load", lambda name: _killed_run.tank())


@pytest.fixture
def events(tank, truth, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, tank, [(hits_of(k) if k != 5 else empty(), truth if k % 4 else None) for k in range(EVENTS)])
    return path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def columns(path):
    """All columns but the seconds of the fits."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[:]}) if isinstance(item, h5py.Dataset) else None)
    del found["statistics/seconds"]
    return found


def assert_same(one, other):
    first, second = columns(one), columns(other)
    assert first.keys() == second.keys()
    for name, column in first.items():
        np.testing.assert_array_equal(column, second[name], err_msg=name)


def test_bad_events_stop_no_other(quick, events, tank, tmp_path):
    with h5py.File(events, "r+") as file:
        start = file["hits/offset"][:]
        file["hits/time"][start[2]] = np.nan
        file["hits/channel"][start[3]] = -4
        file["truth/particle"][6] = b"tau-"
    fits = tmp_path / "fits.h5"
    told = json.loads(run("reconstruct", events, "-o", fits, "--json").stdout)
    assert told["results"] == {"converged": EVENTS - 3, "no hits": 1, "unusable": 2}
    rows = read_fits(fits)
    assert rows.event.tolist() == list(range(EVENTS))
    assert rows.note[2] == "event 2: `Hits(time=...)` must be finite on every hit channel, but is nan."
    assert "outside 0 .. 59" in rows.note[3]
    assert "Unknown particle 'tau-'" in rows.note[6]
    assert (rows.result[5], rows.result[6]) == ("no hits", "converged")
    assert rows.true_particle[:3] == ("", "mu-", "mu-")
    assert rows.statistics["iterations"][0] == 3.0
    assert np.isnan(rows.statistics["wall_distance"][5])
    assert rows.statistics["true_wall_distance"][1] == pytest.approx(1.7, abs=1e-5)


def test_events_given_to_the_library(quick, tank):
    """Wrong channel count, NaN, nothing, an exception in the fit: each ends in its own result."""
    bad = hits_of(4)
    bad.time[np.flatnonzero(bad.hit)[0]] = np.nan
    seven = empty()
    seven.hit[:7] = True
    given = [hits_of(1), hits_of(1, CHANNELS - 1), bad, empty(), seven]
    found = dict(reconstruct_many(tank, enumerate(given)))
    assert [found[k].result for k in range(5)] == ["converged", "unusable", "unusable", "no hits", "failed"]
    assert found[4].note == "RuntimeError: seven hits are too many"
    assert "must have 60 channels" in found[1].note
    with pytest.raises(LampyrisError, match="jobs"):
        next(reconstruct_many(tank, [], jobs=0))


def test_what_concerns_all_events_ends_in_one_line(events, tmp_path):
    """The detector of the file is of the catalog, but has other channels; a detector whose medium has no model."""
    done = run("reconstruct", events, "-o", tmp_path / "fits.h5")
    assert done.exit_code == 2
    assert done.stderr == f"error: {events} was made with 60 channels, but Eos has 242.\n"
    done = run("reconstruct", events, "--detector", "no.yaml", "-o", tmp_path / "fits.h5")
    assert "no.yaml does not exist" in done.stderr
    assert not (tmp_path / "fits.h5.part").exists()


@pytest.mark.parametrize("batch", [1, 2])
def test_a_muon_in_a_scintillating_detector_is_refused_before_any_event(tank, batch):
    import equinox as eqx

    from lampyris.catalog.scintillators import lab_scintillator

    other = eqx.tree_at(lambda d: d.medium, tank, lab_scintillator())
    with pytest.raises(LampyrisError, match="scintillates"):
        next(reconstruct_many(other, [(0, hits_of(1))], batch=batch))
    assert detector_digest(other) != detector_digest(tank) == detector_digest(_killed_run.tank())


def test_any_cut_of_the_rows_is_taken_up(quick, events, tank, tmp_path):
    """A kill can leave any beginning of the file of rows: what is whole is kept, and the end is the same."""
    whole, other, part = tmp_path / "fits.h5", tmp_path / "other.h5", tmp_path / "other.h5.part"
    run("reconstruct", events, "-o", whole)
    opened, fitter = read_events(events), EventFitter(tank, ("mu-",), _fit_track)
    writer = FitsWriter(other, opened, "mu-", digest="a")
    from lampyris.data.fits_file import FitRow

    rows = []
    for number in range(4):
        outcome = fitter(opened.hits(number))
        rows.append(FitRow.of(number, outcome.fit, opened.truth(number), result=outcome.result))
        writer.append(rows[-1])
    content = part.read_bytes()
    lines = np.cumsum([len(line) for line in content.splitlines(keepends=True)])
    for cut in [0, 1, *np.random.default_rng(2).integers(0, len(content), 30), *lines]:
        part.write_bytes(content[:cut])
        again = FitsWriter(other, opened, "mu-", digest="a")
        assert again.done == set(range(max(int((lines <= cut).sum()) - 1, 0)))
        for row in rows[len(again.done) :]:
            again.append(row)
        assert part.read_bytes() == content
    part.write_bytes(content.replace(b'"event": 2', b'"event": "x"'))
    assert FitsWriter(other, opened, "mu-", digest="a").done == {0, 1}
    part.write_bytes(content)
    assert FitsWriter(other, opened, "mu-", digest="b").done == set()
    assert FitsWriter(other, opened, "e-", digest="a").done == set()


def killed(folder, after):
    """Start the command, and kill it when it has so many rows and a little more; nothing where it ends before."""
    words = [sys.executable, _killed_run.__file__, "reconstruct", "events.h5", "-o", "fits.h5", "-q"]
    running, part = subprocess.Popen(words, cwd=folder), folder / "fits.h5.part"
    while running.poll() is None:
        if after is not None and part.exists() and part.read_bytes().count(b"\n") > after:
            time.sleep(np.random.default_rng(after).uniform(0.0, 2.0 * _killed_run.PAUSE))
            running.send_signal(signal.SIGKILL)
            return running.wait()
        time.sleep(0.002)
    return running.returncode


def test_a_killed_run_goes_on_to_the_same_file(events, tank, tmp_path, quick):
    assert killed(tmp_path, 3) == -signal.SIGKILL
    assert killed(tmp_path, 11) == -signal.SIGKILL
    assert 10 < (tmp_path / "fits.h5.part").read_bytes().count(b"\n") < EVENTS
    told = json.loads(run("reconstruct", events, "-o", tmp_path / "fits.h5", "--json").stdout)
    assert told["taken_up"] >= 11
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["events.h5", "fits.h5"]
    run("reconstruct", events, "-o", tmp_path / "whole.h5")
    assert_same(tmp_path / "fits.h5", tmp_path / "whole.h5")


def test_a_file_that_ends_in_the_middle(quick, truth, tmp_path):
    """The events before the end are fitted as ever, the others are told."""
    path, many, channels = tmp_path / "events.h5", 60, 3000
    wide = _killed_run.tank(channels)
    made = [hits_of(k, channels, 1500) for k in range(many)]
    write_events(path, wide, ((hits, truth) for hits in made))
    content, total = path.read_bytes(), path.stat().st_size
    assert missing_bytes(path) == 0
    path.write_bytes(content[: int(0.8 * total)])
    with pytest.raises(LampyrisError, match="damaged"):
        read_events(path)
    with events_left(path) as (left, lacking):
        assert (len(left), lacking) == (many, total - int(0.8 * total))
        good = [number for number in range(many) if same_hits(left, number, made[number])]
    assert 10 < len(good) < many
    fitted = dict(reconstruct_many(wide, ((number, made[number]) for number in good)))
    assert {outcome.result for outcome in fitted.values()} == {"converged"}
    for left in (content[:100], content[:40] + (2**40).to_bytes(8, "little") + content[48:]):  # and a head that lies
        path.write_bytes(left)
        with pytest.raises(LampyrisError, match=r"events\.h5 is damaged"), events_left(path):
            pass


def same_hits(events, number, expected):
    """Whether an event can be read; if so it is what was written."""
    try:
        hits = events.hits(number)
    except LampyrisError as error:
        if "\n" in str(error):
            raise
        return False
    for name in Hits._fields:
        np.testing.assert_array_equal(getattr(hits, name), getattr(expected, name))
    return True


def test_the_rest_of_a_cut_file_is_told(quick, events, tmp_path, monkeypatch):
    """The command fits what is left, gives every other event its row, and says so."""
    whole = events.read_bytes()
    with h5py.File(events) as file:
        places = [file[f"hits/{n}"].id.get_chunk_info(0).byte_offset for n in ("channel", "charge", "time")]
    events.write_bytes(whole[: max(places)])
    done = run("reconstruct", events, "-o", tmp_path / "fits.h5")
    assert done.exit_code == 0, done.output
    assert f"ends in the middle, {len(whole) - max(places)} bytes are missing" in done.stdout
    rows = read_fits(tmp_path / "fits.h5")
    assert set(rows.result) == {"unusable", "no hits"}
    assert "damaged" in rows.note[0]
    assert str(tmp_path) not in rows.note[0]


def test_processes_give_what_one_gives():
    """The task that kills its process is lost, and no other."""
    tasks = [(number, number + 10) for number in range(6)]
    expected = dict(in_line(Deadly(), tasks))
    found = dict(in_processes(Deadly(always=(13,)), tasks, 2))
    assert isinstance(found.pop(3), Lost)
    del expected[3]
    assert found == expected


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not let a process choose its cores")
@pytest.mark.parametrize("jobs", [2, 3])
def test_processes_share_the_cores(jobs):
    """Every core is somebody's, and with no more processes than cores nobody else's."""
    whole = os.sched_getaffinity(0)
    found = dict(dict(in_processes(cores, [(number, None) for number in range(4 * jobs)], jobs)).values())
    assert len(found) == jobs
    assert set().union(*found.values()) == whole
    if jobs <= len(whole):
        assert sum(map(len, found.values())) == len(whole)


def test_dask_workers_give_what_one_process_gives(tank, tmp_path):
    distributed = pytest.importorskip("distributed")
    from lampyris.fit._dask_farm import on_scheduler

    tasks = [(number, number + 10) for number in range(30)]
    work = Deadly(once=(20,), mark=str(tmp_path / "mark"))
    here = str(Path(__file__).parent)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, preload=[], local_directory=tmp_path
    ) as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            client.run(lambda: sys.path.append(here))
        address = cluster.scheduler_address
        found = dict(on_scheduler(work, tasks, address))
        assert found == dict(in_line(Deadly(), tasks))
        assert os.path.exists(work.mark)


def test_no_scheduler_is_one_line(quick, events, tmp_path, monkeypatch):
    farm = pytest.importorskip("lampyris.fit._dask_farm")
    monkeypatch.setattr(farm, "PATIENCE", 0.2)
    done = run("reconstruct", events, "--scheduler", "tcp://127.0.0.1:9", "-o", tmp_path / "fits.h5")
    assert done.exit_code == 2
    assert (
        done.stderr == "error: `--scheduler` must be where a Dask scheduler answers, but tcp://127.0.0.1:9 does not.\n"
    )
    done = run("reconstruct", events, "--scheduler", "x", "--jobs", "2", "-o", tmp_path / "fits.h5")
    assert "`jobs` must be left out" in done.stderr
