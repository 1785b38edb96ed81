"""Opening tables of steps and photons: which columns they have to have, and where each event starts."""

from pathlib import Path

import h5py
import numpy as np

from lampyris._checks import LampyrisError, show
from lampyris.data._attributes import text_attributes
from lampyris.data._hdf5 import column
from lampyris.data._limits import LARGEST_COLUMN, check_unpacked, readable
from lampyris.data.events import FORMAT as PACKED
from lampyris.data.events import unpack_steps
from lampyris.data.records import PARTICLES

MOST_EVENTS, MOST_ROWS = 1_000_000, 20_000_000
"""Events of a file and rows of one event at most."""
PART = 2**20
"""Rows of the column `event` that are read at once."""
COLUMNS: dict[str, dict[str, tuple[int, ...]]] = {
    "steps": {"start": (3,), "end": (3,)}
    | dict.fromkeys(("time", "beta_start", "beta_end", "length", "charge", "energy_deposit"), ())
    | dict.fromkeys(("pdg", "track", "parent"), ()),
    "photons": {"position": (3,), "direction": (3,), "time": (), "wavelength": ()},
}
"""Columns of each kind of table and the shapes of their rows."""
LARGEST_NUMBER = 3e38
"""What single precision holds."""
WHOLE = ("pdg", "track", "parent")
_ALLOWED: dict[str, tuple[float, float]] = {
    "beta_start": (0.0, 1.0),
    "beta_end": (0.0, 1.0),
    "length": (0.0, LARGEST_NUMBER),
    "direction": (-1.001, 1.001),
}


def table_kind(names) -> str:
    """The kind of table that columns of these names make: steps, photons, or none (empty)."""
    if {"beta_start", "start"} <= set(names):
        return "steps"
    return "photons" if {"position", "direction", "wavelength"} <= set(names) else ""


def open_table(path: Path, kind: str) -> tuple:
    """What a table is made of."""
    with readable(path, called(kind)):
        if _head(path) == b"PK\x03\x04":
            held = _held(path, kind)
            _check_names(path, kind, held)
            rows = len(held["time"]) if held["time"].ndim else 0
            for name, shape in COLUMNS[kind].items():
                if held[name].shape != (rows, *shape) or held[name].dtype.kind not in "iuf":
                    raise LampyrisError(_wrong_shape(path, name, (rows, *shape), held[name]))
            offset, count = _offset(path, held.get("event"), rows, held)
            return path, kind, offset, *_primaries(path, kind, held, count, offset), {}, held
        with h5py.File(path, "r") as file:
            _check_names(path, kind, file)
            rows = column(file, "time", (None,), "iuf").shape[0]
            for name, shape in COLUMNS[kind].items():
                data = file.get(name)
                if not isinstance(data, h5py.Dataset) or data.shape != (rows, *shape):
                    raise LampyrisError(_wrong_shape(path, name, (rows, *shape), data))
                column(file, name, (rows, *shape), "iuf")
            event = column(file, "event", (rows,), "iu") if "event" in file else None
            told = {
                name: column(file, name, (None,), kinds, LARGEST_COLUMN)[:]
                for name, kinds in (("particle", "S"), ("energy", "iuf"))
                if name in file
            }
            offset, count = _offset(path, event, rows, told)
            return path, kind, offset, *_primaries(path, kind, told, count, offset), text_attributes(file), None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _held(path: Path, kind: str) -> dict[str, np.ndarray]:
    """All arrays of a `.npz`."""
    check_unpacked(path)
    with np.load(path, allow_pickle=False) as archive:
        if kind == "steps" and "format" in archive.files and str(archive["format"]) == PACKED:
            events = unpack_steps(path)
            held = {
                name: np.concatenate([steps.arrays()[name] for _, steps in events] or [np.zeros((0, *shape))])
                for name, shape in COLUMNS[kind].items()
            }
            counts = [len(steps) for _, steps in events]
            return held | {
                "event": np.repeat(np.arange(len(events)), counts),
                "energy": np.array([energy for energy, _ in events], float),
            }
        return {name: archive[name] for name in archive.files}


def _check_names(path: Path, kind: str, found) -> None:
    missing = [name for name in COLUMNS[kind] if name not in found]
    if missing:
        raise LampyrisError(f"{path} is not a {called(kind)}: it has no {', '.join(missing)}.")


