"""The most likely of many tracks through a point, by a coarse picture of their light: what the fit itself starts from."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.emission.cherenkov import BAND
from lampyris.emission.profile import TrackProfile
from lampyris.fit.directions import even_directions
from lampyris.response import Hits
from lampyris.units import SPEED_OF_LIGHT

BATCH = 64
"""Tracks that are looked at together."""
PIECES = 6
"""Points of light along a track in the coarse picture."""
MOST_HITS, EVEN_SENSORS = 384, 1024
"""Sensors that are looked at: those with most charge, and an even choice of all for the light that is not seen."""
RING, WIDTH, FLOOR = np.radians(41.0), np.radians(5.0), 0.03
"""Angle and rms of the ring of a piece of track [rad], and the light beside it relative to the ring."""
TIME_SPREAD, LATE = 3.0, 3.0
"""Rms of the times about the coarse picture [ns], and the number of rms beyond which a hit counts as indirect."""
SHIFTS = np.array([-0.3, 0.0, 0.3, 0.6, 0.9])
"""How far behind the point the vertex may lie, in lengths of the track."""


class Candidate(NamedTuple):
    """A track as a start."""

    position: np.ndarray
    direction: np.ndarray
    time: float
    energy: float
    score: float


class Looked(NamedTuple):
    """The sensors that are looked at, first those with light; single precision is enough."""

    position: np.ndarray
    normal: np.ndarray
    area: np.ndarray
    charge: np.ndarray
    """of the first"""
    time: np.ndarray
    """of the first [ns]"""
    weight: float
    """how many sensors each of the others stands for"""
    index: float
    """of the group velocity"""
    attenuation: float
    """[1/m]"""


class RingScan:
    """Coarse log-likelihood of tracks for one event."""

    def __init__(self, detector: Detector, hits: Hits, profile: TrackProfile):
        sensors = detector.sensors
        charge = np.where(np.asarray(hits.hit), np.asarray(hits.charge) / np.asarray(sensors.gain), 0.0)
        bright = np.argsort(-charge, kind="stable")[:MOST_HITS]
        even = np.linspace(0, sensors.count - 1, min(EVEN_SENSORS, sensors.count)).astype(int)
        chosen = np.concatenate([bright, even])
        self.total = charge.sum()
        self.looked = Looked(
            np.asarray(sensors.position)[chosen],
            np.asarray(sensors.normal)[chosen],
            np.asarray(sensors.area)[chosen],
            np.minimum(charge[bright], 20.0),
            (np.asarray(hits.time) - np.asarray(sensors.time_offset))[bright],
            sensors.count / len(even),
            float(on_host(detector.medium.group_index, 420.0)),
            float(on_host(detector.medium.attenuation_rate, 420.0)),
        )
        grid = np.geomspace(*profile.energy_range, 200)
        self.energies, self.lengths = grid, on_host(profile.length, grid)
        self.photons = on_host(profile.photons, grid)
        spectrum = np.linspace(*BAND, 100)
        self.efficiency = np.average(on_host(sensors.quantum_efficiency, spectrum), weights=spectrum**-2.0)

    def energy_at(self, point: np.ndarray) -> float:
        """Energy whose light, were it sent evenly from the point, would give the charge of the event."""
        seen = on_host(_seen, self.looked, point[None])[0, len(self.looked.charge) :]
        seen = seen.sum() * self.looked.weight / (4.0 * np.pi)
        return float(np.interp(self.total / max(seen * self.efficiency, 1e-12), self.photons, self.energies))

    def best(self, point: np.ndarray, towards: np.ndarray, contains) -> list[Candidate]:
        """The two best tracks near a point, in directions within 80 degrees of one, refined twice."""
        energy = self.energy_at(point)
        length = float(np.interp(energy, self.energies, self.lengths))
        directions = even_directions(400)
        directions = directions[directions @ towards > np.cos(np.radians(80.0))]
        found = self._scores(point, directions, SHIFTS, length, energy, contains)
        chosen = found[:1] + [c for c in found if c.direction @ found[0].direction < np.cos(np.radians(20.0))][:1]
        for spread, step in ((9.0, 0.15), (4.0, 0.1)):
            refined = []
            for start in chosen:
                around = cone(start.direction, np.radians(spread))
                moves = step * np.arange(-1, 2)
                refined += self._scores(start.position, around, moves, length, energy, contains)[:1]
            chosen = refined or chosen
        return sorted(chosen, key=lambda c: -c.score)

    def pictures(
        self, point: np.ndarray, directions: np.ndarray, length: float
    ) -> tuple[Float[np.ndarray, "n hits"], Float[np.ndarray, "n hits"]]:
        """Share of the light of tracks from a point that each sensor with hits gets, and when it arrives [ns]."""
        light, arrival = on_host(_pictures, self.looked, point, directions, length)
        return np.asarray(light, float), np.asarray(arrival, float)

    def lateness(self, arrival: Float[np.ndarray, " hits"]) -> tuple[float, float]:
        """How far hits are from expected arrivals, squared and summed, and the time at the vertex."""
        late, start = on_host(_lateness, self.looked, arrival)
        return float(late), float(start)

    def _scores(self, point, directions, shifts, length, energy, contains) -> list[Candidate]:
        """Candidates inside the detector, best first."""
        way = np.repeat(directions, len(shifts), axis=0)
        vertex = point - np.tile(shifts, len(directions))[:, None] * length * way
        inside = np.asarray(contains(vertex))
        vertex, way = vertex[inside], way[inside]
        score, time = self._score(vertex, way, length)
        order = np.argsort(-score, kind="stable")
        return [Candidate(vertex[i], way[i], float(time[i]), energy, float(score[i])) for i in order]

    def _score(self, vertex: np.ndarray, way: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihood of charges and times of tracks, and the time at the vertex."""
        count = len(vertex)
        if not count:
            return np.zeros(0), np.zeros(0)
        index = np.minimum(np.arange(-(-count // BATCH) * BATCH), count - 1).reshape(-1, BATCH)
        parts = [on_host(_scores, self.looked, vertex[i], way[i], length) for i in index]
        return np.concatenate([p[0] for p in parts])[:count], np.concatenate([p[1] for p in parts])[:count]


def _ways(looked: Looked, points: Array) -> tuple[Array, Array]:
    """From every point to every chosen sensor, and its length [m], at least that of a sensor."""
    away = jnp.asarray(looked.position) - points[:, None]
    return away, jnp.maximum(jnp.linalg.norm(away, axis=-1), 0.5)


def _seen(looked: Looked, points: Array) -> Array:
    """Solid angle times transmission of every chosen sensor from every point, (points, sensors)."""
    away, distance = _ways(looked, points)
    facing = jnp.clip(-(away * looked.normal).sum(axis=-1) / distance, 0.0, 1.0)
    return jnp.asarray(looked.area) * facing / distance**2 * jnp.exp(-looked.attenuation * distance)


def _scores(looked: Looked, vertex: Array, direction: Array, length: Array) -> tuple[Array, Array]:
    """Log-likelihood of charges and times of each track, and the time at its vertex."""
    return jax.vmap(lambda v, d: _score(looked, v, d, length))(vertex, direction)


def _score(looked: Looked, vertex: Array, direction: Array, length: Array) -> tuple[Array, Array]:
    light, arrival = _picture(looked, vertex, direction, length)
    charges = (looked.charge * jnp.log(light)).sum()
    late, start = _lateness(looked, arrival)
    return charges - 0.5 * late, start


def _picture(looked: Looked, vertex: Array, direction: Array, length: Array) -> tuple[Array, Array]:
    """Share of its light that a track sends to each sensor with hits, and its mean time of arrival there [ns]."""
    hits = len(looked.charge)
    along = (np.arange(PIECES) + 0.5) / PIECES * length
    points = vertex + along[:, None] * direction
    away, distance = _ways(looked, points)
    angle = jnp.arccos(jnp.clip(away @ direction / distance, -1.0, 1.0))
    light = _seen(looked, points) * (jnp.exp(-0.5 * ((angle - RING) / WIDTH) ** 2) + FLOOR)
    expected = light.sum(axis=0)
    share = expected[:hits] / (expected[hits:].sum() * looked.weight)
    arrival = (along[:, None] + distance * looked.index) / SPEED_OF_LIGHT
    return jnp.maximum(share, 1e-9), (light * arrival).sum(axis=0)[:hits] / jnp.maximum(expected[:hits], 1e-30)


def _pictures(looked: Looked, vertex: Array, directions: Array, length: Array) -> tuple[Array, Array]:
    """`_picture` of tracks in many directions."""
    return jax.lax.map(lambda direction: _picture(looked, vertex, direction, length), directions, batch_size=BATCH)


def _lateness(looked: Looked, arrival: Array) -> tuple[Array, Array]:
    """Sum of the squares of the times about the expected ones, late ones cut off, and the time at the vertex.

    An event with few hits has places of sensors without charge, whose times are none.
    """
    late, hit = looked.time - arrival, looked.charge > 0.0
    start = jnp.nan_to_num(jnp.nanmedian(jnp.where(hit, late, jnp.nan)))
    for _ in range(2):
        near = hit & (jnp.abs(late - start) < LATE * TIME_SPREAD)
        start = jnp.where(near.any(), (near * late).sum() / jnp.maximum(near.sum(), 1), start)
    return (hit * jnp.minimum(((late - start) / TIME_SPREAD) ** 2, LATE**2)).sum(), start


def cone(axis: np.ndarray, angle: float) -> np.ndarray:
    """The axis, six directions at half of the angle about it, and twelve at the angle."""
    helper = np.eye(3)[np.argmin(np.abs(axis))]
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    polar = np.concatenate([[0.0], np.full(6, 0.5 * angle), np.full(12, angle)])
    azimuth = np.concatenate([[0.0], np.arange(6) * np.pi / 3.0, np.arange(12) * np.pi / 6.0])
    across = np.cos(azimuth)[:, None] * first + np.sin(azimuth)[:, None] * second
    return np.cos(polar)[:, None] * axis + np.sin(polar)[:, None] * across
