"""Events in the flat HDF5 layout of WatChMaL, in and out.

    event_hits_index (events,)       where the hits of each event start in the three columns below
    hit_pmt, hit_time, hit_charge    (hits,)  channel from 0, [ns], [pe]
    labels           (events,)       0 gamma, 1 electron, 2 muon, 3 neutral pion; or PDG codes
    positions        (events, 1, 3)  vertex [cm]
    angles           (events, 2)     zenith about the axis of the tank, and azimuth, of the direction of travel [rad]
    energies         (events, 1)     total energy [MeV]

The columns lie in one piece and uncompressed, so that they can be mapped into memory. Tanks of WatChMaL stand along
their y axis unless said otherwise, ours along z: coordinates are turned cyclically, (x, y, z) there is (z, x, y) here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from lampyris._checks import LampyrisError, fail_unknown
from lampyris.data._attributes import read_attribute, write_attributes
from lampyris.data._hdf5 import column, writing
from lampyris.data._limits import LARGEST_COLUMN, readable
from lampyris.data.records import CODES, MOST_CHANNELS, Truth, hits_of, kinetic, mass
from lampyris.response import Hits

KIND = "WatChMaL file"
NEEDED = ("event_hits_index", "hit_pmt", "hit_time", "hit_charge")
NO_TRUTH = -1
LABELS = {0: 22, 1: 11, 2: 13, 3: 111}
AXES = {"y": 1, "z": 2}
CM = 0.01


@dataclass(frozen=True)
class WatchmalFile:
    """A file of events in the layout of WatChMaL."""

    path: Path
    channels: int
    axis: str
    start: np.ndarray
    """where the hits of each event start, and the end of the last, (events + 1,)"""
    truth: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.start) - 1

    def records(self) -> Iterator[tuple[Hits, Truth | None]]:
        """Hits and truth of every event in order."""
        with readable(self.path, KIND), h5py.File(self.path, "r") as file:
            columns = [_mapped(self.path, column(file, name, (int(self.start[-1]),), "iuf")) for name in NEEDED[1:]]
            for event in range(len(self)):
                part = slice(self.start[event], self.start[event + 1])
                pmt, time, charge = (values[part] for values in columns)
                yield hits_of(f"{self.path}: event {event}", self.channels, pmt, charge, time), self._truth(event)

    def _truth(self, event: int) -> Truth | None:
        if len(self.truth) < 4:
            return None
        label = int(self.truth["labels"][event])
        if label == NO_TRUTH:
            return None
        name, energy = kinetic(label if self.has_codes else LABELS[label], float(self.truth["energies"][event]))
        zenith, azimuth = self.truth["angles"][event]
        across = np.sin(zenith) * np.array([np.cos(azimuth), np.sin(azimuth)])
        direction = np.insert(across, AXES[self.axis], np.cos(zenith))
        position = CM * self.truth["positions"][event]
        numbers = [energy, *position, *direction]
        if not np.isfinite(numbers).all():
            raise LampyrisError(f"{self.path}: the truth of event {event} is not finite.")
        return Truth(name, energy, upright(position, self.axis), upright(direction, self.axis), 0.0)

    @property
    def has_codes(self) -> bool:
        """Whether labels are PDG codes rather than classes."""
        return not set(np.unique(self.truth["labels"]).tolist()) <= {NO_TRUTH, *LABELS}


def upright(vector: np.ndarray, axis: str) -> np.ndarray:
    """A vector of a tank along `axis` in one along z."""
    return np.roll(vector, 2 - AXES[axis])


def is_watchmal(path: Path | str) -> bool:
    """Say whether a file looks like one of WatChMaL."""
    try:
        with h5py.File(path, "r") as file:
            return "format" not in file.attrs and all(isinstance(file.get(name), h5py.Dataset) for name in NEEDED)
    except (OSError, KeyError, ValueError, RuntimeError, TypeError):
        return False


def read_watchmal(path: Path | str, channels: int | None = None, axis: str | None = None) -> WatchmalFile:
    """Open a file of WatChMaL; raises `LampyrisError` with one line for any file that is not sound.

    The file does not say how many channels the detector has: without `channels`, the highest one that was hit is taken
    for the last. `axis` is that of the tank, "y" or "z"; without it that which the file says, else y.
    """
    path = Path(path)
    with readable(path, KIND), h5py.File(path, "r") as file:
        index = column(file, "event_hits_index", (None,), "iu", LARGEST_COLUMN)
        events = index.shape[0]
        total = column(file, "hit_pmt", (None,), "iu").shape[0]
        for name in ("hit_time", "hit_charge"):
            column(file, name, (total,), "fiu")
        start = np.append(index[:].astype(np.int64), total)
        if (events and start[0] != 0) or (np.diff(start) < 0).any():
            raise LampyrisError(
                f"{path} is damaged: event_hits_index must start at 0, never fall and end below {total}."
            )
        axis = str(read_attribute(file, "axis") or "y") if axis is None else axis
        if axis not in AXES:
            fail_unknown("axis", axis, AXES)
        last = _highest(path, column(file, "hit_pmt", (total,), "iu"))
        truth = _read_truth(file, events)
    if not 0 <= last < MOST_CHANNELS:
        raise LampyrisError(f"{path} is damaged: its highest channel is {last}.")
    return WatchmalFile(path, last + 1 if channels is None else channels, axis, start, truth)


def write_watchmal(path: Path | str, events: Iterable[tuple[Hits, Truth | None]], axis: str = "y") -> None:
    """Write events in the layout of WatChMaL; the file appears when all are written, and not at all after an error.

    Times of the vertex have no place in the layout; the hit times keep their zero. Events without truth get the label
    -1 and numbers that are not numbers.
    """
    if axis not in AXES:
        fail_unknown("axis", axis, AXES)
    starts, hits, truths, total = [], [], [], 0
    for event_hits, truth in events:
        channel = np.flatnonzero(np.asarray(event_hits.hit))
        starts.append(total)
        total += len(channel)
        hits.append((channel, np.asarray(event_hits.time)[channel], np.asarray(event_hits.charge)[channel]))
        truths.append(truth)
    joined = [
        np.concatenate(parts) if hits else np.zeros(0) for parts in (zip(*hits, strict=True) if hits else ((),) * 3)
    ]
    with writing(path) as file:
        write_attributes(file, {"axis": axis})
        file["event_hits_index"] = np.array(starts, np.int64)
        for name, values, kind in zip(NEEDED[1:], joined, (np.int32, np.float32, np.float32), strict=True):
            file[name] = values.astype(kind)
        for name, values in _truth_columns(truths, axis).items():
            file[name] = values
        file["event_ids"] = np.arange(len(starts), dtype=np.int32)
        file["veto"] = np.zeros(len(starts), bool)


def _truth_columns(truths: list[Truth | None], axis: str) -> dict[str, np.ndarray]:
    classes = {code: label for label, code in LABELS.items()}
    known = [truth for truth in truths if truth is not None]
    simple = all(classes.get(CODES.get(truth.particle, 0)) is not None for truth in known)
    labels = np.full(len(truths), NO_TRUTH, np.int32)
    energies, angles = np.full((len(truths), 1), np.nan, np.float32), np.full((len(truths), 2), np.nan, np.float32)
    positions = np.full((len(truths), 1, 3), np.nan, np.float32)
    for event, truth in enumerate(truths):
        if truth is None:
            continue
        if truth.particle not in CODES:
            fail_unknown("particle", truth.particle, CODES)
        code, turn = CODES[truth.particle], AXES[axis] - 2
        labels[event] = classes[code] if simple else code
        energies[event] = truth.energy + mass(truth.particle)
        direction = np.roll(np.asarray(truth.direction, float), turn)
        across = np.delete(direction, AXES[axis])
        angles[event] = np.arccos(np.clip(direction[AXES[axis]], -1.0, 1.0)), np.arctan2(across[1], across[0])
        positions[event, 0] = np.roll(np.asarray(truth.position, float), turn) / CM
    return {"labels": labels, "energies": energies, "positions": positions, "angles": angles}


def _mapped(path: Path, data: h5py.Dataset) -> np.ndarray | h5py.Dataset:
    """A column mapped into memory where it lies in one piece; read part by part where it does not."""
    offset = data.id.get_offset()
    if offset is None or data.size == 0:
        return data
    return np.memmap(path, mode="r", dtype=data.dtype, shape=data.shape, offset=offset)


def _highest(path: Path, data: h5py.Dataset, step: int = 4_000_000) -> int:
    """The highest channel, read in parts; -1 without hits."""
    highest, values = -1, _mapped(path, data)
    for begin in range(0, data.shape[0], step):
        part = np.asarray(values[begin : begin + step])
        if int(part.min()) < 0:
            raise LampyrisError(f"{path} has channel {int(part.min())}, below 0.")
        highest = max(highest, int(part.max()))
    return highest if highest >= 0 else 0


def _read_truth(file: h5py.File, events: int) -> dict[str, np.ndarray]:
    """Those of the four columns of the truth that are there, without their middle axes."""
    found = {}
    for name, width in (("labels", 1), ("energies", 1), ("positions", 3), ("angles", 2)):
        data = file.get(name)
        if not isinstance(data, h5py.Dataset):
            continue
        wanted = {(events,), (events, 1)} if width == 1 else {(events, width), (events, 1, width)}
        if data.shape not in wanted or data.dtype.kind not in "iuf":
            raise LampyrisError(f"{file.filename} is damaged: {name} has the shape {data.shape} for {events} events.")
        values = column(file, name, data.shape, "iuf", LARGEST_COLUMN)[:]
        found[name] = values.reshape(events) if width == 1 else values.reshape(events, width)
    return found