def _offset(path: Path, event, rows: int, told) -> tuple[np.ndarray, int]:
    """Where each event starts, from the column `event`, read in parts; and the number of events."""
    if event is not None and (event.shape != (rows,) or event.dtype.kind not in "iu"):
        raise LampyrisError(_wrong_shape(path, "event", (rows,), event))
    lengths = {name: len(told[name]) for name in ("particle", "energy") if name in told and told[name].ndim == 1}
    known = max(lengths.values(), default=0 if event is not None else 1)
    if known > MOST_EVENTS:
        raise LampyrisError(f"{path} must have at most {MOST_EVENTS} events, but has {known}.")
    counts = np.array([rows]) if event is None else _counts(path, event, rows, known)
    wrong = [name for name, length in lengths.items() if length != len(counts)]
    if wrong:
        found = f"{lengths[wrong[0]]} for {len(counts)} events"
        raise LampyrisError(f"{path}: {wrong[0]} must have one entry for each event, but has {found}.")
    return np.concatenate([[0], np.cumsum(counts)]), len(counts)


def _counts(path: Path, event, rows: int, known: int) -> np.ndarray:
    """Rows of each event, at least `known` of them."""
    counts, last = np.zeros(known, np.int64), 0
    for at in range(0, rows, PART):
        part = np.asarray(event[at : at + PART])
        if int(part.max()) >= MOST_EVENTS:
            raise LampyrisError(f"{path}: event must be below {MOST_EVENTS}, but is {int(part.max())}.")
        part = part.astype(np.int64)
        if part[0] < last or (np.diff(part) < 0).any():
            raise LampyrisError(f"{path}: event must start at 0 or above and never fall.")
        last = int(part[-1])
        if last >= len(counts):
            counts = np.pad(counts, (0, last + 1 - len(counts)))
        counts[: last + 1] += np.bincount(part, minlength=last + 1)
    return counts


def _primaries(path: Path, kind: str, told, count: int, offset: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names and energies of the primaries; of steps in memory the first track tells its name."""
    energies = np.full(count, np.nan)
    if "energy" in told:
        energies = np.asarray(told["energy"])
        if energies.shape != (count,) or energies.dtype.kind not in "iuf":
            raise LampyrisError(_wrong_shape(path, "energy", (count,), energies))
        energies = energies.astype(float)
        if not (np.isnan(energies) | (np.isfinite(energies) & (energies > 0))).all():
            raise LampyrisError(f"{path}: energy must be > 0 MeV, but holds {show(energies[~(energies > 0)][0])}.")
    names = [""] * count
    if "particle" in told:
        found = np.asarray(told["particle"])
        if found.shape != (count,) or found.dtype.kind not in "SU":
            raise LampyrisError(_wrong_shape(path, "particle", (count,), found))
        names = [name.decode("ascii", "replace") if isinstance(name, bytes) else str(name) for name in found]
        known = {name for name, _ in PARTICLES.values()} | {""}
        wrong = next((name for name in names if name not in known), None)
        if wrong is not None:
            raise LampyrisError(f"{path}: particle must be one of {', '.join(sorted(known - {''}))}, but is {wrong!r}.")
    elif kind == "steps" and "pdg" in told:
        first = np.minimum(offset[:-1], max(len(told["pdg"]) - 1, 0))
        codes = [int(told["pdg"][row]) if length else 0 for row, length in zip(first, np.diff(offset), strict=True)]
        names = [PARTICLES.get(code, ("", 0.0))[0] for code in codes]
    return names, energies


def bounds(name: str) -> tuple[float, float]:
    if name in WHOLE:
        return -(2.0**31), 2.0**31 - 1.0
    return _ALLOWED.get(name, (-LARGEST_NUMBER, LARGEST_NUMBER))


def check_numbers(where: str, values: np.ndarray, low: float, high: float) -> None:
    """Raise `LampyrisError` for a number that is not finite or outside its bounds."""
    good = np.isfinite(values) & (values >= low) & (values <= high)
    if not good.all():
        raise LampyrisError(
            f"{where} must be finite and between {low:g} and {high:g}, but is {show(values[~good][0])}."
        )


def _wrong_shape(path: Path, name: str, wanted: tuple, found) -> str:
    what = f"{found.dtype} of shape {found.shape}" if hasattr(found, "dtype") else type(found).__name__
    return f"{path}: {name} must be numbers of shape {wanted}, but is {what}."


def called(kind: str) -> str:
    return f"table of {kind}"
