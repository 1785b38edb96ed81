import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris.data.fits_file import FitRow, FitsWriter, read_fits, summary
from lampyris.data.hits_file import read_events, write_events
from lampyris.detector import Detector
from lampyris.fit.parameters import values
from lampyris.medium import Medium
from lampyris.response import Hits
from lampyris.sensors import make_sensors
from lampyris.shape import Cylinder
from lampyris.source import Track
from lampyris.surface import Lambertian

CHANNELS = 6


@pytest.fixture(scope="module")
def detector():
    azimuth = 2.0 * np.pi * np.arange(CHANNELS) / CHANNELS
    outward = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(CHANNELS)], axis=1)
    sensors = make_sensors(jnp.asarray(2.0 * outward), jnp.asarray(-outward), 0.1)
    return Detector(Cylinder(2.0, 4.0), Medium(1.34, 50.0), Lambertian(0.0), sensors, name="small")


@pytest.fixture(scope="module")
def truth():
    return Track("mu-", energy=500.0, position=[0.1, -0.2, 0.3], direction=[0.6, 0.0, 0.8], time=-3.5)


def some_hits(seed):
    draw = np.random.default_rng(seed)
    hit = np.zeros(CHANNELS, bool)
    hit[draw.permutation(CHANNELS)[: 2 + seed]] = True
    charge, time = draw.exponential(2.0, CHANNELS), draw.normal(10.0, 3.0, CHANNELS)
    return Hits(np.where(hit, charge, 0.0).astype("f4"), np.where(hit, time, 0.0).astype("f4"), hit)


EMPTY = Hits(np.zeros(CHANNELS, "f4"), np.zeros(CHANNELS, "f4"), np.zeros(CHANNELS, bool))


@pytest.fixture
def path(detector, truth, tmp_path):
    path = tmp_path / "events.h5"
    write_events(path, detector, [(some_hits(0), truth), (EMPTY, None), (some_hits(2), truth)], command="c", seed=7)
    return path


def files_in(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_events_come_back(path, truth, tmp_path):
    events = read_events(path)
    assert (len(events), events.detector_name, events.channels) == (3, "small", CHANNELS)
    assert (events.provenance["command"], events.provenance["seed"]) == ("c", "7")
    for event, expected in enumerate((some_hits(0), EMPTY, some_hits(2))):
        for name in Hits._fields:
            np.testing.assert_array_equal(getattr(events.hits(event), name), getattr(expected, name))
    np.testing.assert_array_equal(values(events.truth(2)), values(truth))
    assert events.truth(1) is None
    assert files_in(tmp_path) == ["events.h5"]


@pytest.mark.parametrize("event", [-1, 3])
def test_event_out_of_range(path, event):
    for read in (read_events(path).hits, read_events(path).truth):
        with pytest.raises(LampyrisError, match=r"has no event -?\d; there are: 0 \.\. 2"):
            read(event)


def break_offset(file):
    file["hits/offset"][1] = 99


def break_start(file):
    file["hits/offset"][0] = 1


def break_version(file):
    file.attrs["version"] = 2


def break_format(file):
    file.attrs["format"] = "something else"


def break_length(file):
    file["hits/charge"].resize(3, axis=0)


def break_size(file):
    del file["hits/offset"]
    file.create_dataset("hits/offset", (10**12,), "i8", chunks=(1024,))


def break_column(file):
    del file["hits/time"]


def break_type(file):
    del file["truth/particle"]
    file["truth/particle"] = np.zeros(3)


def break_attribute(file):
    del file.attrs["channels"]


def break_channels(file):
    file.attrs["channels"] = -1


BROKEN = {
    break_offset: "never fall",
    break_start: "start at 0",
    break_version: "of version 2 of lampyris-events; this lampyris reads version 1",
    break_format: "not a lampyris-events file: its format is 'something else'",
    break_length: "hits/charge must be of shape",
    break_size: "more than the file holds",
    break_column: "holds no hits/time",
    break_type: "truth/particle must be of shape",
    break_attribute: "damaged",
    break_channels: "number of channels is -1",
}


@pytest.mark.parametrize("damage", BROKEN, ids=lambda damage: damage.__name__)
def test_broken_file_is_one_line(path, damage):
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(LampyrisError, match=BROKEN[damage]) as caught:
        read_events(path)
    assert "\n" not in str(caught.value)
    assert "events.h5" in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [("channel", CHANNELS, "outside 0 .. 5"), ("channel", -1, "outside 0 .. 5"), ("charge", np.nan, "finite")],
)
def test_broken_hits_are_one_line(path, column, value, message):
    with h5py.File(path, "r+") as file:
        file[f"hits/{column}"][1] = value
    with pytest.raises(LampyrisError, match=message):
        read_events(path).hits(0)


