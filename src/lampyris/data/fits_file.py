"""Results of track fits in a file, written event by event so that a long run can be taken up again.

Format `lampyris-fits`, version 1; one row for each event:

    attributes           format, version, uuid, particle, input, input_uuid, detector, lampyris, command, date
    /fit/event           (rows,)       number of the event in the input
    /fit/value, error    (rows, 7)     energy [MeV], x, y, z [m], theta, phi [rad], time [ns]
    /fit/covariance      (rows, 7, 7)
    /fit/log_likelihood  (rows,)
    /fit/result          (rows,)       "converged", ..., "no hits" for an event without any
    /truth/value         (rows, 7)     NaN where the truth is not known
"""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._attributes import read_attribute, text_attributes, write_attributes
from lampyris.data._hdf5 import attribute, column, dataset, growing, one_line, provenance, reading
from lampyris.data._limits import LARGEST_COLUMN
from lampyris.data.hits_file import EventFile
from lampyris.emission import load_profile
from lampyris.fit import Fit
from lampyris.fit.parameters import NAMES, values
from lampyris.source import Track

FORMAT, VERSION = "lampyris-fits", 1
NO_HITS = "no hits"
_COLUMNS = {
    "fit/event": ((), np.int64),
    "fit/value": ((7,), np.float64),
    "fit/error": ((7,), np.float64),
    "fit/covariance": ((7, 7), np.float64),
    "fit/log_likelihood": ((), np.float64),
    "fit/result": ((), "S24"),
    "truth/value": ((7,), np.float64),
}


class FitRow(NamedTuple):
    """The fit of one event as plain numbers."""

    event: int
    value: np.ndarray
    error: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    result: str
    truth: np.ndarray

    @staticmethod
    def of(event: int, fit: Fit | None, truth: Track | None) -> "FitRow":
        """The row of a fit; without one, that of an event that has no hits."""
        true = np.full(7, np.nan) if truth is None else values(truth)
        if fit is None:
            nothing = np.full(7, np.nan)
            return FitRow(event, nothing, nothing, np.full((7, 7), np.nan), np.nan, NO_HITS, true)
        error = np.array(list(fit.errors().values()))
        return FitRow(event, values(fit.value), error, fit.covariance, fit.log_likelihood, fit.result, true)


class FitsWriter:
    """Writes `path`.part row by row and renames it at the end; rows of an earlier run on the same input are kept."""

    def __init__(self, path: Path | str, events: EventFile, particle: str, *, command: str = ""):
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        made = provenance(command)
        self.identity = {"particle": particle, "input_uuid": events.uuid, "lampyris": made["lampyris"]}
        self.header: dict[str, str | int] = {"format": FORMAT, "version": VERSION, "uuid": str(uuid.uuid4())}
        self.header |= {"input": events.path.name, "detector": events.detector_name} | made | self.identity
        self.done = self._taken_up()

    def append(self, row: FitRow) -> None:
        """Add the fit of one event; it is on disk when this returns."""
        try:
            self._begin()
            with h5py.File(self.part, "r+") as file:
                rows = dataset(file, "fit/event").shape[0]
                # the number of the event comes last: a row counts when it is whole
                for name, value in reversed(list(zip(_COLUMNS, row, strict=True))):
                    data = dataset(file, name)
                    data.resize(rows + 1, axis=0)
                    data[rows] = value.encode() if isinstance(value, str) else value
        except OSError as error:
            raise LampyrisError(f"{self.part} cannot be written: {error.strerror or one_line(error)}.") from error
        self.done.add(row.event)

    def finish(self) -> None:
        """Give the file its name."""
        try:
            self._begin()
            os.replace(self.part, self.path)
        except OSError as error:
            raise LampyrisError(f"{self.path} cannot be written: {error.strerror or one_line(error)}.") from error

    def _begin(self) -> None:
        """Make the empty file, unless there are rows already."""
        if self.done or (self.part.exists() and self._matches()):
            return
        with h5py.File(self.part, "w") as file:
            write_attributes(file, self.header)
            for name, (shape, dtype) in _COLUMNS.items():
                growing(file, name, dtype, shape)

    def _taken_up(self) -> set[int]:
        """Events that an earlier run on the same input has finished."""
        return set(read_fits(self.part).event.tolist()) if self._matches() else set()

    def _matches(self) -> bool:
        try:
            read_fits(self.part)
            with reading(self.part, FORMAT, VERSION) as file:
                return all(read_attribute(file, name) == value for name, value in self.identity.items())
        except LampyrisError:
            return False


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

    def __len__(self) -> int:
        return len(self.event)

    def track(self, event: int) -> Track | None:
        """The fitted track of one event of the input; nothing where it had no hits."""
        rows = np.flatnonzero(self.event == event)
        if len(rows) == 0:
            raise LampyrisError(f"{self.path} holds no fit of event {event}.")
        value = self.value[rows[0]]
        return make_track(self.attributes["particle"], value) if np.isfinite(value).all() else None


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
    with reading(path, FORMAT, VERSION) as file:
        count = column(file, "fit/event", (None,), "iu").shape[0]
        columns = [
            column(file, name, (None, *shape), np.dtype(kind).kind, LARGEST_COLUMN)
            for name, (shape, kind) in _COLUMNS.items()
        ]
        if min(data.shape[0] for data in columns) < count:
            raise LampyrisError(f"{path} is damaged: its columns differ in length.")
        event, value, error, covariance, log_likelihood, result, truth = (data[:count] for data in columns)
        attributes = text_attributes(file)
        for name in ("particle", "input", "input_uuid", "detector"):
            attribute(file, name)
    words = tuple(word.decode("utf-8", "replace") for word in result)
    return FitFile(Path(path), attributes, event, value, error, covariance, log_likelihood, words, truth)


def summary(fits: FitFile) -> dict:
    """How a file of fits did, as plain numbers: results, and against the truth where it is known.

    Quantiles of 68 % of the vertex [cm], direction [deg], relative energy; median and rms pulls by name.
    """
    codes, counts = np.unique(fits.result, return_counts=True)
    told = {"events": len(fits), "results": dict(zip(codes.tolist(), counts.tolist(), strict=True))}
    known = np.isfinite(fits.truth).all(1) & np.isfinite(fits.value).all(1)
    if not known.any():
        return told
    value, truth = fits.value[known], fits.truth[known]
    away = value - truth
    away[:, 5] = (away[:, 5] + np.pi) % (2.0 * np.pi) - np.pi
    cosine = np.cos(value[:, 4]) * np.cos(truth[:, 4])
    cosine += np.sin(value[:, 4]) * np.sin(truth[:, 4]) * np.cos(away[:, 5])
    vertex = 100.0 * np.linalg.norm(away[:, 1:4], axis=1)
    angle = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    for name, error in (("vertex_cm", vertex), ("direction_deg", angle), ("energy", np.abs(away[:, 0] / truth[:, 0]))):
        told[f"{name}_median"], told[f"{name}_68"] = np.quantile(error, [0.5, 0.68]).tolist()
    pull = away / fits.error[known]
    pull = pull[np.isfinite(pull).all(1)]
    if len(pull):
        told["pull_median"] = dict(zip(NAMES, np.median(pull, axis=0).tolist(), strict=True))
        told["pull_rms"] = dict(zip(NAMES, np.sqrt((pull**2).mean(axis=0)).tolist(), strict=True))
    return told
