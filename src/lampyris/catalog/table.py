"""A detector from a table of sensors."""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lampyris._checks import LampyrisError, fail_unknown
from lampyris._host import on_host
from lampyris.catalog.efficiency import tube_20_inch
from lampyris.catalog.ice import ice_south_pole
from lampyris.catalog.media import water_sk
from lampyris.catalog.scintillators import lab_scintillator, mineral_oil, water_based_scintillator
from lampyris.data.geometry import SensorTable, read_sensor_table
from lampyris.detector import Detector
from lampyris.layout import on_shape
from lampyris.medium import Medium
from lampyris.sensors import make_sensors
from lampyris.shape import Box, Cylinder, Shape, Sphere
from lampyris.surface import Mixture, Surface

OFF_WALL = 0.01
"""Largest distance of a sensor from the wall [m]."""
MEDIA: dict[str, Callable[[], Medium]] = {
    "water": water_sk,
    "ice": ice_south_pole,
    "scintillator": lab_scintillator,
    "water-based scintillator": water_based_scintillator,
    "mineral oil": mineral_oil,
}
SHAPES: dict[str, tuple[int, Callable[..., Shape]]] = {
    "cylinder": (2, Cylinder),
    "sphere": (1, Sphere),
    "box": (3, lambda a, b, c: Box([a, b, c])),
}


def from_table(
    path: Path | str,
    *,
    shape: Shape | None = None,
    medium: Medium | None = None,
    wall: Surface | None = None,
    radius: float | None = None,
    **sensors,
) -> Detector:
    """Make a detector of a table of sensors (.csv or .npz, see `lampyris.data.geometry`).

    What is not given is taken from the settings in the file, else: the shape that all sensors lie on (centred at the
    origin), SK's water, a wall that reflects 5 %, sensors that reflect 25 %, the quantum efficiency of a 20-inch tube.
    The radius of the sensors [m] must stand somewhere. Further arguments go to `make_sensors`. Raises `LampyrisError`
    for sensors off the wall or with axes that point outwards.
    """
    table = read_sensor_table(path)
    shape = _shape(table) if shape is None else shape
    radii = _radius(table) if radius is None else radius
    off = np.abs(on_host(shape.signed_distance, table.position))
    if off.max() > OFF_WALL:
        row = int(off.argmax())
        raise LampyrisError(
            f"{table.path}: sensor {row} must lie on the wall within {OFF_WALL} m, but is {off[row]:.3g} m away."
        )
    position, inward = on_shape(shape, table.position)
    normal = _facing_in(table, inward)
    shared = {"quantum_efficiency": _efficiency(table), "surface": Mixture(0.25, 0.90)} | table.extra | sensors
    made = make_sensors(position, normal, radii, **shared)
    medium = _medium(table) if medium is None else medium
    name = table.settings.get("name", table.path.name)
    note = f"From the table {table.path.name}; flush flat disks."
    return Detector(shape, medium, Mixture(0.05, 0.55) if wall is None else wall, made, name=name, note=note)


def _shape(table: SensorTable) -> Shape:
    """The shape of the settings, or the cylinder, sphere or box on which all sensors lie."""
    text = table.settings.get("shape", "")
    if text:
        kind, *sizes = text.replace(",", " ").split()
        if kind not in SHAPES:
            fail_unknown("shape", kind, SHAPES)
        count, make = SHAPES[kind]
        try:
            numbers = [float(size) for size in sizes]
        except ValueError:
            numbers = []
        if len(numbers) != count or not all(0 < number <= 1e6 for number in numbers):
            raise LampyrisError(f"{table.path}: shape must be {kind} and {count} lengths in m, but is {text!r}.")
        return make(*numbers)
    x, y, z = table.position.T
    across, away, size = np.hypot(x, y), np.linalg.norm(table.position, axis=1), np.abs(table.position).max(axis=0)
    candidates: list[tuple[str, Callable[[], Shape]]] = [
        ("sphere", lambda: Sphere(float(np.median(away)))),
        ("cylinder", lambda: Cylinder(float(across.max()), 2.0 * float(np.abs(z).max()))),
        ("box", lambda: Box(2.0 * size)),
    ]
    for _, make in candidates:
        if size.min() > 0 and across.max() > 0:
            shape = make()
            if np.abs(on_host(shape.signed_distance, table.position)).max() <= OFF_WALL:
                return shape
    raise LampyrisError(
        f"{table.path}: no sphere, cylinder or box centred at the origin holds all sensors on its wall; "
        "say the shape, as in the line `# shape: cylinder 16.9 36.2`."
    )


def _radius(table: SensorTable) -> np.ndarray | float:
    if table.radius is not None:
        return table.radius
    text = table.settings.get("radius")
    if text is None:
        raise LampyrisError(
            f"{table.path}: the radius of the sensors must stand in a column or a line `# radius: 0.1`."
        )
    return _number(table, "radius", text, 1e6, "m")


def _efficiency(table: SensorTable):
    text = table.settings.get("quantum efficiency")
    return tube_20_inch() if text is None else _number(table, "quantum efficiency", text, 1.0, "")


def _number(table: SensorTable, name: str, text: str, most: float, unit: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not 0 < number <= most:
        raise LampyrisError(f"{table.path}: {name} must be above 0 and at most {most:g} {unit}, but is {text!r}.")
    return number


def _medium(table: SensorTable) -> Medium:
    name = table.settings.get("medium", "water")
    if name not in MEDIA:
        fail_unknown("medium", name, MEDIA)
    return MEDIA[name]()


def _facing_in(table: SensorTable, inward: np.ndarray) -> np.ndarray:
    """The axes of the table, or those of the wall where it gives none."""
    if table.normal is None:
        return inward
    cosine = (table.normal * inward).sum(axis=1)
    if cosine.min() <= 0:
        row = int(cosine.argmin())
        raise LampyrisError(
            f"{table.path}: (nx, ny, nz) of sensor {row} must point into the volume, but points outwards."
        )
    return table.normal
