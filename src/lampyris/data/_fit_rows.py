"""The fit of one event as plain numbers, and the file in which rows wait until all events are done.

That file is text: a line that says what the fits belong to, then one line for each event. A line counts when it is whole,
so that a process may be killed at any moment; HDF5 files do not survive that while they are written.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._hdf5 import one_line
from lampyris.data.records import Truth
from lampyris.fit import Fit
from lampyris.fit.parameters import values
from lampyris.source import Track

NO_HITS = "no hits"
STATISTICS = (
    "hits",
    "charge",
    "iterations",
    "rough_iterations",
    "evaluations",
    "goodness",
    "seconds",
    "wall_distance",
    "true_wall_distance",
)
"""What is told of each fit beside its numbers."""
LONGEST_LOG = 2**30
"""Bytes of a file of waiting rows at most."""


class FitRow(NamedTuple):
    """The fit of one event as plain numbers."""

    event: int
    value: np.ndarray
    error: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    result: str
    truth: np.ndarray
    true_particle: str = ""
    note: str = ""
    """why there is no fit, or what was wrong with the truth"""
    statistics: dict[str, float] = {}  # noqa: RUF012 - never changed
    """some of `STATISTICS` by name"""

    @staticmethod
    def of(
        event: int,
        fit: Fit | None,
        truth: Track | Truth | None,
        *,
        result: str = NO_HITS,
        note: str = "",
        **told: float,
    ) -> "FitRow":
        """The row of a fit; without one, that of an event whose `result` says why. `told` are further statistics."""
        true, name = _true_values(truth), "" if truth is None else truth.particle
        if fit is None:
            nothing = np.full(7, np.nan)
            return FitRow(event, nothing, nothing, np.full((7, 7), np.nan), np.nan, result, true, name, note, told)
        error = np.array(list(fit.errors().values()))
        known = {name: float(fit.statistics[name]) for name in STATISTICS if name in fit.statistics} | told
        return FitRow(
            event, values(fit.value), error, fit.covariance, fit.log_likelihood, fit.result, true, name, note, known
        )


def _true_values(truth: Track | Truth | None) -> np.ndarray:
    """The seven numbers of a truth in the order of `lampyris.fit.parameters.values`; NaN without one."""
    if truth is None:
        return np.full(7, np.nan)
    x, y, z = np.asarray(truth.direction, float)
    angles = [np.arccos(np.clip(z, -1.0, 1.0)), np.arctan2(y, x)]
    return np.array([float(truth.energy), *np.asarray(truth.position, float), *angles, float(truth.time)])


class RowLog:
    """Rows of a run on disk; those of an earlier run of the same `identity` are kept, those of another are not."""

    def __init__(self, path: Path, identity: dict[str, str]):
        self.path, self.identity = path, identity
        self.rows: dict[int, FitRow] = {}
        self._sound = 0  # bytes that hold whole lines of this run
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_size <= LONGEST_LOG:
                self._read(path.read_bytes())

    def append(self, row: FitRow) -> None:
        """Add a row; it is on disk when this returns."""
        line = _line(row._asdict())
        try:
            with self.path.open("r+b" if self._sound else "wb") as file:
                file.truncate(self._sound)
                file.seek(self._sound)
                head = b"" if self._sound else _line(self.identity)
                file.write(head + line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LampyrisError(f"{self.path} cannot be written: {error.strerror or one_line(error)}.") from error
        self._sound += len(head) + len(line)
        self.rows[row.event] = row

    def remove(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)

    def _read(self, content: bytes) -> None:
        """Take the rows up to the first line that is not whole."""
        for number, line in enumerate(content.splitlines(keepends=True)):
            told = _parsed(line)
            if told is None or (number == 0 and told != self.identity):
                return
            if number > 0:
                row = _row(told)
                if row is None:
                    return
                self.rows[row.event] = row
            self._sound += len(line)


def _line(told: dict) -> bytes:
    """One line of JSON; numbers come back to the last bit."""
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in told.items()}
    return json.dumps(plain).encode() + b"\n"


def _parsed(line: bytes) -> dict | None:
    """What a line says; nothing if it is not whole."""
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(line) if line.endswith(b"\n") else None
        return told if isinstance(told, dict) else None
    return None


def _row(told: dict[str, Any]) -> FitRow | None:
    """A row of its line; nothing if the line is not that of a row."""
    try:
        arrays = {name: np.array(told[name], float) for name in ("value", "error", "covariance", "truth")}
        known = {str(name): float(value) for name, value in told["statistics"].items()}
        value, error, covariance, truth = arrays.values()
        row = FitRow(
            int(told["event"]),
            value,
            error,
            covariance,
            float(told["log_likelihood"]),
            str(told["result"]),
            truth,
            str(told["true_particle"]),
            str(told["note"]),
            known,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    shapes = [array.shape for array in arrays.values()]
    return row if shapes == [(7,), (7,), (7, 7), (7,)] and row.event >= 0 else None
