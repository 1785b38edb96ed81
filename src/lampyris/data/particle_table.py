"""Plain tables of charged steps or of photons, written by this or by any other program: HDF5, or `.npz` for small ones.

Each row is a step or a photon, and `event` says of which event. Events are made at the origin along +z at time 0 or lie
where the program put them; `lampyris simulate` can move them. The columns::

    steps     start, end (rows, 3) [m], time at the start [ns], beta_start, beta_end, length of the path [m], charge [e],
              energy_deposit [MeV], pdg (code of the particle), track (from 1), parent (track of the mother, 0: none)
    photons   position (rows, 3) [m], direction (rows, 3) unit vectors of travel, time [ns], wavelength [nm]
    both      event (rows,), from 0 and never falling; without it all rows are of one event
              particle (events,) and energy (events,) [MeV, kinetic] of the primary, where they are known
"""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._hdf5 import column
from lampyris.data._limits import readable
from lampyris.data._particle_columns import COLUMNS, MOST_ROWS, bounds, called, check_numbers, open_table
from lampyris.particle import Steps
from lampyris.source import Photons


@dataclass(frozen=True)
class ParticleTable:
    """A file of steps or photons; one event is read at a time, `len` counts them."""

    path: Path
    kind: str
    offset: np.ndarray
    particles: list[str]
    energies: np.ndarray
    provenance: dict[str, str]
    held: dict[str, np.ndarray] | None
    """columns of a `.npz`, which is read whole; those of HDF5 stay in the file"""

    def __len__(self) -> int:
        return len(self.offset) - 1

    def particle(self, event: int) -> tuple[str, float]:
        """Name and kinetic energy [MeV] of the primary; empty and NaN where the file does not tell them."""
        self._range(event)
        return self.particles[event], float(self.energies[event])

    def _range(self, event: int) -> tuple[int, int]:
        if not 0 <= event < len(self):
            there = f"0 .. {len(self) - 1}" if len(self) else "none"
            raise LampyrisError(f"{self.path} has no event {event}; there are: {there}.")
        return int(self.offset[event]), int(self.offset[event + 1])

    def _rows(self, event: int) -> dict[str, np.ndarray]:
        """The columns of one event, checked."""
        start, end = self._range(event)
        if end - start > MOST_ROWS:
            raise LampyrisError(
                f"{self.path}: event {event} must have at most {MOST_ROWS} rows, but has {end - start}."
            )
        if self.held is not None:
            found = {name: self.held[name][start:end] for name in COLUMNS[self.kind]}
        else:
            with readable(self.path, called(self.kind)), h5py.File(self.path, "r") as file:
                total = int(self.offset[-1])
                found = {
                    name: column(file, name, (total, *shape), "iuf")[start:end]
                    for name, shape in COLUMNS[self.kind].items()
                }
        for name, values in found.items():
            check_numbers(f"{self.path}: {name} of event {event}", values, *bounds(name))
        return found


class StepTable(ParticleTable):
    """A file of charged steps."""

    def steps(self, event: int) -> Steps:
        """The steps of one event, as the file has them."""
        return Steps(**self._rows(event))


class PhotonTable(ParticleTable):
    """A file of photons."""

    def photons(self, event: int) -> Photons:
        """The photons of one event, as the file has them."""
        rows = self._rows(event)
        if not len(rows["time"]):
            raise LampyrisError(f"{self.path}: event {event} has no photons.")
        try:
            return Photons(**{name: values.astype(np.float64) for name, values in rows.items()})
        except LampyrisError as error:
            raise LampyrisError(f"{self.path}: event {event}: {error}") from error


def read_steps(path: Path | str) -> StepTable:
    """Open a table of steps; raises `LampyrisError` with one line for any file that is not sound."""
    return StepTable(*open_table(Path(path), "steps"))


def read_photons(path: Path | str) -> PhotonTable:
    """Open a table of photons; raises `LampyrisError` with one line for any file that is not sound."""
    return PhotonTable(*open_table(Path(path), "photons"))
