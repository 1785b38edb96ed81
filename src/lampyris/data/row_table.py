"""A table of events as text (CSV) that grows row by row, so that a long run can be taken up again.

The first line, a comment, says what the rows belong to; the second names the columns. While a run lasts the table lies at its
path with .part behind it.
"""

import contextlib
import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

from lampyris._checks import LampyrisError
from lampyris.data._hdf5 import one_line


class RowTable:
    """Rows on disk, the first column the number of the event; rows of an earlier run of the same `identity` are kept."""

    def __init__(self, path: Path, identity: dict[str, str], columns: Sequence[str]):
        self.path, self.part = path, path.with_name(path.name + ".part")
        self.columns = ["event", *columns]
        self._head = f"# {json.dumps(identity)}\n{_line(self.columns)}"
        self._rows: dict[int, str] = {}
        with contextlib.suppress(OSError, UnicodeDecodeError):
            self._read(self.part.read_bytes().decode())

    @property
    def done(self) -> set[int]:
        """Events that have a row."""
        return set(self._rows)

    def append(self, event: int, row: dict[str, str | float]) -> None:
        """Add the row of an event; it is on disk when this returns. Columns that `row` lacks are empty."""
        unknown = set(row) - set(self.columns)
        if unknown:
            raise LampyrisError(f"`row` must have columns of {', '.join(self.columns)}, but has {', '.join(unknown)}.")
        self._rows[event] = line = _line([event, *(row.get(name, "") for name in self.columns[1:])])
        first = len(self._rows) == 1
        try:
            with self.part.open("w" if first else "a") as file:
                file.write(self._head + line if first else line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LampyrisError(f"{self.part} cannot be written: {error.strerror or one_line(error)}.") from error

    def finish(self) -> None:
        """Write the table, its rows in the order of the events."""
        text = self._head + "".join(self._rows[event] for event in sorted(self._rows))
        self.part.write_text(text)
        self.part.replace(self.path)

    def _read(self, text: str) -> None:
        """Take the whole rows of a run of the same identity, and cut off one that is not whole."""
        if not text.startswith(self._head):
            return
        for line in text[len(self._head) :].splitlines(keepends=True):
            cells = next(csv.reader([line]), [])
            if not line.endswith("\n") or len(cells) != len(self.columns) or not cells[0].isdigit():
                break
            self._rows[int(cells[0])] = line
        self.part.write_text(self._head + "".join(self._rows.values()))


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a finished table by their columns."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LampyrisError(f"{path} cannot be read as a table: {one_line(error)}.") from None
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _line(cells: Sequence) -> str:
    """One line of the table; numbers with six digits."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([f"{c:.7g}" if isinstance(c, float) else c for c in cells])
    return text.getvalue()
