"""Fits of several rings as a table of text (CSV), kept event by event so that a long run can be taken up again.

The first line, a comment, says what the rows belong to; the second names the columns. Energies are in MeV, places in m, angles
in rad, times in ns. Until all events are done the rows wait at the path of the table with .part behind it.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._hdf5 import one_line, provenance
from lampyris.data._row_log import RowLog
from lampyris.data.hits_file import EventFile
from lampyris.fit.result import Fit
from lampyris.fit.rings import RingsFit

FORMAT = "lampyris-rings"
SHARED = ("x", "y", "z", "time")
OWN = ("energy", "theta", "phi")
LAST = ("log_likelihood", "mass", "mass_error", "hits", "charge", "seconds", "note")

Cells = dict[str, str | float]


class RingsRow(NamedTuple):
    """One row: the number of the event, and its cells by column."""

    event: int
    cells: Cells


class RingsWriter:
    """Keeps rows in `path`.part and writes `path` at the end; rows of an earlier run on the same input are kept.

    `digest` is any text that changes with the parameters of the detector: only rows of the same text are taken up.
    """

    def __init__(self, path: Path, events: EventFile, particles: Sequence[str], *, digest: str):
        self.path, self.particles = path, tuple(particles)
        self.identity = {"format": FORMAT, "input": events.path.name, "input_uuid": events.uuid}
        self.identity |= {"particles": ",".join(particles), "detector_digest": digest}
        self.identity |= {"lampyris": provenance("")["lampyris"]}
        self._log = RowLog(path.with_name(path.name + ".part"), self.identity, _row)

    @property
    def done(self) -> set[int]:
        """Events that have a row."""
        return set(self._log.rows)

    def append(self, event: int, fit: RingsFit | None, **told: str | float) -> None:
        """Add the row of an event, which is on disk when this returns; `told` are further columns, as its result."""
        self._log.append(RingsRow(event, _cells(fit, self.particles) | told))

    def finish(self) -> None:
        """Write the table, its rows in the order of the events."""
        try:
            with self.path.open("w", newline="") as file:
                file.write(f"# {json.dumps(self.identity)}\n")
                table = csv.DictWriter(file, ["event", *columns_of(len(self.particles))], lineterminator="\n")
                table.writeheader()
                for event in sorted(self._log.rows):
                    cells = self._log.rows[event].cells.items()
                    table.writerow({"event": event} | {n: f"{c:.7g}" if isinstance(c, float) else c for n, c in cells})
        except OSError as error:
            raise LampyrisError(f"{self.path} cannot be written: {error.strerror or one_line(error)}.") from error
        self._log.remove()


def read_rings(path: Path) -> list[dict[str, str]]:
    """The rows of a finished table by their columns."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LampyrisError(f"{path} cannot be read as a table: {one_line(error)}.") from None
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def columns_of(rings: int) -> list[str]:
    """Columns of a table of fits of so many rings, behind the number of the event."""
    numbers = range(1, rings + 1)
    shared = [name for number in SHARED for name in (number, f"{number}_error")]
    own = [f"{number}{end}_{ring}" for ring in numbers for number in OWN for end in ("", "_error")]
    return ["result", *shared, *[f"particle_{ring}" for ring in numbers], *own, *LAST]


def _cells(fit: RingsFit | None, particles: Sequence[str]) -> Cells:
    """What is known of an event; without a likelihood there are no numbers."""
    cells: Cells = {f"particle_{ring}": particle for ring, particle in enumerate(particles, 1)}
    if fit is None:
        return cells
    cells |= {name: float(fit.statistics[name]) for name in ("hits", "charge")}
    if not np.isfinite(fit.log_likelihood):
        return cells
    cells |= _numbers(fit.fits[0], SHARED, "")
    for ring, own in enumerate(fit.fits, 1):
        cells |= _numbers(own, OWN, f"_{ring}")
    mass, error = fit.mass
    return cells | {"log_likelihood": fit.log_likelihood, "mass": mass, "mass_error": error}


def _numbers(fit: Fit, names: Sequence[str], ending: str) -> Cells:
    """Numbers of a fit with their errors."""
    value, error = fit.values(), fit.errors()
    cells: Cells = {}
    for name in names:
        cells |= {f"{name}{ending}": value[name], f"{name}_error{ending}": error[name]}
    return cells


def _row(told: dict[str, Any]) -> RingsRow | None:
    """A row of its line; nothing if the line is not that of a row."""
    event, cells = told.get("event"), told.get("cells")
    if not isinstance(event, int) or event < 0 or not isinstance(cells, dict):
        return None
    sound = all(isinstance(cell, str | float | int) for cell in cells.values())
    return RingsRow(event, cells) if sound else None
