"""Sensors in a table: a text file with commas (.csv) or an archive of NumPy columns (.npz).

Columns by name: x, y, z are needed; nx, ny, nz (axes, into the volume), radius, relative_efficiency, gain, time_offset
may follow. A unit may stand in brackets behind a name of a length, as in `x [cm]`; without one it is m. Lines of a text
file that begin with # are comments, those of the form `# key: value` settings; in an archive they are entries with text.

    # name: my tank
    # shape: cylinder 4.0 8.0        radius and height; sphere: radius; box: three edges [m]
    # medium: water                  or ice, scintillator, water-based scintillator, mineral oil
    # radius: 0.1                    [m], for all sensors
    # quantum efficiency: 0.2
    x,y,z
    4.0,0.0,1.5
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._limits import check_size, check_unpacked, readable

SUFFIXES = (".csv", ".npz")
NEEDED = ("x", "y", "z")
OPTIONAL = ("nx", "ny", "nz", "radius", "relative_efficiency", "gain", "time_offset")
SETTINGS = ("name", "shape", "medium", "radius", "quantum efficiency")
LENGTHS, UNITS = ("x", "y", "z", "radius"), {"mm": 1e-3, "cm": 1e-2, "m": 1.0}
MOST_SENSORS, MOST_BYTES = 1_000_000, 256 * 2**20
NEAREST = 1e-3
"""Sensors closer than this are the same sensor twice [m]."""
_NAMED = re.compile(r"\s*([A-Za-z_]+)\s*(?:\[\s*([A-Za-z]+)\s*\])?\s*")


@dataclass(frozen=True)
class SensorTable:
    """Sensors as a file gives them, in m; columns that it does not give are None."""

    path: Path
    position: np.ndarray
    normal: np.ndarray | None = None
    radius: np.ndarray | None = None
    extra: dict[str, np.ndarray] = field(default_factory=dict)
    """relative efficiency, gain, time offset by the names of the fields of `Sensors`"""
    settings: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.position)


def read_sensor_table(path: Path | str) -> SensorTable:
    """Read a table of sensors; raises `LampyrisError` with one line for any table that is not sound."""
    path = Path(path)
    with readable(path, "table of sensors"):
        check_size(path, MOST_BYTES)
        reader: Callable = {".csv": _read_csv, ".npz": _read_npz}.get(path.suffix.lower(), _read_csv)
        columns, settings = reader(path)
    columns = _in_metres(path, columns)
    _check(path, columns)
    position = np.stack([columns[name] for name in NEEDED], axis=1)
    _check_apart(path, position)
    normal = _normals(path, columns)
    extra = {name: columns[name] for name in ("relative_efficiency", "gain", "time_offset") if name in columns}
    return SensorTable(path, position, normal, columns.get("radius"), extra, settings)


def write_sensor_table(path: Path | str, table: SensorTable) -> None:
    """Write a table of sensors as text with commas."""
    columns = dict(zip(NEEDED, table.position.T, strict=True))
    if table.normal is not None:
        columns |= dict(zip(("nx", "ny", "nz"), table.normal.T, strict=True))
    columns |= ({} if table.radius is None else {"radius": table.radius}) | table.extra
    lines = [f"# {name}: {value}" for name, value in table.settings.items()]
    lines.append(",".join(columns))
    lines += [",".join(f"{value:.9g}" for value in row) for row in zip(*columns.values(), strict=True)]
    try:
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise LampyrisError(f"{path} cannot be written: {error.strerror}.") from error


def _read_csv(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    text = path.read_text(encoding="utf-8-sig")
    lines, settings = [], {}
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            name, colon, value = line.lstrip("# \t").partition(":")
            if colon and name.strip().lower() in SETTINGS:
                settings[name.strip().lower()] = value.strip()
        elif line.strip():
            lines.append(line)
    rows = list(csv.reader(io.StringIO("\n".join(lines))))
    if not rows:
        raise LampyrisError(f"{path} is empty.")
    head, body = rows[0], rows[1:]
    for number, row in enumerate(body):
        if len(row) != len(head):
            raise LampyrisError(f"{path}: sensor {number} has {len(row)} entries, but there are {len(head)} columns.")
    try:
        numbers = np.array(body, dtype=float).reshape(len(body), len(head))
    except ValueError as error:
        raise LampyrisError(f"{path} must hold numbers below its head: {error}.") from error
    return dict(zip(head, numbers.T, strict=True)), settings


def _read_npz(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    check_unpacked(path, MOST_BYTES)
    columns, settings = {}, {}
    with np.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            value = archive[name]
            if value.dtype.kind == "U" and value.ndim == 0:
                settings[name.replace("_", " ").lower()] = str(value)
            elif value.dtype.kind in "fiu" and value.ndim == 1:
                columns[name] = value.astype(float)
            elif value.dtype.kind in "fiu" and value.ndim == 2 and value.shape[1] == 3:
                names = {"position": NEEDED, "normal": ("nx", "ny", "nz"), "direction": ("nx", "ny", "nz")}
                if name in names:
                    columns |= dict(zip(names[name], value.T.astype(float), strict=True))
    return columns, {name: value for name, value in settings.items() if name in SETTINGS}


def _in_metres(path: Path, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns under their plain names, lengths in m; columns that are not known are left out."""
    plain = {}
    for head, values in columns.items():
        found = _NAMED.fullmatch(head)
        if found is None:
            continue
        name, unit = found[1].lower(), found[2]
        if name not in (*NEEDED, *OPTIONAL):
            continue
        if name in plain:
            raise LampyrisError(f"{path} has the column {name} twice.")
        if name in LENGTHS and unit is not None and unit not in UNITS:
            raise LampyrisError(f"{path}: the unit of {name} must be mm, cm or m, but is {unit}.")
        plain[name] = values * (UNITS[unit] if name in LENGTHS and unit is not None else 1.0)
    return plain


