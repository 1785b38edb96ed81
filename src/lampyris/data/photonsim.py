"""Photons of PhotonSim ROOT files: one event for each entry of the tree `OpticalPhotons`, lengths in mm, times in ns.

The photons stand in that tree, or, as newer versions write them, in parts of events in the tree `OpticalPhotonsRaw`. The
track segments of these files carry no velocities and merge steps, so no light could be made from them: `Steps` they are not.
"""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._limits import check_size, readable
from lampyris.data._root import LARGEST_FILE, check_basket_sizes, open_root, tree_of
from lampyris.data.records import PARTICLES
from lampyris.source import Photons

KIND, TREE, RAW = "PhotonSim file", "OpticalPhotons", "OpticalPhotonsRaw"
MM = 1e-3
COLUMNS = [f"Photon{what}{axis}" for what in ("Pos", "Dir") for axis in "XYZ"] + ["PhotonTime", "PhotonWavelength"]
MOST_PHOTONS = 50_000_000


@dataclass(frozen=True)
class PhotonFile:
    """A file of PhotonSim; events are read one at a time."""

    path: Path
    events: int
    parted: bool
    """whether the photons stand in parts of events in a tree of their own"""

    def __len__(self) -> int:
        return self.events

    def photons(self, event: int) -> Photons:
        """Photons of one event, as the file has them; the particle of PhotonSim starts at the origin along +z."""
        with readable(self.path, KIND), open_root(self.path) as file:
            self._check(event)
            if self.parted:
                read = self._joined(file, event)
            else:
                tree = tree_of(self.path, file, TREE)
                read = [_column(tree, name, event, event + 1)[0] for name in COLUMNS]
        counts = {len(values) for values in read}
        if len(counts) != 1:
            raise LampyrisError(f"{self.path}: the columns of event {event} differ in length.")
        count = counts.pop()
        if not 0 < count <= MOST_PHOTONS:
            raise LampyrisError(
                f"{self.path}: event {event} holds {count} photons, not 1 to {MOST_PHOTONS}; "
                "PhotonSim stores them only if it is told to."
            )
        values = np.stack(read)
        if not np.isfinite(values).all():
            raise LampyrisError(f"{self.path}: event {event} has a number that is not finite.")
        place, heading = MM * values[:3].T, values[3:6].T
        length = np.linalg.norm(heading, axis=1, keepdims=True)
        if not (length > 0).all() or not (values[7] > 0).all():
            raise LampyrisError(f"{self.path}: event {event} has a photon without a direction or a wavelength.")
        return Photons(place, heading / length, values[6], values[7])

    def _joined(self, file, event: int) -> list[np.ndarray]:
        """The columns of one event from all its parts."""
        number = int(tree_of(self.path, file, TREE)["EventID"].array(library="np")[event])
        raw = tree_of(self.path, file, RAW)
        parts = np.flatnonzero(np.asarray(raw["EventID"].array(library="np")) == number)
        if not len(parts):
            return [np.zeros(0)] * len(COLUMNS)
        first, last = int(parts[0]), int(parts[-1]) + 1
        if last - first != len(parts):
            raise LampyrisError(f"{self.path}: the parts of event {event} do not lie together.")
        return [np.concatenate(_column(raw, name, first, last)) for name in COLUMNS]

    def particle(self, event: int) -> tuple[str, float]:
        """Name and energy [MeV] of the particle of one event; the name is empty where the file does not tell it."""
        with readable(self.path, KIND), open_root(self.path) as file:
            tree = tree_of(self.path, file, TREE)
            self._check(event)
            part = {"library": "np", "entry_start": event, "entry_stop": event + 1}
            energy = float(tree["PrimaryEnergy"].array(**part)[0])
            if not {"TrackInfo_TrackID", "TrackInfo_PDG"} <= set(tree.keys()):
                return "", energy
            numbers, codes = (tree[name].array(**part)[0] for name in ("TrackInfo_TrackID", "TrackInfo_PDG"))
            first = np.flatnonzero(np.asarray(numbers) == 1)
            code = int(codes[first[0]]) if len(first) else 0
        return PARTICLES.get(code, ("", 0.0))[0], energy

    def _check(self, event: int) -> None:
        if not 0 <= event < self.events:
            raise LampyrisError(f"{self.path} has no event {event}; there are: 0 .. {self.events - 1}.")


def read_photonsim(path: Path | str) -> PhotonFile:
    """Open a file of PhotonSim; raises `LampyrisError` with one line for any file that is not sound."""
    path = Path(path)
    with readable(path, KIND):
        check_size(path, LARGEST_FILE)
        with open_root(path) as file:
            tree = tree_of(path, file, TREE)
            trees = {key.split(";")[0] for key in file.keys()}  # noqa: SIM118
            parted = RAW in trees and COLUMNS[0] not in tree.keys()  # noqa: SIM118
            holder = tree_of(path, file, RAW) if parted else tree
            for found, wanted in ((tree, ["PrimaryEnergy"]), (holder, [*COLUMNS, *(["EventID"] if parted else [])])):
                missing = [name for name in wanted if name not in found.keys()]  # noqa: SIM118
                if missing:
                    raise LampyrisError(f"{path}: the tree {found.name} has no {', '.join(missing)}.")
            for name in COLUMNS:
                check_basket_sizes(path, holder[name])
            return PhotonFile(path, int(tree.num_entries), parted)


def _column(tree, name: str, start: int, end: int) -> list[np.ndarray]:
    """A column of vectors, one for each entry."""
    return [np.asarray(values, float) for values in tree[name].array(library="np", entry_start=start, entry_stop=end)]
