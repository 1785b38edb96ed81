"""Small sound files of every format, ways to damage them, and readers that must survive it."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import h5py
import numpy as np

from lampyris._checks import LampyrisError, fail_unknown
from lampyris.catalog import registry
from lampyris.catalog.detector_file import from_file, read_yaml
from lampyris.data.cut_file import events_left
from lampyris.data.events import pack_steps, unpack_steps
from lampyris.data.fits_file import FitRow, FitsWriter, read_fits
from lampyris.data.geometry import SensorTable, read_sensor_table, write_sensor_table
from lampyris.data.hits_file import read_events, write_events
from lampyris.data.lamps import make_lamp
from lampyris.data.parquet import write_graphnet, write_prometheus
from lampyris.data.parquet_summary import read_parquet
from lampyris.data.particle_table import read_photons, read_steps
from lampyris.data.particle_writer import write_photons, write_steps
from lampyris.data.photonsim import read_photonsim
from lampyris.data.recognise import recognise
from lampyris.data.records import Truth
from lampyris.data.watchmal import read_watchmal, write_watchmal
from lampyris.data.wcsim import read_wcsim, read_wcsim_geometry
from lampyris.detector import Detector
from lampyris.emission import load_profile, read_profile, write_profile
from lampyris.medium import Medium
from lampyris.particle import Steps
from lampyris.response import Hits
from lampyris.sensors import make_sensors
from lampyris.shape import Cylinder
from lampyris.source import Photons
from lampyris.surface import Lambertian

CHANNELS = 24
ROOT_FILES = Path(__file__).parents[1] / "tests" / "data"
SPECIAL = [0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x40000000, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF]


def sound_files(folder: Path) -> dict[str, Path]:
    """One small file of every format."""
    azimuth = 2.0 * np.pi * np.arange(CHANNELS) / CHANNELS
    outward = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(CHANNELS)], axis=1)
    sensors = make_sensors(2.0 * outward, -outward, 0.1)
    detector = Detector(Cylinder(2.0, 4.0), Medium(1.34, 50.0), Lambertian(0.0), sensors, name="small")
    draw, truth = np.random.default_rng(1), Truth("mu-", 500.0, np.zeros(3), np.array([0.6, 0.0, 0.8]), 1.5)
    events = []
    for number in range(4):
        hit = draw.random(CHANNELS) < 0.5
        charge, time = draw.exponential(2.0, CHANNELS), draw.normal(10.0, 3.0, CHANNELS)
        hits = Hits(np.where(hit, charge, 0).astype("f4"), np.where(hit, time, 0).astype("f4"), hit)
        events.append((hits, truth if number else None))
    files = {kind: folder / name for kind, name in NAMES.items()}
    write_events(files["events"], detector, events)
    files["cut events"].write_bytes(_cut(files["events"]))
    _write_parquet(files, folder, detector, events)
    writer = FitsWriter(files["fits"], read_events(files["events"]), "mu-")
    for number in range(4):
        writer.append(FitRow(number, np.ones(7), np.ones(7), np.eye(7), -1.0, "converged", np.ones(7)))
    writer.finish()
    write_watchmal(files["watchmal"], events)
    write_sensor_table(
        files["csv"], SensorTable(files["csv"], 2.0 * outward, -outward, np.full(CHANNELS, 0.1), {}, SETTINGS)
    )
    np.savez(files["npz"], position=2.0 * outward, normal=-outward, radius=np.full(CHANNELS, 0.1), shape="cylinder 2 4")
    pack_steps(files["steps"], [(500.0, _steps(draw))])
    steps, photons = _steps(draw), _photons(draw)
    for kind in ("step table", "step archive"):
        write_steps(files[kind], [("mu-", 500.0, steps), ("", np.nan, steps)])
    for kind in ("photon table", "photon archive"):
        write_photons(files[kind], [("mu-", 500.0, photons), ("", np.nan, photons)])
    write_profile(files["profile"], load_profile("mu-"))
    files["campaign"].write_text(CAMPAIGN)
    files["detector"].write_text(DETECTOR)
    for kind in ("wcsim", "photonsim"):
        shutil.copy(ROOT_FILES / f"{kind}.root", files[kind])
    return files


SETTINGS = {"name": "small", "shape": "cylinder 2 4", "radius": "0.1"}
CAMPAIGN = """detector: SK
free: [medium.absorption_length, "sensors.*"]
priors: {wall.reflectance: [0.05, 0.01]}
runs:
  - lamp: {type: laser, position: [0, 0, 17], direction: [0, 0, -1], wavelength: 405.0, photons: 1.0e+7}
    events: laser.h5
  - lamp: {type: isotropic, position: [1.0, -2.0, 3.0]}
    events: centre.h5
"""
DETECTOR = """format: lampyris-detector-1
base: Eos
made: {lampyris: 0.1.0, date: 2026-11-24}
parameters:
  wall.reflectance.value: 0.0521
  sensors.dark_rate: 3.5
  sensors.window: [-150.0, 900.0]
