"""Results of track fits in a file, kept event by event so that a long run can be taken up again.

Format `lampyris-fits`, version 2; one row for each event. Version 1, which ends with the truth, is read too:

    attributes           format, version, uuid, particle, input, input_uuid, detector, detector_digest, lampyris, command, date
    /fit/event           (rows,)       number of the event in the input
    /fit/value, error    (rows, 7)     energy [MeV], x, y, z [m], theta, phi [rad], time [ns]
    /fit/covariance      (rows, 7, 7)
    /fit/log_likelihood  (rows,)
    /fit/result          (rows,)       "converged", ...; "no hits", "unusable", "failed" for an event without a fit
    /fit/note            (rows,)       why there is no fit, or what was wrong with the truth
    /truth/value         (rows, 7)     NaN where the truth is not known
    /truth/particle      (rows,)       empty where the truth is not known
    /statistics/...      (rows,)       hits, charge [pe], iterations, rough_iterations, evaluations, goodness [sigma], seconds
    /statistics/...      (rows,)       wall_distance, true_wall_distance of the vertex [m]; NaN where not known
"""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

import uuid
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._attributes import text_attributes, write_attributes
from lampyris.data._fit_rows import NO_HITS, STATISTICS, FitRow, fit_row
from lampyris.data._hdf5 import attribute, column, growing, provenance, reading, writing
from lampyris.data._limits import LARGEST_COLUMN
from lampyris.data._row_log import RowLog
from lampyris.data.hits_file import EventFile
from lampyris.emission import load_profile
from lampyris.fit.resolution import Sample, resolution
from lampyris.source import Track

__all__ = ["FORMAT", "NO_HITS", "FitFile", "FitRow", "FitsWriter", "make_track", "read_fits", "summary"]

FORMAT, VERSION, OLDEST = "lampyris-fits", 2, 1
LONGEST_NOTE = 160
_COLUMNS = {
    "event": ("fit/event", (), np.int64),
    "value": ("fit/value", (7,), np.float64),
    "error": ("fit/error", (7,), np.float64),
    "covariance": ("fit/covariance", (7, 7), np.float64),
    "log_likelihood": ("fit/log_likelihood", (), np.float64),
    "result": ("fit/result", (), "S24"),
    "truth": ("truth/value", (7,), np.float64),
}
_LATER = {"note": ("fit/note", (), f"S{LONGEST_NOTE}"), "true_particle": ("truth/particle", (), "S16")}
"""Columns of text that version 1 has not."""


class FitsWriter:
    """Keeps rows in `path`.part and writes `path` at the end; rows of an earlier run on the same input are kept.

    `digest` is any text that changes with what the fits depend on beside input and particle, as the parameters of the
    detector: only rows of the same text are taken up.
    """

    def __init__(self, path: Path | str, events: EventFile, particle: str, *, command: str = "", digest: str = ""):
        self.path = Path(path)
        made = provenance(command)
        identity = {"particle": particle, "input_uuid": events.uuid, "lampyris": made["lampyris"]}
        identity |= {"detector_digest": digest}
        self.header: dict[str, str | int] = {"format": FORMAT, "version": VERSION, "uuid": str(uuid.uuid4())}
        self.header |= {"input": events.path.name, "detector": events.detector_name} | made | identity
        part = self.path.with_name(self.path.name + ".part")
        self._log = RowLog(part, {"format": f"{FORMAT}-rows"} | identity, fit_row)

    @property
    def done(self) -> set[int]:
        """Events that have a row."""
        return set(self._log.rows)

    def append(self, row: FitRow) -> None:
        """Add the fit of one event; it is on disk when this returns."""
        self._log.append(row)

    def finish(self) -> None:
        """Write the file, its rows in the order of the events."""
        rows = [self._log.rows[event] for event in sorted(self._log.rows)]
        with writing(self.path) as file:
            write_attributes(file, self.header)
            for name, (where, shape, dtype) in (_COLUMNS | _LATER).items():
                entries = [getattr(row, name) for row in rows]
                _fill(file, where, shape, dtype, [e.encode() if isinstance(e, str) else e for e in entries])
            for name in STATISTICS:
                _fill(file, f"statistics/{name}", (), np.float64, [r.statistics.get(name, np.nan) for r in rows])
        self._log.remove()