def _check(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Complete, of one length, finite."""
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise LampyrisError(f"{path} must have the columns x, y, z, but has no {', '.join(missing)}.")
    count = len(columns["x"])
    if not 0 < count <= MOST_SENSORS:
        raise LampyrisError(f"{path} must hold 1 to {MOST_SENSORS} sensors, but holds {count}.")
    for name, values in columns.items():
        if len(values) != count:
            raise LampyrisError(f"{path}: the column {name} has {len(values)} entries, but x has {count}.")
        limit = 1e6 if name in LENGTHS else np.finfo(np.float32).max
        bad = ~(np.abs(values) <= limit)
        if name == "radius":
            bad |= ~(values > 0)
        if bad.any():
            row = int(bad.argmax())
            rule = "positive and at most 1e6 m" if name == "radius" else f"finite and at most {limit:g} in size"
            raise LampyrisError(f"{path}: {name} of sensor {row} must be {rule}, but is {values[row]:g}.")


def _check_apart(path: Path, position: np.ndarray) -> None:
    from scipy.spatial import KDTree

    # one partner each is enough to find the first sensor that comes twice
    near = KDTree(position).query(position, k=2)[0][:, 1] if len(position) > 1 else np.array([np.inf])
    if near.min() < NEAREST:
        twins = np.flatnonzero(near < NEAREST)
        others = np.linalg.norm(position[twins] - position[twins[0]], axis=1)
        partner = int(twins[np.argsort(others)[1]])
        raise LampyrisError(f"{path}: sensors {int(twins[0])} and {partner} are at the same place.")


def _normals(path: Path, columns: dict[str, np.ndarray]) -> np.ndarray | None:
    names = [name for name in ("nx", "ny", "nz") if name in columns]
    if not names:
        return None
    if len(names) < 3:
        raise LampyrisError(f"{path} must have all of the columns nx, ny, nz or none, but has {', '.join(names)}.")
    normal = np.stack([columns[name] for name in names], axis=1)
    length = np.linalg.norm(normal, axis=1)
    bad = ~(np.abs(length - 1.0) < 0.01)
    if bad.any():
        row = int(bad.argmax())
        raise LampyrisError(
            f"{path}: (nx, ny, nz) of sensor {row} must be a unit vector, but has length {length[row]:g}."
        )
    return normal / length[:, None]
