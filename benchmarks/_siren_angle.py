"""The light of many particles over the angle to their initial direction against the profile, without sensors.

Whole events of showers fluctuate by several per cent about the ring, and neighbouring angles together: hundreds of them do
not show a deficit of two per cent. Thousands of particles cost as much when no photon has to find a sensor. Two questions
stand apart: whether the profile has the angles right, and what it does to the wall that all its light comes from the axis.
"""

import itertools

import jax
import numpy as np

import lampyris as lp
from lampyris._host import on_host
from lampyris._math import turn
from lampyris._random import generator
from lampyris.emission.angles import angle_edges
from lampyris.emission.tabulate import YieldTable, sample_cones
from lampyris.particle.engine import particle_columns

TOGETHER, PHOTONS = 50, 400_000
"""Particles that are simulated together, and photons that are drawn from them."""
MOST_DEGREES = 90.0
RANGES = {"below 18": (0, 18), "18 to 30": (18, 30), "30 to 36": (30, 36), "36 to 46": (36, 46), "46 to 90": (46, 90)}


def light_over_angle(detector: lp.Detector, track: lp.Track, particles: int, seed: int, edges: np.ndarray) -> dict:
    """Light of particles over that of the profile in ranges of angle, and what moving it onto the axis changes [%]."""
    yields, energy = YieldTable.of(detector.medium), float(track.energy)
    seen = np.zeros((3, particles, len(edges) - 1))
    for first in range(0, particles, TOGETHER):
        key = jax.random.fold_in(jax.random.key(seed), first)
        columns = particle_columns(track.particle, np.full(TOGETHER, energy), key=key)
        event, position, direction = photons_of(columns, yields, generator(jax.random.fold_in(key, 1)))
        angles = [np.degrees(np.arccos(np.clip(direction[:, 2], -1.0, 1.0)))]
        angles += [angle_on_wall(detector, track, place, direction) for place in (position, position * [0, 0, 1])]
        for row, angle in zip(seen, angles, strict=True):
            row[first : first + TOGETHER] = np.histogram2d(event, angle, [np.arange(TOGETHER + 1) - 0.5, edges])[0]
    seen /= seen[0].sum() / particles
    light = on_host(lambda p, e: p.nodes(e).light.sum(axis=0), track.profile, energy).astype(float)
    guess = np.diff(np.interp(np.radians(edges), angle_edges(), np.append(0.0, light.cumsum()) / light.sum()))
    mean, error = seen[0].mean(axis=0), seen[0].std(axis=0, ddof=1) / np.sqrt(particles)
    return {
        "particles": particles,
        "emission_over_profile": {name: ratio(seen[0], guess, edges, *ends) for name, ends in RANGES.items()},
        "places_over_axis": {name: paired(*seen[1:], edges, *ends) for name, ends in RANGES.items()},
        "emission_residual_percent_rms": 100.0 * float(np.sqrt((guess * (mean / guess - 1.0) ** 2).sum())),
        "emission_residual_statistical_percent": 100.0 * float(np.sqrt((guess * (error / guess) ** 2).sum())),
        "bins": [
            {"from_degrees": float(low)} | ratio(seen[0], guess, edges, low, high)
            for low, high in itertools.pairwise(edges[edges <= MOST_DEGREES])
        ],
        "profile": (100.0 * (mean / guess - 1.0), 100.0 * error / guess),
    }


def photons_of(columns: dict, yields: YieldTable, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Event, place (n, 3) and direction (n, 3) of photons, each turned about the initial direction by its own angle."""
    cones = sample_cones(columns, yields, 1.1 * PHOTONS, random)
    chosen = random.permutation(len(cones.step))[:PHOTONS]
    own, along = cones.step[chosen], cones.along[chosen]
    way = columns["end"][own] - columns["start"][own]
    axis = way / np.maximum(np.linalg.norm(way, axis=1), 1e-15)[:, None]
    direction = on_host(turn, axis, cones.cosine[chosen], 2.0 * np.pi * random.random(PHOTONS))
    around = 2.0 * np.pi * random.random(PHOTONS)
    place = columns["start"][own] + along[:, None] * way
    return columns["event"][own], about_z(place, around), about_z(direction, around)


def about_z(vectors: np.ndarray, angle: np.ndarray) -> np.ndarray:
    x, y, z = vectors.T
    return np.stack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z], axis=1)


def angle_on_wall(detector: lp.Detector, track: lp.Track, place: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Angle [degrees] about the middle of the track at which photons that start along +z meet the wall."""
    axis = np.asarray(track.direction, float)
    side = np.cross(axis, [0.0, 1.0, 0.0]) / np.linalg.norm(np.cross(axis, [0.0, 1.0, 0.0]))
    frame = np.stack([side, np.cross(axis, side), axis])
    start, along = np.asarray(track.position) + place @ frame, direction @ frame
    distance = on_host(lambda shape, p, d: shape.intersect(p, d)[0], detector.shape, start, along)
    way = start + distance[:, None] * along - np.asarray(track.position)
    way = way - 0.5 * float(track.profile.length(track.energy)) * axis
    return np.degrees(np.arccos(np.clip(way @ axis / np.linalg.norm(way, axis=1), -1.0, 1.0)))


def within(rows: np.ndarray, edges: np.ndarray, low: float, high: float) -> np.ndarray:
    """Light of each particle, or of the mean, between two of the edges."""
    return rows[..., (edges[:-1] >= low) & (edges[1:] <= high)].sum(axis=-1)


def ratio(seen: np.ndarray, guess: np.ndarray, edges: np.ndarray, low: float, high: float) -> dict:
    own, expected = within(seen, edges, low, high), within(guess, edges, low, high)
    sigma = own.std(ddof=1) / np.sqrt(len(own)) / expected
    return {"percent": 100.0 * float(own.mean() / expected - 1.0), "sigma_percent": 100.0 * float(sigma)}


def paired(first: np.ndarray, second: np.ndarray, edges: np.ndarray, low: float, high: float) -> dict:
    """How much more the first has, with the error of a difference of the same photons."""
    ours, theirs = within(first, edges, low, high), within(second, edges, low, high)
    over = ours.mean() / theirs.mean()
    sigma = (ours - over * theirs).std(ddof=1) / np.sqrt(len(ours)) / theirs.mean()
    return {"percent": 100.0 * float(over - 1.0), "sigma_percent": 100.0 * float(sigma)}
