"""Where several rings of one vertex lie, from a coarse picture of their light: what a fit of several tracks starts from."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lampyris.fit.directions import even_directions
from lampyris.fit.ring_scan import RingScan, cone

DIRECTIONS = 400
"""Directions over the sphere that are tried."""
SHARES = np.array([0.15, 0.3, 0.5, 0.7, 0.85])
"""Shares of the light that are tried for a new ring."""
ROUNDS = ((8.0, 0.3), (4.0, 0.15), (2.0, 0.0))
"""Opening of the cones [deg] and step of the vertex along the mean direction [m] in the refinements."""
BEST = 4
"""Pairs of rings that are refined."""


class RingSet(NamedTuple):
    """Directions of rings from one point, each with its share of the light."""

    position: np.ndarray
    directions: Float[np.ndarray, "rings 3"]
    shares: Float[np.ndarray, " rings"]
    time: float
    score: float


class Coarse(NamedTuple):
    """The coarse picture of an event whose tracks are of one length [m]."""

    scan: RingScan
    length: float

    @property
    def charge(self) -> np.ndarray:
        """Of the sensors with hits."""
        return self.scan.looked.charge

    def light(self, point: np.ndarray, directions: np.ndarray) -> Float[np.ndarray, "n hits"]:
        """Share of the light of a track in each direction that each sensor with hits gets."""
        return self.scan.pictures(point, directions, self.length)[0]


def find_rings(scan: RingScan, point: np.ndarray, count: int, contains) -> RingSet:
    """The most likely `count` rings from about a point: the best pairs of directions first, then one more at a time.

    Unlike one ring after the other, pairs are found whose rings overlap so that one ring between them is the likeliest.
    """
    directions = even_directions(DIRECTIONS)
    energy = scan.energy_at(point) / count
    coarse = Coarse(scan, float(np.interp(energy, scan.energies, scan.lengths)))
    found = [_refined(coarse, pair, contains) for pair in _pairs(coarse, point, directions)]
    best = max(found, key=lambda rings: rings.score)
    for _ in range(count - 2):
        best = _refined(coarse, _with_one_more(coarse, best, directions), contains)
    return best


def _pairs(coarse: Coarse, point: np.ndarray, directions: np.ndarray) -> list[RingSet]:
    """The most likely pairs, no two of them alike."""
    charge, light = coarse.charge, coarse.light(point, directions)
    score = np.full((len(light), len(light)), -np.inf)
    share_of = np.zeros_like(score)
    for number, first in enumerate(light):
        for share in SHARES:
            value = np.log(share * first + (1.0 - share) * light[number:]) @ charge
            row, known = score[number, number:], share_of[number, number:]
            better = value > row
            row[better], known[better] = value[better], share
    best, chosen = np.argsort(-score, axis=None)[:2000], []
    for place in best:
        first, second = divmod(int(place), len(light))
        pair = directions[[first, second]]
        if all(_apart(pair, other.directions) for other in chosen):
            share = float(share_of[first, second])
            chosen.append(RingSet(point, pair, np.array([share, 1.0 - share]), 0.0, float(score[first, second])))
        if len(chosen) == BEST:
            break
    return chosen


def _apart(pair: np.ndarray, other: np.ndarray) -> bool:
    """Whether two pairs of directions differ by more than the cones of the refinement."""
    near = pair @ other.T > np.cos(np.radians(15.0))
    return not (near.diagonal().all() or near[::-1].diagonal().all())


def _with_one_more(coarse: Coarse, rings: RingSet, directions: np.ndarray) -> RingSet:
    """The rings and the likeliest further one."""
    charge = coarse.charge
    known = rings.shares @ coarse.light(rings.position, rings.directions)
    light = coarse.light(rings.position, directions)
    score = np.array([np.log(share * light + (1.0 - share) * known) @ charge for share in SHARES])
    share, place = np.unravel_index(int(score.argmax()), score.shape)
    shares = np.append((1.0 - SHARES[share]) * rings.shares, SHARES[share])
    return RingSet(rings.position, np.vstack([rings.directions, directions[place]]), shares, 0.0, float(score.max()))


def _refined(coarse: Coarse, rings: RingSet, contains) -> RingSet:
    """Vertex, directions and shares moved to where the coarse picture is likeliest, one ring at a time."""
    best = _scored(coarse, rings)
    for opening, step in ROUNDS:
        mean = best.shares @ best.directions
        moves = [best.position + along * step * mean for along in ((-2.0, -1.0, 0.0, 1.0, 2.0) if step else (0.0,))]
        for place in [move for move in moves if bool(np.asarray(contains(move[None]))[0])]:
            candidate = _scored(coarse, best._replace(position=place))
            for number in range(len(rings.directions)):
                candidate = _turned(coarse, candidate, number, np.radians(opening))
            best = max(best, candidate, key=lambda one: one.score)
    return best


def _turned(coarse: Coarse, rings: RingSet, number: int, opening: float) -> RingSet:
    """One of the rings turned within a cone."""
    around = cone(rings.directions[number], opening)
    light = coarse.light(rings.position, around)
    others = np.delete(np.arange(len(rings.directions)), number)
    known = rings.shares[others] @ coarse.light(rings.position, rings.directions[others])
    value = np.log(rings.shares[number] * light + known) @ coarse.charge
    directions = rings.directions.copy()
    directions[number] = around[int(value.argmax())]
    return max(rings, _scored(coarse, rings._replace(directions=directions)), key=lambda one: one.score)


def _scored(coarse: Coarse, rings: RingSet) -> RingSet:
    """The rings with the shares that charges like best, the time at the vertex, and their score of charges and times."""
    shares, charge = rings.shares, coarse.charge
    light, arrival = coarse.scan.pictures(rings.position, rings.directions, coarse.length)
    for _ in range(10):
        parts = shares[:, None] * light
        shares = (parts / parts.sum(axis=0)) @ charge / charge.sum()
        shares = np.maximum(shares, 0.02) / np.maximum(shares, 0.02).sum()
    parts = shares[:, None] * light
    late, start = coarse.scan.lateness((parts * arrival).sum(axis=0) / parts.sum(axis=0))
    score = float(np.log(parts.sum(axis=0)) @ charge - 0.5 * late)
    return RingSet(rings.position, rings.directions, shares, start, score)
