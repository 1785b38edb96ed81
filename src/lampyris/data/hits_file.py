"""Events in a file: the hits of each, and the truth where it is known.

Format `lampyris-events`, version 1. Only hit channels are stored, one event after the other:

    attributes          format, version, uuid, detector, channels, lampyris, command, seed, date
    /hits/offset        (events + 1,)  where each event starts in the three columns below
    /hits/channel       (hits,)        increasing within an event
    /hits/charge, time  (hits,)        [pe], [ns]
    /truth/particle     (events,)      empty where the truth is not known
    /truth/energy, position, direction, time   [MeV], [m], unit vector, [ns]
"""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

import contextlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from lampyris._checks import LampyrisError, fail_unknown
from lampyris.data._attributes import read_attribute, text_attributes, write_attributes
from lampyris.data._hdf5 import append, attribute, column, dataset, growing, provenance, reading, writing
from lampyris.data._limits import LARGEST_COLUMN
from lampyris.data.records import CODES, MOST_CHANNELS, Truth
from lampyris.detector import Detector
from lampyris.response import Hits
from lampyris.source import Track

FORMAT, VERSION = "lampyris-events", 1
_HITS = {"channel": np.int32, "charge": np.float32, "time": np.float32}
_TRUTH = {"energy": (), "position": (3,), "direction": (3,), "time": ()}


@dataclass(frozen=True)
class EventFile:
    """A file of events; `hits(i)` and `truth(i)` read one event at a time, `len` counts them."""

    path: Path
    detector_name: str
    channels: int
    uuid: str
    provenance: dict[str, str]
    offset: np.ndarray

    def __len__(self) -> int:
        return len(self.offset) - 1

    def hits(self, event: int) -> Hits:
        """The hits of one event; an event without any is returned too."""
        start, end = self._range(event)
        with reading(self.path, FORMAT, VERSION) as file:
            total = int(self.offset[-1])
            part = {name: column(file, f"hits/{name}", (total,), "iuf")[start:end] for name in _HITS}
        channel = part["channel"].astype(np.int64)
        if len(channel) and (channel.min() < 0 or channel.max() >= self.channels):
            worst = int(channel.max() if channel.max() >= self.channels else channel.min())
            raise LampyrisError(f"{self.path}: event {event} has channel {worst}, outside 0 .. {self.channels - 1}.")
        if not (np.diff(channel) > 0).all():
            raise LampyrisError(f"{self.path}: the channels of event {event} do not increase.")
        charge, time = np.zeros(self.channels, np.float32), np.zeros(self.channels, np.float32)
        hit = np.zeros(self.channels, bool)
        charge[channel], time[channel], hit[channel] = part["charge"], part["time"], True
        hits = Hits(charge, time, hit)
        if len(channel):
            with self._naming(event):
                hits.check(self.channels)
        return hits

    def truth(self, event: int) -> Track | None:
        """The true particle of one event as a track; nothing where it is not known or no model of it exists."""
        known = self.particle(event)
        try:
            return None if known is None else Track(*known)
        except LampyrisError:
            return None

    def particle(self, event: int) -> Truth | None:
        """The true particle of one event as plain numbers, where the file knows it."""
        self._range(event)
        with reading(self.path, FORMAT, VERSION) as file:
            particle = column(file, "truth/particle", (len(self),), "S")[event].decode()
            if not particle:
                return None
            row = {name: column(file, f"truth/{name}", (len(self), *s), "f")[event] for name, s in _TRUTH.items()}
        if particle not in CODES and not particle.startswith("pdg "):
            with self._naming(event):
                fail_unknown("particle", particle, CODES)
        if not np.isfinite(np.concatenate([np.ravel(value) for value in row.values()])).all():
            raise LampyrisError(f"{self.path}: the truth of event {event} is not finite.")
        if not abs(float(np.linalg.norm(row["direction"])) - 1.0) < 1e-4:
            raise LampyrisError(f"{self.path}: the true direction of event {event} is not a unit vector.")
        return Truth(particle, **row)

    def records(self) -> Iterator[tuple[Hits, Truth | None]]:
        """Hits and truth as plain numbers of all events in order."""
        for event in range(len(self)):
            yield self.hits(event), self.particle(event)

    def events(self) -> Iterator[tuple[Hits, Track | None]]:
        """All events in order."""
        for event in range(len(self)):
            yield self.hits(event), self.truth(event)

    @contextlib.contextmanager
    def _naming(self, event: int) -> Iterator[None]:
        """Say of which event of which file an error is."""
        try:
            yield
        except LampyrisError as error:
            raise LampyrisError(f"{self.path}: event {event}: {error}") from error

    def _range(self, event: int) -> tuple[int, int]:
        if not 0 <= event < len(self):
            there = f"0 .. {len(self) - 1}" if len(self) else "none"
            raise LampyrisError(f"{self.path} has no event {event}; there are: {there}.")
        return int(self.offset[event]), int(self.offset[event + 1])


