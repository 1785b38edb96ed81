"""Whether sensors can stand where they are said to: disks that cut each other or an edge, bodies outside of the volume."""

import numpy as np
from jaxtyping import Array
from scipy.spatial import KDTree

from lampyris._checks import LampyrisError, fail
from lampyris._host import on_host
from lampyris._math import orthonormal_frame
from lampyris.form import Ball
from lampyris.sensors import Sensors
from lampyris.shape import Shape

Points = Array | np.ndarray
OFF_WALL = 0.01
"""Largest distance of a disk from the wall [m]"""
RIM_POINTS = 16


def check_stand(shape: Shape, sensors: Sensors) -> None:
    """Raise `LampyrisError` for sensors that are off the wall, outside, over an edge, or that cut each other."""
    if sensors.form.flush:
        _check_disks(shape, sensors)
    _check_bodies(shape, sensors)
    cut = _cut_pairs(sensors)
    if len(cut):
        first, second = cut[0]
        raise LampyrisError(
            f"`Detector(sensors=...)`: sensors must not overlap, but {first} and {second} do, "
            f"and {len(cut)} pairs in all."
        )


def _check_disks(shape: Shape, sensors: Sensors) -> None:
    """Disks lie on the wall, each on one of its faces."""
    off = np.abs(on_host(shape.signed_distance, sensors.position))
    if np.any(off > OFF_WALL):
        channel = int(off.argmax())
        fail(f"Detector(sensors=...): distance of channel {channel} from the wall", f"<= {OFF_WALL}", off[channel], "m")
    angle = 2.0 * np.pi * (np.arange(RIM_POINTS) + 0.5) / RIM_POINTS
    first, second = (np.asarray(axis)[:, None] for axis in on_host(orthonormal_frame, sensors.normal))
    around = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    radius = np.asarray(sensors.radius)[:, None, None] * (1.0 - 1e-4)
    rim = np.asarray(sensors.position)[:, None] + radius * around
    face = on_host(shape.face, rim.reshape(-1, 3)).reshape(-1, RIM_POINTS)
    over = (face != on_host(shape.face, sensors.position)[:, None]).any(axis=1)
    if over.any():
        raise LampyrisError(
            f"`Detector(sensors=...)`: disks must lie on one face of the wall, but that of channel {int(over.argmax())} "
            f"reaches over an edge, and {int(over.sum())} do in all."
        )


def _check_bodies(shape: Shape, sensors: Sensors) -> None:
    """Bodies stand inside of the wall."""
    caps = sensors.bodies()
    if not len(caps.rim):
        return
    base, axis = np.asarray(caps.base, float), np.asarray(caps.axis, float)
    top = base + axis * np.asarray(caps.rise, float)[:, None]
    room = np.minimum(*(on_host(shape.signed_distance, point.astype(np.float32)) for point in (base, top)))
    whole = on_host(shape.signed_distance, np.asarray(caps.centre)) - np.asarray(caps.curvature)
    room = np.where(np.asarray(caps.rim) == 0, np.minimum(room, whole), room)
    worst = int(room.argmin())
    if room[worst] < -OFF_WALL:
        channel = int(caps.channel[worst])
        name = f"channel {channel}" if channel >= 0 else f"housing {worst - sensors.count * (not sensors.form.flush)}"
        fail(f"Detector(sensors=...): depth of {name} in the wall", f"<= {OFF_WALL}", -room[worst], "m")
    _check_housings(sensors, top)


def _check_housings(sensors: Sensors, top: np.ndarray) -> None:
    """No sensor is inside of a housing, where no light could reach it."""
    if sensors.housing is None:
        return
    housing = sensors.housing.caps()
    tops = top[: sensors.count] if not sensors.form.flush else np.asarray(sensors.position, float)
    inside = KDTree(tops).query_ball_point(np.asarray(housing.centre, float), np.asarray(housing.curvature, float))
    for number, channels in enumerate(inside):
        height = (tops[channels] - np.asarray(housing.base[number])) @ np.asarray(housing.axis[number], float)
        hidden = np.asarray(channels, int)[height > 0]
        if len(hidden):
            raise LampyrisError(
                f"`Sensors(housing=...)`: sensors must stand out of housings, but channel {hidden[0]} is inside of housing "
                f"{number}."
            )


def _cut_pairs(sensors: Sensors) -> np.ndarray:
    """Pairs of sensors that cut each other: as balls, or by the disks of their rims."""
    if isinstance(sensors.form, Ball):
        centre, radius = np.asarray(sensors.position, float), np.asarray(sensors.radius, float)
        pairs = KDTree(centre).query_pairs(2.0 * radius.max(), output_type="ndarray")
        apart = np.linalg.norm(centre[pairs[:, 0]] - centre[pairs[:, 1]], axis=1)
        return pairs[apart < (1.0 - 1e-5) * radius[pairs].sum(axis=1)]
    return overlapping(sensors.position, sensors.normal, sensors.radius)


def overlapping(position: Points, normal: Points, radius: Points | float) -> np.ndarray:
    """Pairs of disks that cut each other: (pairs, 2) channel numbers; disks that only touch do not count.

    The test is exact for disks in space, so that a disk at the edge of a cap and one low on the barrel may come closer
    than the sum of their radii.
    """
    position, normal = np.asarray(position, dtype=float), np.asarray(normal, dtype=float)
    radii = np.broadcast_to(np.asarray(radius, dtype=float), len(position)) * (1.0 - 1e-5)
    pairs = KDTree(position).query_pairs(2.0 * radii.max(), output_type="ndarray")
    (i, j), delta = pairs.T, position[pairs[:, 1]] - position[pairs[:, 0]]
    distance = np.linalg.norm(delta, axis=1)
    line = np.cross(normal[i], normal[j])  # along the line in which the two planes meet
    sine = np.linalg.norm(line, axis=1)
    parallel = sine < 1e-3
    safe = np.where(parallel, 1.0, sine)
    rise_i, rise_j = np.abs((delta * normal[i]).sum(1)), np.abs((delta * normal[j]).sum(1))
    chord_i = np.sqrt(np.maximum(radii[i] ** 2 - (rise_j / safe) ** 2, 0.0))  # half of what each disk has of the line
    chord_j = np.sqrt(np.maximum(radii[j] ** 2 - (rise_i / safe) ** 2, 0.0))
    apart = np.abs((delta * line).sum(1)) / safe
    cut = (chord_i > 0) & (chord_j > 0) & (apart < chord_i + chord_j)
    same_plane = (rise_i <= 1e-3 * distance) & (distance < radii[i] + radii[j])
    return pairs[np.where(parallel, same_plane, cut)]
