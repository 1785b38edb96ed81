"""The file in which rows wait until all events are done.

It is text: a line that says what the rows belong to, then one line for each event. A line counts when it is whole, so that a
process may be killed at any moment; HDF5 files do not survive that while they are written.
"""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._hdf5 import one_line

LONGEST_LOG = 2**30
"""Bytes of such a file at most."""


@runtime_checkable
class Row(Protocol):
    """A row of plain numbers, texts and arrays."""

    @property
    def event(self) -> int:
        """Number of its event."""
        ...

    def _asdict(self) -> dict[str, Any]: ...


R = TypeVar("R", bound=Row)


class RowLog(Generic[R]):
    """Rows of a run on disk; those of an earlier run of the same `identity` are kept, those of another are not.

    `parse` makes a row of what its line says, or nothing if the line is not that of a row.
    """

    def __init__(self, path: Path, identity: dict[str, str], parse: Callable[[dict[str, Any]], R | None]):
        self.path, self.identity, self.parse = path, identity, parse
        self.rows: dict[int, R] = {}
        self._sound = 0  # bytes that hold whole lines of this run
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_size <= LONGEST_LOG:
                self._read(path.read_bytes())

    def append(self, row: R) -> None:
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
                row = self.parse(told)
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