def write_events(
    path: Path | str,
    detector: Detector,
    events: Iterable[tuple[Hits, Track | Truth | None]],
    *,
    command: str = "",
    seed: int | None = None,
) -> None:
    """Write events as they come; the file appears when the last is written, and not at all after an error."""
    channels = detector.sensors.count
    with writing(path) as file:
        header = {"format": FORMAT, "version": VERSION, "uuid": str(uuid.uuid4()), **provenance(command)}
        header |= {"detector": detector.name, "channels": channels, "seed": "" if seed is None else str(seed)}
        write_attributes(file, header)
        growing(file, "hits/offset", np.int64)
        append(dataset(file, "hits/offset"), [0])
        for name, dtype in _HITS.items():
            growing(file, f"hits/{name}", dtype)
        growing(file, "truth/particle", "S16")
        for name, shape in _TRUTH.items():
            growing(file, f"truth/{name}", np.float64, shape)
        for hits, truth in events:
            _append_hits(file, hits, channels)
            _append_truth(file, truth)


def read_events(path: Path | str) -> EventFile:
    """Open a file of events; raises `LampyrisError` with one line for any file that is not sound."""
    with reading(path, FORMAT, VERSION) as file:
        said, detector, identity = text_attributes(file), attribute(file, "detector"), attribute(file, "uuid")
        channels = read_attribute(file, "channels")
        offset = column(file, "hits/offset", (None,), "iu", LARGEST_COLUMN)[:].astype(np.int64)
        if not isinstance(channels, int):
            raise LampyrisError(f"{path} is damaged: its attribute channels must be a whole number.")
        if not 0 < channels <= MOST_CHANNELS:
            raise LampyrisError(f"{path} is damaged: its number of channels is {channels}.")
        if len(offset) == 0 or offset[0] != 0 or (np.diff(offset) < 0).any():
            raise LampyrisError(f"{path} is damaged: hits/offset must start at 0 and never fall.")
        if (np.diff(offset) > channels).any():
            raise LampyrisError(f"{path} is damaged: an event has more hits than the {channels} channels.")
        for name in _HITS:
            column(file, f"hits/{name}", (int(offset[-1]),), "iuf")
        column(file, "truth/particle", (len(offset) - 1,), "S")
        told = {name: said.get(name, "") for name in ("lampyris", "command", "seed", "date")}
        return EventFile(Path(path), detector, channels, identity, told, offset)


def _append_hits(file: h5py.File, hits: Hits, channels: int) -> None:
    hit = np.asarray(hits.hit, bool)
    if hit.shape != (channels,) or hit.any():
        hits.check(channels)
    channel = np.flatnonzero(hit)
    append(dataset(file, "hits/channel"), channel)
    append(dataset(file, "hits/charge"), np.asarray(hits.charge)[channel])
    append(dataset(file, "hits/time"), np.asarray(hits.time)[channel])
    append(dataset(file, "hits/offset"), [dataset(file, "hits/channel").shape[0]])


def _append_truth(file: h5py.File, truth: Track | Truth | None) -> None:
    append(dataset(file, "truth/particle"), [b"" if truth is None else truth.particle.encode()])
    for name, shape in _TRUTH.items():
        value = np.full(shape, np.nan) if truth is None else np.asarray(getattr(truth, name), float)
        append(dataset(file, f"truth/{name}"), value[None])
