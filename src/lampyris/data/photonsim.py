"""Photons of PhotonSim ROOT files: one event for each entry of the tree `OpticalPhotons`, lengths in mm, times in ns."""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._limits import check_size, readable
from lampyris.data._root import LARGEST_FILE, check_basket_sizes, open_root, tree_of
from lampyris.data.records import PARTICLES, unit
from lampyris.source import Photons

KIND, TREE = "PhotonSim file", "OpticalPhotons"
MM = 1e-3
COLUMNS = [f"Photon{what}{axis}" for what in ("Pos", "Dir") for axis in "XYZ"] + ["PhotonTime", "PhotonWavelength"]
MOST_PHOTONS = 50_000_000


@dataclass(frozen=True)
class PhotonFile:
    """A file of PhotonSim; events are read one at a time."""

    path: Path
    events: int

    def __len__(self) -> int:
        return self.events

    def photons(self, event: int, position=(0.0, 0.0, 0.0), direction=(0.0, 0.0, 1.0)) -> Photons:
        """Photons of one event, with the particle that started at the origin along z put at a place and direction."""
        with readable(self.path, KIND), open_root(self.path) as file:
            tree = tree_of(self.path, file, TREE)
            self._check(event)
            read = [
                np.asarray(tree[name].array(library="np", entry_start=event, entry_stop=event + 1)[0], float)
                for name in COLUMNS
            ]
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
        turn = _turn(unit(np.asarray(direction, float)))
        return Photons(np.asarray(position, float) + place @ turn.T, (heading / length) @ turn.T, values[6], values[7])

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
            missing = [name for name in (*COLUMNS, "PrimaryEnergy") if name not in tree.keys()]  # noqa: SIM118
            if missing:
                raise LampyrisError(f"{path}: the tree {TREE} has no {', '.join(missing)}.")
            for name in COLUMNS:
                check_basket_sizes(path, tree[name])
            return PhotonFile(path, int(tree.num_entries))


def _turn(direction: np.ndarray) -> np.ndarray:
    """The rotation that takes z to a direction, about the axis across both."""
    x, y, z = direction
    if z < -1.0 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, x], [0.0, 0.0, y], [-x, -y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + z)
