"""Where the light of a track meets the wall."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.detector import Detector
from lampyris.medium import Medium
from lampyris.shape import Shape
from lampyris.source import Track
from lampyris.units import ELECTRON_MASS, MUON_MASS

MASSES = {"mu-": MUON_MASS, "mu+": MUON_MASS, "e-": ELECTRON_MASS, "e+": ELECTRON_MASS}
WAVELENGTH = 400.0  # nm
FAST_IN_WATER = np.radians(41.4)  # opening angle for particles of unknown mass


class TrackOnWall(NamedTuple):
    """A track as displays draw it: in space [m], and flat on the unrolled wall [m]."""

    line: np.ndarray
    """vertex and end of the track, or where it leaves the detector, (2, 3)"""
    rings: list[np.ndarray]
    """pieces of the Cherenkov ring on the wall, (n, 3) each"""
    flat_rings: list[np.ndarray]
    """the same pieces on the unrolled wall, (n, 2) each"""
    flat_vertex: np.ndarray
    """point of the wall nearest to the vertex, unrolled, (2,)"""
    flat_aim: np.ndarray
    """point of the wall towards which the particle starts, unrolled, (2,)"""


def ring_on_wall(detector: Detector, track: Track, points: int = 360) -> list[np.ndarray]:
    """Pieces of the ring where the Cherenkov cone from the vertex meets the wall: (n, 3) arrays [m].

    The ring is cut wherever neighbouring points lie apart on the unrolled wall, so that no piece crosses the map. It
    is empty below the Cherenkov threshold and for a vertex outside the detector.
    """
    return track_on_wall(detector, track, points).rings


def track_on_wall(detector: Detector, track: Track, points: int = 360) -> TrackOnWall:
    """Project a track and its Cherenkov ring of so many points onto the wall."""
    vertex, axis = np.asarray(track.position, dtype=float), np.asarray(track.direction, dtype=float)
    angle = opening_angle(track.particle, float(track.energy), detector.medium)
    directions = np.vstack([axis, cone(axis, angle or 0.0, points)])
    wall, flat, face, inside = map(np.asarray, _meet(detector.shape, jnp.asarray(vertex), jnp.asarray(directions)))
    pieces = []
    if angle is not None and inside:
        limit = 0.01 * float(np.max(detector.shape.half_extent()))
        pieces = _pieces(wall[2:], flat[2:], face[2:], limit)
    length = float(track.profile.length(track.energy))
    if inside:
        length = min(length, float(np.linalg.norm(wall[1] - vertex)))
    rings, flat_rings = [wall[2:][piece] for piece in pieces], [flat[2:][piece] for piece in pieces]
    return TrackOnWall(np.stack([vertex, vertex + length * axis]), rings, flat_rings, flat[0], flat[1])


def opening_angle(particle: str, energy: float, medium: Medium) -> float | None:
    """Opening angle [rad] of the Cherenkov cone at the kinetic energy [MeV]; None below the threshold."""
    mass = MASSES.get(particle)
    if mass is None:
        return float(FAST_IN_WATER)
    beta = np.sqrt(1.0 - (1.0 + energy / mass) ** -2)
    cosine = 1.0 / (beta * float(medium.refractive_index(jnp.asarray(WAVELENGTH))))
    return float(np.arccos(cosine)) if cosine < 1.0 else None


def cone(axis: np.ndarray, angle: float, points: int) -> np.ndarray:
    """Directions at an angle [rad] about an axis, all around and the first one again: (points + 1, 3)."""
    aside = np.eye(3)[np.abs(axis).argmin()]
    first = np.cross(axis, aside)
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    azimuth = np.linspace(0.0, 2.0 * np.pi, points + 1)[:, None]
    return np.cos(angle) * axis + np.sin(angle) * (np.cos(azimuth) * first + np.sin(azimuth) * second)


@eqx.filter_jit
def unroll(shape: Shape, position: Float[Array, "n 3"]) -> Float[Array, "n 2"]:
    """Flat map of points of the wall as one array."""
    return jnp.stack(shape.unroll(position), axis=-1)


@eqx.filter_jit
def _meet(shape: Shape, vertex: Array, directions: Array) -> tuple[Array, Array, Array, Array]:
    """Wall points (nearest to the vertex, then along each direction), their map and faces; vertex inside or not."""
    start = jnp.broadcast_to(vertex, directions.shape)
    distance, _ = shape.intersect(start, directions)
    wall = jnp.concatenate([shape.on_wall(vertex[None]), start + distance[:, None] * directions])
    inside = shape.signed_distance(vertex[None])[0] > -1e-3
    return wall, jnp.stack(shape.unroll(wall), axis=-1), shape.face(wall), inside


def _pieces(wall: np.ndarray, flat: np.ndarray, face: np.ndarray, limit: float) -> list[np.ndarray]:
    """Indices of the pieces of a closed ring between jumps on the map; the last point repeats the first."""
    step, flat_step = (np.linalg.norm(np.diff(points, axis=0), axis=1) for points in (wall, flat))
    jump = (np.diff(face) != 0) | (flat_step > 5.0 * step + limit)
    pieces = np.split(np.arange(len(wall)), np.flatnonzero(jump) + 1)
    if len(pieces) > 1:
        pieces = [np.concatenate([pieces[-1], pieces[0][1:]]), *pieces[1:-1]]
    return [piece for piece in pieces if len(piece) > 1]
