"""Digitised events and geometry of WCSim ROOT files.

WCSim writes lengths in cm, times in ns, energies in MeV, and counts tubes from 1 in hits: our channel is the tube minus
one. Times of digits are relative to their trigger, to which WCSim adds an offset (950 ns unless it was told otherwise);
they are taken as they stand, and `shift` moves them. Every trigger with hits becomes an event of its own; the truth
belongs to the first trigger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._limits import check_size, readable
from lampyris.data._root import LARGEST_FILE, check_basket_sizes, open_root, read_whole, tree_of
from lampyris.data.geometry import SensorTable
from lampyris.data.records import MOST_CHANNELS, Truth, hits_of, kinetic, unit
from lampyris.response import Hits

KIND = "WCSim file"
EVENTS, GEOMETRY = "wcsimT", "wcsimGeoT"
CM = 0.01
TRACKED = 0  # flag of a particle that was tracked, rather than one of the input
OFF_WALL = 0.5  # m


@dataclass(frozen=True)
class WcsimFile:
    """A file of WCSim; events are read one entry of the tree at a time."""

    path: Path
    channels: int
    entries: int
    axis: int
    """the coordinate along which the tank stands"""
    offset: np.ndarray
    """centre of the tank in the coordinates of the file [m]"""

    def __len__(self) -> int:
        return sum(len(entry) for entry in self._entries())

    def records(self) -> Iterator[tuple[Hits, Truth | None]]:
        """Hits and truth of every trigger that has digits, in order."""
        number = 0
        for entry in self._entries():
            for trigger in entry:
                digits = _columns(self.path, trigger, "fCherenkovDigiHits", ("fTubeId", "fQ", "fT"))
                where = f"{self.path}: event {number}"
                hits = hits_of(where, self.channels, digits["fTubeId"].astype(np.int64) - 1, digits["fQ"], digits["fT"])
                yield hits, self._truth(trigger)
                number += 1

    def _entries(self) -> Iterator[list[Any]]:
        """Triggers with digits of each entry."""
        with readable(self.path, KIND), open_root(self.path) as file:
            branch = _branch(self.path, file, EVENTS, "fEventList")
            for entry in range(self.entries):
                (triggers,) = branch.array(library="np", entry_start=entry, entry_stop=entry + 1)
                yield [t for t in triggers if t is not None and int(t.member("fNcherenkovdigihits")) > 0]

    def _truth(self, trigger: Any) -> Truth | None:
        """The first tracked particle without a parent; nothing if the trigger carries none."""
        names = ("fIpnu", "fFlag", "fE", "fParenttype", "fDir", "fStart", "fTime")
        tracks = _columns(self.path, trigger, "fTracks", names)
        primary = np.flatnonzero((tracks["fFlag"] == TRACKED) & (tracks["fParenttype"] == 0))
        if len(primary) == 0:
            return None
        first = primary[0]
        name, energy = kinetic(int(tracks["fIpnu"][first]), float(tracks["fE"][first]))
        position = upright(CM * tracks["fStart"][first].astype(float) - self.offset, self.axis)
        time = float(tracks["fTime"][first])
        if not np.isfinite([energy, time, *position]).all():
            raise LampyrisError(f"{self.path} has a particle whose numbers are not finite.")
        return Truth(name, energy, position, upright(unit(tracks["fDir"][first]), self.axis), time)


def upright(vectors: np.ndarray, axis: int) -> np.ndarray:
    """Vectors of a tank along a coordinate in one along z."""
    return np.roll(vectors, 2 - axis, axis=-1)


def read_wcsim(path: Path | str) -> WcsimFile:
    """Open a file of WCSim; raises `LampyrisError` with one line for any file that is not sound."""
    path = Path(path)
    with readable(path, KIND):
        check_size(path, LARGEST_FILE)
        with open_root(path) as file:
            entries = _branch(path, file, EVENTS, "fEventList").num_entries
            geometry = _geometry(path, file)
    return WcsimFile(path, len(geometry["position"]), entries, geometry["axis"], geometry["offset"])


def read_wcsim_geometry(path: Path | str) -> SensorTable:
    """The tubes of a file of WCSim as a table of sensors: in m, upright, centred, moved onto the wall of a cylinder."""
    path = Path(path)
    with readable(path, KIND):
        check_size(path, LARGEST_FILE)
        with open_root(path) as file:
            geometry = _geometry(path, file)
    position = upright(geometry["position"] - geometry["offset"], geometry["axis"])
    across, along = np.linalg.norm(position[:, :2], axis=1), np.abs(position[:, 2])
    barrel = geometry["place"] == 1
    if not barrel.any():
        raise LampyrisError(f"{path}: the geometry has no tube on the barrel.")
    radius = float(across[barrel].max())
    half = float(along[~barrel].max()) if (~barrel).any() else max(geometry["half_length"], float(along.max()))
    off = np.where(barrel, np.abs(across - radius), np.abs(along - half))
    if off.max() > OFF_WALL:
        tube = int(off.argmax())
        raise LampyrisError(f"{path}: tube {tube + 1} lies {off[tube]:.2f} m from the cylinder that the others lie on.")
    on_barrel = np.column_stack([position[:, :2] * (radius / np.maximum(across, 1e-9))[:, None], position[:, 2]])
    on_cap = np.column_stack([position[:, :2], np.sign(position[:, 2]) * half])
    settings = {"name": path.stem, "shape": f"cylinder {radius:.6g} {2 * half:.6g}"}
    radii = np.full(len(position), geometry["tube_radius"])
    return SensorTable(path, np.where(barrel[:, None], on_barrel, on_cap), None, radii, {}, settings)


def _geometry(path: Path, file: Any) -> dict[str, Any]:
    """Tubes in the order of their numbers, and the tank [m]."""
    tree = tree_of(path, file, GEOMETRY)
    if tree.num_entries < 1:
        raise LampyrisError(f"{path} has an empty geometry.")
    made = read_whole(_branch(path, file, GEOMETRY, "wcsimrootgeom"), file, "WCSimRootGeom")
    tubes = made.get("fPMTArray", {})
    if not {"fTubeNo", "fCylLoc", "fPosition"} <= tubes.keys():
        raise LampyrisError(f"{path}: the geometry holds no tubes.")
    number = tubes["fTubeNo"].astype(np.int64)
    count = len(number)
    if not 0 < count < MOST_CHANNELS or not np.array_equal(np.sort(number), np.arange(1, count + 1)):
        raise LampyrisError(f"{path}: tubes of the geometry must be numbered from 1 to {count} without a gap.")
    order = np.argsort(number)
    position = CM * tubes["fPosition"][order].astype(float)
    offset = CM * np.asarray(made.get("fWCOffset", np.zeros(3)), float)
    tube_radius, half = CM * float(made.get("fWCPMTRadius", 0)), 0.5 * CM * float(made.get("fWCCylLength", 0))
    place = tubes["fCylLoc"][order].astype(int)
    if not (np.isfinite(position).all() and np.isfinite([*offset, tube_radius, half]).all() and tube_radius > 0):
        raise LampyrisError(f"{path}: the geometry has numbers that are not finite, or tubes without a radius.")
    return {
        "position": position,
        "place": place,
        "offset": offset,
        "tube_radius": tube_radius,
        "half_length": half,
        "axis": _axis(position[place == 1] - offset),
    }


def _axis(barrel: np.ndarray) -> int:
    """The coordinate about which the tubes of the barrel form a circle."""
    if len(barrel) < 3:
        return 2
    spread = [np.std(np.linalg.norm(np.delete(barrel, axis, axis=1), axis=1)) for axis in range(3)]
    return int(np.argmin(spread))


def _branch(path: Path, file: Any, tree: str, name: str) -> Any:
    found = tree_of(path, file, tree)
    matching = [branch for branch in found.itervalues() if branch.name.rstrip(".").split(".")[-1] == name]
    if not matching:
        raise LampyrisError(f"{path}: the tree {tree} has no branch {name}.")
    check_basket_sizes(path, matching[0])
    return matching[0]


def _columns(path: Path, owner: Any, name: str, members: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Members of an array of objects as columns, whichever way ROOT wrote them."""
    array = owner.member(name)
    columns: dict[str, np.ndarray] | None = getattr(array, "columns", None)
    if columns is None:
        columns = {m: np.array([item.member(m) for item in array]) for m in members} if len(array) else {}
    missing = [member for member in members if member not in columns]
    if missing and any(len(values) for values in columns.values()):
        raise LampyrisError(f"{path}: {name} has no {', '.join(missing)}.")
    empty = {"fDir": (0, 3), "fStart": (0, 3), "fPosition": (0, 3)}
    return {member: columns.get(member, np.zeros(empty.get(member, (0,)))) for member in members}