def _fill(file: h5py.File, where: str, shape: tuple[int, ...], dtype, entries: list) -> None:
    data = growing(file, where, dtype, shape)
    data.resize(len(entries), axis=0)
    if entries:
        data[:] = np.array(entries, dtype)


@dataclass(frozen=True)
class FitFile:
    """Fits of many events; row i belongs to the event `event[i]` of the input."""

    path: Path
    attributes: dict[str, str]
    event: np.ndarray
    value: np.ndarray
    error: np.ndarray
    covariance: np.ndarray
    log_likelihood: np.ndarray
    result: tuple[str, ...]
    truth: np.ndarray
    note: tuple[str, ...]
    true_particle: tuple[str, ...]
    statistics: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.event)

    def track(self, event: int) -> Track | None:
        """The fitted track of one event of the input; nothing where there is no fit."""
        rows = np.flatnonzero(self.event == event)
        if len(rows) == 0:
            raise LampyrisError(f"{self.path} holds no fit of event {event}.")
        value = self.value[rows[0]]
        return make_track(self.attributes["particle"], value) if np.isfinite(value).all() else None

    @property
    def sample(self) -> Sample:
        """The fits with their truths, to be judged by `lampyris.fit.resolution`."""
        particle = self.attributes["particle"]
        return Sample(self.value, self.covariance, self.truth, self.result, particle, self.true_particle)


def make_track(particle: str, value: np.ndarray) -> Track:
    """The track of the seven numbers that `lampyris.fit.parameters.values` gives."""
    energy, x, y, z, theta, phi, time = value
    direction = [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
    low, high = load_profile(particle).energy_range
    # a fit that ends on the edge of the energies may lie beyond it by a rounding error
    energy = np.clip(energy, low, high) if 0.999 * low < energy < 1.001 * high else energy
    return Track(particle, energy, [x, y, z], direction, time)


def read_fits(path: Path | str) -> FitFile:
    """Read a file of fits; raises `LampyrisError` with one line for any file that is not sound."""
    with reading(path, FORMAT, VERSION, oldest=OLDEST) as file:
        count = column(file, "fit/event", (None,), "iu").shape[0]
        first = {name: _read(file, where, shape, dtype, count) for name, (where, shape, dtype) in _COLUMNS.items()}
        later = {name: [b""] * count for name in _LATER}
        later |= {n: _read(file, where, (), dtype, count) for n, (where, _, dtype) in _LATER.items() if where in file}
        told = {name: f"statistics/{name}" for name in STATISTICS if f"statistics/{name}" in file}
        statistics = {name: _read(file, where, (), np.float64, count) for name, where in told.items()}
        attributes = text_attributes(file)
        for name in ("particle", "input", "input_uuid", "detector"):
            attribute(file, name)
    words = {name: tuple(word.decode("utf-8", "replace") for word in later[name]) for name in _LATER}
    result = tuple(word.decode("utf-8", "replace") for word in first.pop("result"))
    return FitFile(Path(path), attributes, result=result, **first, **words, statistics=statistics)


def _read(file: h5py.File, where: str, shape: tuple[int, ...], dtype, count: int) -> np.ndarray:
    """A column of at least `count` rows."""
    data = column(file, where, (None, *shape), np.dtype(dtype).kind, LARGEST_COLUMN)
    if data.shape[0] < count:
        raise LampyrisError(f"{file.filename} is damaged: its columns differ in length.")
    return data[:count]


def summary(fits: FitFile) -> dict:
    """How a file of fits did, as plain numbers: results, against the truth where it is known, and times."""
    told = resolution(fits.sample)
    statistics = {name: values[np.isfinite(values)] for name, values in fits.statistics.items()}
    seconds = statistics.get("seconds", np.zeros(0))
    if len(seconds):
        told |= {"seconds_per_event": float(np.median(seconds)), "fit_seconds": float(seconds.sum())}
    if len(statistics.get("iterations", ())):
        steps = fits.statistics["iterations"] + np.nan_to_num(fits.statistics.get("rough_iterations", np.zeros(1)))
        median, most = np.quantile(steps[np.isfinite(steps)], [0.5, 0.95])
        told |= {"iterations_median": float(median), "iterations_95": float(most)}
    return told
