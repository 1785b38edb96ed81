"""The first body that a straight way meets, among bodies that stand anywhere in the volume."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.ndimage import distance_transform_cdt

from lampyris._math import dot, normalise
from lampyris.detector import Detector
from lampyris.transport.sensor_search import Cells, held

JUMPS = 4
"""Empty boxes that a way crosses before the bodies of a cell are looked at"""
NUDGE = 1e-4
"""By how much boxes are larger than their cells [m]: more than the rounding of positions, so that a way that leaves one is in
another, and less than the margin of the lists"""


class Stop(NamedTuple):
    """Where straight ways end: at the given limit, at a body, or on the way if neither was reached yet."""

    path: Float[Array, " n"]
    """[m]"""
    normal: Float[Array, "n 3"]
    """of the body, towards the light"""
    channel: Int[Array, " n"]
    """of the front that is met, -1 for housings, backs and none"""
    at_body: Bool[Array, " n"]
    passing: Bool[Array, " n"]
    """whether the way goes on: it left the cell that was looked at and met nothing yet"""


class Bodies(eqx.Module):
    """Cells in space with the bodies that reach into each, and how many empty cells lie about it.

    A way crosses the largest empty box about its place at once, so that it gets from the middle of a tank to the bodies at its
    wall in a few jumps. No body is left out. Made on the host from a concrete detector; works for every shape.
    """

    cells: Cells
    clear: Int[Array, " cells"]
    """boxes of so many cells to each side are empty; -1 for a cell with bodies"""
    numbers: Float[Array, "bodies 11"]
    """base, axis, centre of the sphere, radii of the rim and of the sphere: one row, because rows are read at once"""
    channel: Int[Array, " bodies"]

    @classmethod
    def of(cls, detector: Detector) -> "Bodies":
        """The bodies of a detector, sensors and housings."""
        with jax.ensure_compile_time_eval():
            caps = held(detector.sensors).bodies()
            cells = Cells.about(held(detector.shape).half_extent(), np.asarray(caps.middle), np.asarray(caps.reach))
            empty = np.asarray(cells.members[:, 0] < 0).reshape(cells.counts)
            clear = np.asarray(distance_transform_cdt(empty, metric="chessboard")).ravel() - 1
            columns = (caps.base, caps.axis, caps.centre, caps.rim[:, None], caps.curvature[:, None])
            return cls(cells, jnp.asarray(clear, jnp.int32), jnp.concatenate(columns, axis=1), caps.channel)

    def first(self, position: Float[Array, "n 3"], direction: Float[Array, "n 3"], limit: Float[Array, " n"]) -> Stop:
        """Follow ways through empty space and one cell of bodies, at most up to the limit [m].

        A body is met from outside alone, so that a way that leaves its surface never meets it by rounding.
        """
        path = jnp.zeros_like(limit)
        for _ in range(JUMPS):
            flat, leave = self._leave(position, direction, path)
            path = jnp.where(self.clear[flat] >= 0, jnp.minimum(leave, limit), path)
        flat, leave = self._leave(position, direction, path)
        until = jnp.where(self.clear[flat] >= 0, path, jnp.minimum(leave, limit))
        path, body, front = self._nearest(flat, position, direction, until)
        at_body, body = body >= 0, jnp.maximum(body, 0)
        number = self.numbers[body]
        out = normalise(position + path[:, None] * direction - number[:, 6:9])
        normal = jnp.where(front[:, None], out, -number[:, 3:6])
        channel = jnp.where(at_body & front, self.channel[body], -1)
        return Stop(path, normal, channel, at_body, ~at_body & (path < limit))

    def _leave(self, position: Array, direction: Array, path: Array) -> tuple[Array, Array]:
        """The cell of each way after some path, and the path at which it leaves the empty box about it or the cell."""
        here = position + path[:, None] * direction
        index, flat = self.cells.at(here)
        clear = jnp.maximum(self.clear[flat], 0)[:, None]
        origin, cell = self.cells.origin, self.cells.cell
        low, high = origin + (index - clear) * cell - NUDGE, origin + (index + clear + 1) * cell + NUDGE
        return flat, path + _way_out(here, direction, low, high)

    def _nearest(self, flat: Array, position: Array, direction: Array, until: Array) -> tuple[Array, Array, Array]:
        """Path to the nearest body of a cell, its number (-1 for none), and whether its front is met."""
        path, body, front = until, jnp.full(flat.shape, -1, jnp.int32), jnp.zeros(flat.shape, bool)
        for member in self.cells.members[flat].T:
            on_front, on_back = self._meets(jnp.maximum(member, 0), position, direction)
            nearer = (member >= 0) & (jnp.minimum(on_front, on_back) < path)
            path = jnp.where(nearer, jnp.minimum(on_front, on_back), path)
            body, front = jnp.where(nearer, member, body), jnp.where(nearer, on_front < on_back, front)
        return path, body, front

    def _meets(self, body: Array, position: Array, direction: Array) -> tuple[Array, Array]:
        """Paths to the front of a body from outside and to its back from behind; infinite where a way misses them."""
        number = self.numbers[body]
        base, axis, centre, rim, curvature = number[:, :3], number[:, 3:6], number[:, 6:9], number[:, 9], number[:, 10]
        to_centre = centre - position
        along = dot(to_centre, direction)
        closest = to_centre - along[:, None] * direction
        inside = curvature**2 - dot(closest, closest)
        front = along - jnp.sqrt(jnp.maximum(inside, 0.0))
        height = dot(position + front[:, None] * direction - base, axis)
        on_front = (inside > 0) & (along > 0) & (front > -NUDGE) & (height > 0)
        speed = dot(direction, axis)
        back = dot(base - position, axis) / jnp.where(speed > 0, speed, 1.0)
        across = position + back[:, None] * direction - base
        on_back = (speed > 0) & (back > -NUDGE) & (dot(across, across) < rim**2)
        return jnp.where(on_front, front, jnp.inf), jnp.where(on_back, back, jnp.inf)


def _way_out(point: Array, direction: Array, low: Array, high: Array) -> Array:
    """Distance along each direction to the border of the box about each point."""
    moves = jnp.abs(direction) > 1e-9
    ahead = jnp.where(direction > 0, high, low)
    return jnp.where(moves, (ahead - point) / jnp.where(moves, direction, 1.0), jnp.inf).min(axis=-1)
