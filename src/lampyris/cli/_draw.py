"""Tracks at random in a detector: vertices away from the wall, ends inside, directions isotropic."""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

from typing import NamedTuple

import numpy as np

from lampyris._checks import LampyrisError, fail, fail_unknown
from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.emission import TrackProfile, load_profile
from lampyris.emission.profile_file import profile_names
from lampyris.source import Track

MARGIN, SMALL_TANK_MARGIN = 2.0, 0.1
"""Least distance of a vertex from the wall: in m, and at most this share of the smallest size of the tank."""
LENGTH_FACTOR = 1.2
"""Lengths of the profile that must lie inside: tracks fluctuate."""
TIME_RANGE = 15.0
"""Vertex times are uniform between minus and plus this [ns]."""
BATCH, MOST_BATCHES = 4096, 50
STANDS_FOR = {"pi0": "gamma"}
"""Particles without a profile of their own, and that whose length is theirs."""

Vector = tuple[float, float, float]


class Wanted(NamedTuple):
    """What tracks shall be; `None` is drawn at random."""

    particle: str
    energy: float
    position: Vector | None = None
    direction: Vector | None = None
    time: float | None = None

    def check(self) -> None:
        """Raise `LampyrisError` for an unknown particle, an energy without a profile, or a bad direction or time."""
        _profile(self.particle).check_energy("--energy", self.energy)
        if self.direction is not None and abs(np.linalg.norm(self.direction) - 1.0) > 1e-4:
            fail("--direction", "a unit vector", self.direction)
        if self.time is not None and not np.isfinite(self.time):
            fail("--time", "finite", self.time)


def draw_tracks(detector: Detector, wanted: Wanted, count: int, seed: int) -> list[Track]:
    """`count` tracks; where the vertex is drawn, the whole track lies inside the detector."""
    wanted.check()
    if wanted.position is not None and not _distance(detector, np.array([wanted.position]))[0] > 0:
        fail("--position", f"inside {detector.name}", wanted.position)
    draw = np.random.default_rng(seed)
    positions, directions, found, batches = [], [], 0, 0
    while found < count:
        position, direction = _candidates(detector, wanted, draw)
        positions.append(position)
        directions.append(direction)
        found, batches = found + len(position), batches + 1
        if found == 0 and batches == MOST_BATCHES:
            raise LampyrisError(
                f"A {wanted.particle} of {wanted.energy:g} MeV does not fit into {detector.name}; "
                "give less --energy, or --position for a track that may leave."
            )
    low, high = (-TIME_RANGE, TIME_RANGE) if wanted.time is None else (wanted.time, wanted.time)
    time = draw.uniform(low, high, count)
    rows = zip(np.concatenate(positions)[:count], np.concatenate(directions)[:count], time, strict=True)
    return [Track(wanted.particle, wanted.energy, p, d, t) for p, d, t in rows]


def _candidates(detector: Detector, wanted: Wanted, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and directions of one batch that pass: all of them where the vertex is given."""
    direction = draw.normal(size=(BATCH, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    if wanted.direction is not None:
        direction[:] = wanted.direction
    if wanted.position is not None:
        return np.tile(np.array(wanted.position, float), (BATCH, 1)), direction
    half = np.asarray(detector.shape.half_extent(), float)
    margin = min(MARGIN, SMALL_TANK_MARGIN * 2.0 * half.min())
    position = half * draw.uniform(-1.0, 1.0, (BATCH, 3))
    length = LENGTH_FACTOR * float(on_host(_profile(wanted.particle).length, wanted.energy))
    good = (_distance(detector, position) > margin) & (_distance(detector, position + length * direction) > 0)
    return position[good], direction[good]


def _profile(particle: str) -> TrackProfile:
    """What tells how far the light of a particle reaches."""
    if particle not in {*profile_names(), *STANDS_FOR}:
        fail_unknown("particle", particle, {*profile_names(), *STANDS_FOR})
    return load_profile(STANDS_FOR.get(particle, particle))


def _distance(detector: Detector, position: np.ndarray) -> np.ndarray:
    """Distance to the wall [m], positive inside."""
    return on_host(detector.shape.signed_distance, position)
