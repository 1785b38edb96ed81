"""What parquet files of events hold: the tables of GraphNeT, whole or one part, and files as Prometheus writes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._hdf5 import MOST_COMPRESSED
from lampyris.data._limits import readable
from lampyris.data.parquet import GEV, arrow
from lampyris.data.records import PARTICLES

SIGNATURE = b"PAR1"
ROWS = 2**14
"""Rows in memory at a time."""
LARGEST_PART = 2**29
"""Bytes that one group of rows may unpack to."""
_PULSES = ("event_no", "sensor_id", "t", "charge")
_TRUTH = ("event_no", "pid", "energy")
_NESTED = ("photons.t", "mc_truth.initial_state_type", "mc_truth.initial_state_energy")
_KINDS = {"pulses": _PULSES, "truth": _TRUTH, "prometheus": _NESTED}


@dataclass(frozen=True)
class ParquetEvents:
    """What is in a file or a folder of tables; a part without hits or without truth leaves those fields empty."""

    path: Path
    layout: str
    """graphnet or prometheus"""
    events: int
    hits: int
    particles: list[str]
    energy_range: tuple[float, float] | None
    """lowest and highest true kinetic energy [MeV]"""


def is_graphnet_folder(path: Path) -> bool:
    """Whether a folder holds tables of GraphNeT, as `write_graphnet` lays them."""
    return (path / "pulses").is_dir() and (path / "truth").is_dir()


def parquet_layout(path: Path) -> str:
    """`graphnet` or `prometheus`, by the names of the columns; empty for a parquet file of another kind."""
    with readable(path, "parquet file"):
        kind = _kind(arrow().parquet.ParquetFile(path))
    return {"prometheus": kind, "": ""}.get(kind, "graphnet")


def read_parquet(path: Path | str) -> ParquetEvents:
    """Count what is in a parquet file of events, or in a folder of GraphNeT's tables; hits are not kept.

    Raises `LampyrisError` with one line for files that are damaged, of other columns, or claim more than they can hold.
    """
    path = Path(path)
    if path.is_dir() and is_graphnet_folder(path):
        parts = sorted(path.glob("pulses/*.parquet")) + sorted(path.glob("truth/*.parquet"))
        layout = "graphnet"
    else:
        parts, layout = [path], parquet_layout(path)
    numbers: set[int] = set()
    events, hits, codes, energies = 0, 0, set(), []
    for part in parts:
        for number, count, code, energy in _batches(part):
            if number is None:
                events += len(code)
            else:
                numbers.update(np.unique(number).tolist())
            hits += count
            codes.update(np.unique(code).tolist())
            energies += [float(energy.min()), float(energy.max())] if len(energy) else []
    names = sorted(PARTICLES[code][0] if code in PARTICLES else f"pdg {code}" for code in codes - {0})
    between = (min(energies) / GEV, max(energies) / GEV) if energies else None
    return ParquetEvents(path, layout, events + len(numbers), hits, names, between)


_NONE = np.zeros(0)
_Batch = tuple[np.ndarray | None, int, np.ndarray, np.ndarray]


def _batches(path: Path) -> Iterator[_Batch]:
    """Numbers of events (none where a row is an event), count of hits, particle codes and energies [GeV], part by part."""
    with readable(path, "parquet file"):
        file = arrow().parquet.ParquetFile(path)
        kind = _kind(file)
        if not kind:
            names = ", ".join(file.schema_arrow.names[:5])
            raise LampyrisError(f"{path} is a parquet file of neither GraphNeT nor Prometheus; its columns: {names}.")
        _check_claims(path, file.metadata)
        told = {"pulses": _pulses, "truth": _truth, "prometheus": _nested}[kind]
        for batch in file.iter_batches(batch_size=ROWS, columns=list(_KINDS[kind]), use_threads=False):
            batch.validate(full=True)
            yield told(path, batch)


def _pulses(path: Path, batch: Any) -> _Batch:
    number = _plain(path, batch.column("event_no"), "iu")
    for name in ("t", "charge"):
        _plain(path, batch.column(name), "f")
    return number, len(number), _NONE, _NONE


def _truth(path: Path, batch: Any) -> _Batch:
    number, code = (_plain(path, batch.column(name), "iu") for name in ("event_no", "pid"))
    return number, 0, code, _finite(_plain(path, batch.column("energy"), "f"))


def _nested(path: Path, batch: Any) -> _Batch:
    truth = batch.column("mc_truth")
    times = _plain(path, batch.column("photons").field("t").flatten(), "f")
    code, energy = (
        _plain(path, truth.field(f"initial_state_{name}"), k) for name, k in (("type", "iu"), ("energy", "f"))
    )
    return None, len(times), code, _finite(energy)


def _kind(file: Any) -> str:
    """Which of the three kinds of tables a file is, by its columns; empty for none."""
    paths = {file.schema.column(number).path for number in range(len(file.schema))}
    flat = {path.replace(".list.element", "").replace(".list.item", "") for path in paths}
    return next((kind for kind, names in _KINDS.items() if flat.issuperset(names)), "")


def _check_claims(path: Path, metadata: Any) -> None:
    """Raise `LampyrisError` before memory is taken if a file claims to hold more than it can.

    Only groups of rows are asked: pyarrow ends the process where it cannot make sense of a damaged column's metadata.
    """
    claimed = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    rows = sum(group.num_rows for group in claimed)
    if rows != metadata.num_rows or not 0 <= 8 * rows <= MOST_COMPRESSED * path.stat().st_size:
        raise LampyrisError(f"{path} is damaged: it claims {rows} rows, more than the file holds.")
    for group in claimed:
        if not 0 <= group.total_byte_size <= LARGEST_PART:
            raise LampyrisError(f"{path}: a group of rows must unpack to at most {LARGEST_PART} bytes.")


def _plain(path: Path, column: Any, kinds: str) -> np.ndarray:
    """A column of numbers of the wanted kinds, none of them missing."""
    values = column.to_numpy(zero_copy_only=False)
    if column.null_count or values.dtype.kind not in kinds:
        raise LampyrisError(
            f"{path} is damaged: a column must hold numbers, but is {column.type} with {column.null_count} gaps."
        )
    return values


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]
