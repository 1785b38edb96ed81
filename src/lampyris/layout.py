"""Where sensors go: layouts on the walls of shapes, as (position [m], inward normal) arrays, (channels, 3) each.

The arrays are NumPy's: eager JAX would compile every small step again for every number of sensors.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.spatial import ConvexHull, KDTree

from lampyris._checks import LampyrisError, fail
from lampyris._stand import Points
from lampyris._stand import overlapping as overlapping
from lampyris.form import Housing
from lampyris.shape import Box, Cylinder, Shape, Sphere

Placed = tuple[np.ndarray, np.ndarray]

MULTI_PMT_RINGS = ((0.09, 6), (0.18, 12))  # radius [m] and number of disks of each ring about the central one


@eqx.filter_jit
def _wall_point(shape: Shape, points: Array) -> tuple[Array, Array]:
    position = shape.on_wall(points)
    slope = jax.grad(lambda point: shape.signed_distance(point).sum())(position)
    return position, slope / jnp.linalg.norm(slope, axis=-1, keepdims=True)


def on_shape(shape: Shape, points: Points) -> Placed:
    """Move points near the wall onto it and add the inward normals: where the distance to the wall grows fastest."""
    position, normal = _wall_point(shape, jnp.asarray(points, dtype=float))
    return np.asarray(position), np.asarray(normal)


def join(*parts: Placed) -> Placed:
    """Put several layouts one after the other."""
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def barrel(shape: Cylinder, columns: int, rows: int, pitch: float, first_row: float) -> Placed:
    """Grid on the barrel: columns evenly in azimuth, rows `pitch` [m] apart from `first_row` [m] above the bottom."""
    azimuth = 2.0 * np.pi * (np.arange(columns) + 0.5) / columns
    z = -0.5 * float(shape.height) + first_row + pitch * np.arange(rows)
    azimuth, z = (grid.ravel() for grid in np.meshgrid(azimuth, z))
    outward = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros_like(z)], axis=1)
    return float(shape.radius) * outward + z[:, None] * [0.0, 0.0, 1.0], -outward


def caps(shape: Cylinder, count: int, pitch: float) -> Placed:
    """The same square grid on the top and on the bottom: `count` points on each, top first."""
    grid, half = square_grid(count, pitch), 0.5 * float(shape.height)
    sides = []
    for side in (1.0, -1.0):
        normal = np.tile([0.0, 0.0, -side], (count, 1))
        sides.append((np.column_stack([grid, np.full(count, side * half)]), normal))
    return join(*sides)


def square_grid(count: int, pitch: float) -> np.ndarray:
    """The `count` points of a square grid that lie closest to the axis, symmetric under quarter turns: (count, 2).

    A multiple of 4 puts the axis in the middle of a cell, one more puts a point on it; other counts have no such
    symmetry and raise `LampyrisError`.
    """
    if count < 1 or count % 4 > 1:
        raise LampyrisError(f"`square_grid(count=...)` must be a multiple of 4, or one more, but is {count}.")
    shift = 0.0 if count % 4 else 0.5
    reach = int(np.sqrt(count)) + 2
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(reach) + shift, np.arange(reach) + shift))
    quarter = x > 0  # with y >= 0, every other point is a quarter turn of one of these
    x, y = x[quarter], y[quarter]
    nearest = np.lexsort((y, x**2 + y**2))[: count // 4]
    x, y = x[nearest], y[nearest]
    turned = [np.column_stack(pair) for pair in ((x, y), (-y, x), (-x, -y), (y, -x))]
    return pitch * np.concatenate([np.zeros((count % 4, 2)), *turned])


def fibonacci_sphere(shape: Sphere, count: int) -> Placed:
    """Points of the golden spiral: even at any count, but disks on them cover at most about 70 %.

    **Reference**: Gonzalez, Math. Geosci. 42 (2010) 49, doi:10.1007/s11004-009-9257-x.
    """
    index = np.arange(count) + 0.5
    z, azimuth = 1.0 - 2.0 * index / count, np.pi * (3.0 - np.sqrt(5.0)) * index
    across = np.sqrt(1.0 - z**2)
    outward = np.stack([across * np.cos(azimuth), across * np.sin(azimuth), z], axis=1)
    return float(shape.radius) * outward, -outward


def sphere_rings(shape: Sphere, count: int) -> Placed:
    """Rings of latitude, packed as loosely as `count` allows: disks on them can cover up to about 77 %."""
    low, high = 1e-3, 3.0  # pitch in units of the radius
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _ring_counts(middle)[1].sum() >= count else (low, middle)
    polar, number = _ring_counts(low)
    turn = np.concatenate([(np.arange(n) + 0.5 * (ring % 2)) / n for ring, n in enumerate(number)])
    polar, azimuth = np.repeat(polar, number), 2.0 * np.pi * turn
    outward = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=1)
    outward = outward[_evenly(len(outward), count)]
    return float(shape.radius) * outward, -outward


def _ring_counts(pitch: float) -> tuple[np.ndarray, np.ndarray]:
    """Polar angles of the rings of the unit sphere, and how many points at least `pitch` apart fit on each."""
    rings = max(int(np.pi / (2.0 * np.arcsin(0.5 * pitch))), 1)
    polar = np.pi * (np.arange(rings) + 0.5) / rings
    step = np.arcsin(np.minimum(0.5 * pitch / np.sin(polar), 1.0))
    return polar, (np.pi / step + 1e-9).astype(int)


def sphere_gaps(shape: Sphere, position: Points, radius: float, small: float, count: int) -> Placed:
    """Centres for `count` disks of radius `small` [m] in the gaps between disks of `radius` [m] on a sphere.

    Gaps are the corners that three neighbours share (a Voronoi vertex of the centres); those left over when `count`
    are taken are skipped evenly.
    """
    # the outward normals of the facets of the convex hull point to the Voronoi vertices
    corners = float(shape.radius) * ConvexHull(np.asarray(position, dtype=float)).equations[:, :3]
    room = KDTree(np.asarray(position)).query(corners)[0] - radius
    corners = corners[room > small]
    corners = corners[np.argsort(corners[:, 2], kind="stable")]
    free = np.ones(len(corners), bool)
    for first, second in sorted(KDTree(corners).query_pairs(2.0 * small)):
        free[second] &= not free[first]
    corners = corners[free]
    if len(corners) < count:
        raise LampyrisError(f"`sphere_gaps(count=...)` must be at most {len(corners)} here, but is {count}.")
    corners = corners[_evenly(len(corners), count)]
    return corners, -corners / float(shape.radius)


def _evenly(available: int, count: int) -> np.ndarray:
    """Choose `count` of the indices below `available`, evenly."""
    return ((np.arange(count) + 0.5) * (available / count)).astype(int)


def box_panels(shape: Box, pitch: float, margin: float, faces: tuple[int, ...] = (0, 1, 2, 3, 4, 5)) -> Placed:
    """Centred square grids on faces of a box, `pitch` [m] apart and at least `margin` [m] from every edge."""
    size = np.asarray(shape.size, dtype=float)
    parts = []
    for face in faces:
        axis, side = face // 2, 1 - 2 * (face % 2)
        across = [a for a in range(3) if a != axis]
        numbers = np.floor((size[across] - 2.0 * margin) / pitch + 1e-6).astype(int) + 1
        u, v = np.meshgrid(*(pitch * (np.arange(n) - 0.5 * (n - 1)) for n in numbers))
        points = np.full((u.size, 3), 0.5 * side * size[axis])
        points[:, across] = np.column_stack([u.ravel(), v.ravel()])
        parts.append((points, np.tile(-side * np.eye(3)[axis], (u.size, 1))))
    return join(*parts)


def modules(
    shape: Shape, centre: Points, normal: Points, rings: tuple[tuple[float, int], ...] = MULTI_PMT_RINGS
) -> Placed:
    """Disks of multi-PMT modules laid flush on the wall: the centre, then each ring; channels module by module.

    Every disk faces along the inward normal of the wall; `domed_modules` tilts them as the domes of real modules do.
    """
    disks = np.asarray(centre, dtype=float)[:, None] + _about(normal, rings)
    return on_shape(shape, disks.reshape(-1, 3))


def domed_modules(
    centre: Points,
    normal: Points,
    radius: float,
    dome: tuple[float, float],
    rings: tuple[tuple[float, int], ...] = MULTI_PMT_RINGS,
) -> tuple[Placed, Housing]:
    """Tubes of `radius` [m] tilted along the domes of multi-PMT modules, and the domes that carry them.

    `centre` and `normal` are those of the rims of the domes, (modules, 3); `dome` is the radius of the rim and the rise of the
    top [m]; `rings` are distances from the axis and numbers of tubes about the central one. The rims of the tubes lie on the
    domes; give them a `Dome` whose rise is more than `radius**2 / 2 / curvature`, that they stand out. Channels module by
    module. Raises `LampyrisError` for tubes that reach beyond the rim of the dome.
    """
    normal = np.asarray(normal, dtype=float)
    rim, rise = dome
    curvature = 0.5 * (rim**2 + rise**2) / rise
    below = np.sqrt(curvature**2 - radius**2)  # from the middle of the sphere to the plane of a rim
    lateral = _about(normal, rings)
    away = np.linalg.norm(lateral, axis=2, keepdims=True)
    farthest = float(np.arcsin(min(away.max() / below, 1.0)) + np.arcsin(radius / curvature))
    if curvature * np.sin(farthest) > rim or farthest > 0.5 * np.pi:
        fail("domed_modules(dome=...): radius", f"> {curvature * np.sin(farthest):.4g} for these rings", rim, "m")
    axis = (lateral + np.sqrt(below**2 - away**2) * normal[:, None]) / below
    middle = np.asarray(centre, dtype=float) + (rise - curvature) * normal
    placed = (middle[:, None] + below * axis).reshape(-1, 3), axis.reshape(-1, 3)
    count = len(normal)
    return placed, Housing(np.asarray(centre, dtype=float), normal, np.full(count, rim), np.full(count, rise))


def _about(normal: Points, rings: tuple[tuple[float, int], ...]) -> np.ndarray:
    """Offsets across each normal: none, then each ring; (modules, disks, 3)."""
    normal = np.asarray(normal, dtype=float)
    upright = np.abs(normal[:, 2:]) > 0.9
    reference = np.where(upright, [1.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    first = np.cross(reference, normal)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(normal, first)
    offsets = [np.zeros((1, 2))]
    for radius, number in rings:
        angle = 2.0 * np.pi * (np.arange(number) + 0.5) / number
        offsets.append(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    a, b = np.concatenate(offsets).T[:, None, :, None]
    return a * first[:, None] + b * second[:, None]
