"""Events as parquet files for programs that learn from them: GraphNeT's tables, or one file as Prometheus writes it.

Both name a direction by the zenith and azimuth of where the particle came from, as telescopes do.
"""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data.records import CODES, Truth
from lampyris.detector import Detector
from lampyris.response import Hits

CHUNK = 1000
"""Events in one part of a file."""
GEV = 1e-3
Record = tuple[Hits, Truth | None]


def arrow() -> Any:
    """The package pyarrow with its parquet part; raises `LampyrisError` with the command that installs it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise LampyrisError("Parquet files need the package pyarrow: pip install pyarrow.") from error
    return pyarrow


def write_graphnet(folder: Path | str, detector: Detector, events: Iterable[Record]) -> None:
    """Write the tables `pulses` and `truth`, joined by `event_no`, as folders of parquet files of equal events.

    Pulses: event_no, sensor_id, sensor_pos_x, _y, _z [m], t [ns], charge [pe]. Truth: event_no, pid (PDG code), energy
    [GeV, kinetic], position_x, _y, _z [m], zenith, azimuth [rad], time [ns]. The folder appears whole or not at all.
    """
    pa, folder = arrow(), Path(folder)
    if folder.exists():
        raise LampyrisError(f"{folder} exists already; a folder of tables must be a new one.")
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    position = np.asarray(detector.sensors.position, float)
    try:
        for table in ("pulses", "truth"):
            (beside / table).mkdir(parents=True)
        for number, chunk in enumerate(_chunks(events)):
            first = number * CHUNK
            for table, columns in (("pulses", _pulses(position, chunk, first)), ("truth", _truths(chunk, first))):
                pa.parquet.write_table(pa.table(columns), beside / table / f"{table}_{number}.parquet")
        os.replace(beside, folder)
    except OSError as error:
        raise LampyrisError(f"{folder} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_prometheus(path: Path | str, detector: Detector, events: Iterable[Record]) -> None:
    """Write one parquet file with a row for each event and the nested columns `photons` and `mc_truth`.

    A hit channel is one entry of `photons`, with its first time and, beyond what Prometheus writes, its charge [pe].
    All sensors belong to string 0. Energies in GeV, lengths in m, times in ns.
    """
    pa, path = arrow(), Path(path)
    beside, writer = path.with_name(f".{path.name}.{os.getpid()}.tmp"), None
    position = np.asarray(detector.sensors.position, float)
    try:
        for chunk in _chunks(events):
            table = pa.table(
                {"photons": [_photons(position, hits) for hits, _ in chunk], "mc_truth": [_mc(t) for _, t in chunk]},
                schema=_prometheus_schema(pa),
            )
            writer = writer or pa.parquet.ParquetWriter(beside, table.schema)
            writer.write_table(table)
        (writer or pa.parquet.ParquetWriter(beside, _prometheus_schema(pa))).close()
        os.replace(beside, path)
    except OSError as error:
        raise LampyrisError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _chunks(events: Iterable[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    for record in events:
        chunk.append(record)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _pulses(position: np.ndarray, chunk: list[Record], first: int) -> dict[str, np.ndarray]:
    channel = [np.flatnonzero(np.asarray(hits.hit)) for hits, _ in chunk]
    sensor = np.concatenate(channel)
    columns = {"event_no": np.repeat(first + np.arange(len(chunk)), [len(c) for c in channel]), "sensor_id": sensor}
    columns |= {f"sensor_pos_{axis}": position[sensor, i] for i, axis in enumerate("xyz")}
    for name, field in (("t", "time"), ("charge", "charge")):
        parts = [np.asarray(getattr(hits, field), np.float64)[c] for (hits, _), c in zip(chunk, channel, strict=True)]
        columns[name] = np.concatenate(parts)
    return columns


def _truths(chunk: list[Record], first: int) -> dict[str, np.ndarray]:
    rows = [_numbers(truth) for _, truth in chunk]
    names = ("energy", "position_x", "position_y", "position_z", "zenith", "azimuth", "time")
    columns = {"event_no": first + np.arange(len(chunk)), "pid": np.array([row[0] for row in rows], np.int64)}
    return columns | {name: np.array([row[1 + i] for row in rows], float) for i, name in enumerate(names)}


def _numbers(truth: Truth | None) -> tuple[int | float, ...]:
    """PDG code (0 where not known), energy [GeV], position, zenith and azimuth of where it came from, time."""
    if truth is None:
        return (0, *[float("nan")] * 7)
    x, y, z = (-float(value) for value in truth.direction)
    zenith, azimuth = float(np.arccos(np.clip(z, -1.0, 1.0))), float(np.arctan2(y, x) % (2.0 * np.pi))
    place = (float(value) for value in truth.position)
    return CODES.get(truth.particle, 0), GEV * float(truth.energy), *place, zenith, azimuth, float(truth.time)


def _photons(position: np.ndarray, hits: Hits) -> dict[str, list]:
    channel = np.flatnonzero(np.asarray(hits.hit))
    columns = {f"sensor_pos_{axis}": position[channel, i].tolist() for i, axis in enumerate("xyz")}
    columns |= {"string_id": [0] * len(channel), "sensor_id": channel.tolist()}
    return columns | {
        name: np.asarray(getattr(hits, f))[channel].tolist() for name, f in (("t", "time"), ("charge", "charge"))
    }


def _mc(truth: Truth | None) -> dict[str, int | float]:
    code, energy, x, y, z, zenith, azimuth, _ = _numbers(truth)
    told = {"interaction": 0, "initial_state_type": int(code), "initial_state_energy": energy}
    told |= {"initial_state_zenith": zenith, "initial_state_azimuth": azimuth}
    return told | {"initial_state_x": x, "initial_state_y": y, "initial_state_z": z}


def _prometheus_schema(pa: Any) -> Any:
    lists = [(f"sensor_pos_{axis}", pa.list_(pa.float64())) for axis in "xyz"]
    lists += [(name, pa.list_(pa.int64())) for name in ("string_id", "sensor_id")]
    lists += [(name, pa.list_(pa.float64())) for name in ("t", "charge")]
    truth = [("interaction", pa.int64()), ("initial_state_type", pa.int64())]
    names = ("energy", "zenith", "azimuth", "x", "y", "z")
    truth += [(f"initial_state_{name}", pa.float64()) for name in names]
    return pa.schema([("photons", pa.struct(lists)), ("mc_truth", pa.struct(truth))])