"""
NAMES = {
    "events": "events.h5",
    "cut events": "cut.h5",
    "fits": "fits.h5",
    "watchmal": "watchmal.h5",
    "csv": "sensors.csv",
    "npz": "sensors.npz",
    "steps": "steps.npz",
    "step table": "steps.h5",
    "step archive": "plain_steps.npz",
    "photon table": "photons.h5",
    "photon archive": "photons.npz",
    "profile": "mu-.profile",
    "campaign": "campaign.yaml",
    "detector": "detector.yaml",
    "wcsim": "wcsim.root",
    "photonsim": "photonsim.root",
    "prometheus": "prometheus.parquet",
    "graphnet pulses": "pulses.parquet",
    "graphnet truth": "truth.parquet",
}


def _cut(events: Path) -> bytes:
    """What is left of a file of events that ends before the last of its three columns of hits."""
    with h5py.File(events) as file:
        places = [file[f"hits/{name}"].id.get_chunk_info(0).byte_offset for name in ("channel", "charge", "time")]
    return events.read_bytes()[: max(places)]


def _write_parquet(files: dict[str, Path], folder: Path, detector: Detector, events: list) -> None:
    write_prometheus(files["prometheus"], detector, events)
    write_graphnet(folder / "tables", detector, events)
    for table in ("pulses", "truth"):
        shutil.copy(folder / "tables" / table / f"{table}_0.parquet", files[f"graphnet {table}"])


def _steps(draw: np.random.Generator) -> Steps:
    from lampyris.data.events import demo_muon

    arrays = demo_muon()[1].arrays()
    return Steps(**{name: column[:20] for name, column in arrays.items()})


def _photons(draw: np.random.Generator) -> Photons:
    direction = draw.normal(size=(20, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return Photons(draw.normal(size=(20, 3)), direction, draw.random(20), draw.uniform(300.0, 600.0, 20))


def _read_step_table(path: Path) -> None:
    table = read_steps(path)
    for number in range(min(len(table), 3)):
        table.steps(number)
        table.particle(number)


def _read_photon_table(path: Path) -> None:
    table = read_photons(path)
    for number in range(min(len(table), 3)):
        table.photons(number)
        table.particle(number)


def _read_events(path: Path) -> None:
    events = read_events(path)
    for number in range(len(events)):
        events.hits(number)
        events.particle(number)


def _read_cut(path: Path) -> None:
    """What `lampyris reconstruct` reads: an event that is not sound stops no other."""
    with events_left(path) as (events, _):
        for number in range(len(events)):
            try:
                events.hits(number)
                events.particle(number)
            except LampyrisError as error:
                _check_line(error)


def _read_wcsim(path: Path) -> None:
    for _ in read_wcsim(path).records():
        pass
    read_wcsim_geometry(path)


def _read_photonsim(path: Path) -> None:
    photons = read_photonsim(path)
    for number in range(min(len(photons), 3)):
        photons.photons(number)
        photons.particle(number)


def _read_campaign(path: Path) -> object:
    """A configuration and the lamps in it."""
    content = read_yaml(path)
    runs = content.get("runs")
    if not isinstance(runs, list) or not runs:
        raise LampyrisError(f"{path}: runs must be a list.")
    return [make_lamp(run.get("lamp") if isinstance(run, dict) else run, str(path)) for run in runs]


_eos = functools.cache(functools.partial(registry.load, "Eos"))


def _read_detector(path: Path) -> Detector:
    """A detector file; what it is based on is made once."""
    with mock.patch.object(
        registry, "load", lambda name: _eos() if name == "Eos" else fail_unknown("detector", name, ["Eos"])
    ):
        return from_file(path)


READERS: dict[str, Callable[[Path], object]] = {
    "events": _read_events,
    "cut events": _read_cut,
    "fits": read_fits,
    "watchmal": lambda path: list(read_watchmal(path).records()),
    "csv": read_sensor_table,
    "npz": read_sensor_table,
    "steps": unpack_steps,
    "step table": _read_step_table,
    "step archive": _read_step_table,
    "photon table": _read_photon_table,
    "photon archive": _read_photon_table,
    "profile": read_profile,
    "campaign": _read_campaign,
    "detector": _read_detector,
    "wcsim": _read_wcsim,
    "photonsim": _read_photonsim,
    "prometheus": read_parquet,
    "graphnet pulses": read_parquet,
    "graphnet truth": read_parquet,
}


def damaged(content: bytes, draw: np.random.Generator) -> bytes:
    """The content after one to four random damages: flipped, overwritten, cut, doubled or moved bytes."""
    data = bytearray(content)
    for _ in range(draw.integers(1, 5)):
        if not data:
            break
        at, kind = int(draw.integers(len(data))), int(draw.integers(7))
        length = int(min(draw.integers(1, 65), len(data) - at))
        if kind == 0:
            data[at] ^= 1 << int(draw.integers(8))
        elif kind == 1:
            data[at] = int(draw.integers(256))
        elif kind == 2:
            special, width = SPECIAL[draw.integers(len(SPECIAL))], int(draw.choice([1, 2, 4, 8]))
            order = "big" if draw.random() < 0.5 else "little"
            data[at : at + width] = (special & (1 << 8 * width) - 1).to_bytes(width, order)
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length]
        elif kind == 5:
            data[at : at + length] = bytes(length)
        elif draw.random() < 0.3:
            del data[at:]
    return bytes(data)


def survives(kind: str, path: Path) -> str:
    """What a reader makes of a file: "read", or "refused" with one line; anything else is an exception."""
    try:
        recognise(path)
    except LampyrisError as error:
        _check_line(error)
    try:
        READERS[kind](path)
    except LampyrisError as error:
        _check_line(error)
        return "refused"
    return "read"


def _check_line(error: LampyrisError) -> None:
    text = str(error)
    if "\n" in text or not text or len(text) > 1500:
        raise AssertionError(f"not one line: {text[:2000]!r}")
