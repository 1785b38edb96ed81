"""Total variation distances of learnt tables to those of new particles, with errors from the fluctuations of events."""

import numpy as np
from _tables import merged, variation

from lampyris.emission.angles import angle_edges
from lampyris.emission.light_table import sorted_light
from lampyris.emission.tabulate import Flashes

MERGES = ((1, 1), (3, 2), (5, 4), (9, 8), (15, 16), (45, 32))
"""Bins of angle and along the track that are merged, finest first."""
SMALL = 0.5
"""Statistical part [%] below which no more bins are merged."""
DRAWINGS = 50


def halves(flashes: Flashes, events: int, length: float, edges: np.ndarray) -> list[np.ndarray]:
    """Tables of random halves of the events."""
    draw, tables = np.random.default_rng(0), []
    for _ in range(4):
        own = (draw.permutation(events) < events // 2)[flashes.event]
        part = Flashes(*(getattr(flashes, name)[own] for name in ("event", "z", "angle", "time")))
        tables.append(sorted_light(part, length, edges)[1])
    return tables


def distance(guess: np.ndarray, flashes: Flashes, events: int, length: float, edges: np.ndarray) -> dict:
    """Distance [%] of a learnt table to the seen one, with bins merged until the statistical part is small.

    `statistical` is the distance that fluctuations alone would make, `sigma` how the distance varies when events are drawn
    again with replacement.
    """
    seen = sorted_light(flashes, length, edges)[1].astype(float)
    parts, statistical, bins = halves(flashes, events, length, edges), np.inf, MERGES[0]
    for angles, nodes in MERGES:
        bins, whole = (nodes, angles), merged(seen, nodes, angles)
        small = [merged(part, nodes, angles) for part in parts]
        statistical = 50.0 * float(np.mean([variation(part, whole - part) for part in small]))
        if statistical < SMALL:
            break
    return {
        "siren": 100.0 * variation(merged(guess, *bins), merged(seen, *bins)),
        "sigma": spread_of_distance(guess, flashes, events, length, edges, bins),
        "statistical": statistical,
        "merged": f"{bins[1]} x {bins[0]}",
    }


def spread_of_distance(guess, flashes: Flashes, events: int, length: float, edges, bins: tuple[int, int]) -> float:
    """Standard deviation [%] of the distance over drawings of the events with replacement."""
    draw, cells = np.random.default_rng(1), cells_of(flashes, length, edges, bins)
    expected, found = merged(guess, *bins), []
    for _ in range(DRAWINGS):
        weight = draw.multinomial(events, np.full(events, 1.0 / events))[flashes.event]
        drawn = np.bincount(cells, weight, minlength=expected.size).reshape(expected.shape)
        found.append(variation(expected, drawn))
    return 100.0 * float(np.std(found, ddof=1))


def cells_of(flashes: Flashes, length: float, edges: np.ndarray, bins: tuple[int, int]) -> np.ndarray:
    """The merged bin of every photon."""
    angles = angle_edges()
    angle = np.clip(np.searchsorted(angles, flashes.angle) - 1, 0, len(angles) - 2)
    node = np.clip(np.searchsorted(edges, flashes.z / length) - 1, 0, len(edges) - 2)
    return node // bins[0] * ((len(angles) - 1) // bins[1]) + angle // bins[1]