def test_channels_must_increase(path):
    with h5py.File(path, "r+") as file:
        file["hits/channel"][1] = file["hits/channel"][0]
    with pytest.raises(LampyrisError, match="do not increase"):
        read_events(path).hits(0)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.95])
def test_truncated_file(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(LampyrisError, match=r"events\.h5 is damaged or not") as caught:
        read_events(path)
    assert "\n" not in str(caught.value)


def test_missing_and_foreign(tmp_path):
    with pytest.raises(LampyrisError, match="does not exist"):
        read_events(tmp_path / "nothing.h5")
    with pytest.raises(LampyrisError, match="is a directory"):
        read_events(tmp_path)
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(LampyrisError, match="not a lampyris-events file"):
        read_events(tmp_path / "text.h5")


def test_nothing_is_left_after_an_error(detector, path, tmp_path):
    before = path.read_bytes()

    def failing():
        yield some_hits(0), None
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_events(path, detector, failing())
    with pytest.raises(LampyrisError, match="must have 6 channels"):
        write_events(path, detector, [(Hits(np.ones(3), np.ones(3), np.ones(3, bool)), None)])
    with pytest.raises(LampyrisError, match="cannot be written"):
        write_events(tmp_path / "no" / "events.h5", detector, [])
    assert path.read_bytes() == before
    assert files_in(tmp_path) == ["events.h5"]


def row_of(event, truth):
    value = values(truth) + 0.01
    return FitRow(event, value, np.full(7, 0.1), 0.01 * np.eye(7), -12.0, "converged", values(truth))


def test_fits_resume_and_come_back(path, truth, tmp_path):
    events, target = read_events(path), tmp_path / "fits.h5"
    first = FitsWriter(target, events, "mu-")
    first.append(row_of(0, truth))
    assert files_in(tmp_path) == ["events.h5", "fits.h5.part"]
    second = FitsWriter(target, events, "mu-")
    assert second.done == {0}
    second.append(FitRow.of(1, None, None))
    second.append(row_of(2, truth))
    second.finish()
    assert files_in(tmp_path) == ["events.h5", "fits.h5"]
    fits = read_fits(target)
    assert fits.result == ("converged", "no hits", "converged")
    assert fits.attributes["input_uuid"] == events.uuid
    assert fits.track(1) is None
    np.testing.assert_allclose(values(fits.track(2)), values(truth) + 0.01, rtol=1e-4)
    told = summary(fits)
    assert told["results"] == {"converged": 2, "no hits": 1}
    assert told["vertex_q68_cm"] == pytest.approx(np.sqrt(3.0))
    assert told["pull_mean"]["time"] == pytest.approx(0.1)
    with pytest.raises(LampyrisError, match="no fit of event 5"):
        fits.track(5)


def test_fits_of_another_input_are_not_taken_up(path, detector, truth, tmp_path):
    target, other = tmp_path / "fits.h5", tmp_path / "other.h5"
    FitsWriter(target, read_events(path), "mu-").append(row_of(0, truth))
    write_events(other, detector, [(EMPTY, None)])
    writer = FitsWriter(target, read_events(other), "mu-")
    assert writer.done == set()
    writer.append(FitRow.of(0, None, None))
    writer.finish()
    assert read_fits(target).result == ("no hits",)


def test_fits_without_events_and_foreign_fits(path, detector, tmp_path):
    empty = tmp_path / "empty.h5"
    write_events(empty, detector, [])
    writer = FitsWriter(tmp_path / "fits.h5", read_events(empty), "mu-")
    writer.finish()
    assert summary(read_fits(tmp_path / "fits.h5")) == {"events": 0, "results": {}}
    with pytest.raises(LampyrisError, match="not a lampyris-fits file: its format is 'lampyris-events'"):
        read_fits(path)
