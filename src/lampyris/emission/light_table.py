"""Tables of light over (energy, distance, angle) from many simulated particles: what a profile is learnt from."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lampyris._checks import LampyrisError
from lampyris._random import generator
from lampyris.emission.angles import angle_edges
from lampyris.emission.smooth import SmoothCurve, fit_curve
from lampyris.emission.tabulate import Flashes, YieldTable, sample_flashes
from lampyris.particle.engine import check_particle, particle_columns

NODES = 64
"""Bins along the track."""
TAIL = 1e-3
"""Share of the light that may lie beyond each end of the bins at its energy; it is counted in the end bins."""
ENDS = (-15.0, 30.0)
"""Least and greatest distance, in its unit, that the bins reach, whatever lies beyond."""
NEAR = (-0.5, 3.0)
"""Distances between which bins are even."""
GROWING = (8, 16)
"""Bins behind and ahead of these that grow one after the other.

Slow particles give hundredths of their light far away, electrons by a few gammas, pions by the showers of neutral pions in
all directions. Even bins that reach there would leave three for the whole shower of a fast one, whose ring would be too sharp.
"""
BATCH_ENERGY = 5e4
"""Kinetic energy of the particles that are simulated together [MeV]: bounds the memory."""
PILOT_SHARE = 0.15


class EnergyRow(NamedTuple):
    """The light of many particles of one energy."""

    photons: np.ndarray
    """mean number and rms from event to event (2,)"""
    place: np.ndarray
    """mean distance of the light, and the rms of an event's mean distance [m] (2,)"""
    events: np.ndarray
    """number of particles"""
    light: np.ndarray
    """share of the light in each bin (nodes, angles)"""
    delay: np.ndarray
    """mean of t - z/c [ns] (nodes,)"""
    delay_rms: np.ndarray
    """rms of t - z/c [ns] (nodes,)"""


class Scale(NamedTuple):
    """The unit of distance as a function of energy, and the bins along the track in this unit."""

    length: SmoothCurve
    edges: np.ndarray
    """(nodes + 1,), one of them at 0; even where the light is, growing where only a few gammas shine"""


def energy_grid(low: float, high: float, count: int) -> np.ndarray:
    """Energies between the two, denser towards both ends in the logarithm, where polynomials need it."""
    place = 0.5 - 0.5 * np.cos(np.pi * np.arange(count) / (count - 1))
    energies = np.exp(np.log(low) + place * np.log(high / low))
    energies[[0, -1]] = low, high
    return energies


def events_at(energy: float, events: int) -> int:
    """Number of particles of an energy [MeV] where there are `events` at 1 GeV: slow ones fluctuate more."""
    return max(round(events * float(np.clip(np.sqrt(1000.0 / energy), 0.6, 6.0))), 2)


def simulate_light(
    particle: str, energy: float, events: int, photons: float, yields: YieldTable, key: PRNGKeyArray
) -> tuple[np.ndarray, Flashes]:
    """Give the mean light of each of many particles [photons], and about `photons` samples of where it comes from.

    Raises `LampyrisError` if particles of this energy give no light.
    """
    check_particle(particle, energy, "energies")
    chunk = max(int(BATCH_ENERGY / energy), 1)
    light, flashes = [], []
    for first in range(0, events, chunk):
        count, own = min(chunk, events - first), jax.random.fold_in(key, first)
        columns = particle_columns(particle, np.full(count, float(energy)), key=own)
        light.append(np.bincount(columns["event"], yields.light(columns), minlength=count))
        # as many photons for each unit of light in every chunk: known from the first one
        rate = photons / events / max(light[0].mean(), 1e-30)
        some = sample_flashes(columns, yields, rate * light[-1].sum(), generator(jax.random.fold_in(own, 1)))
        flashes.append(Flashes(some.event + first, some.z, some.angle, some.time))
    if not any(len(part.z) for part in flashes):
        raise LampyrisError(f"The table of {particle} is empty at {energy:g} MeV: such particles give no light.")
    joined = (np.concatenate([getattr(part, name) for part in flashes]) for name in ("event", "z", "angle", "time"))
    return np.concatenate(light), Flashes(*joined)


def pilot(particle: str, energies: np.ndarray, events: int, yields: YieldTable, key: PRNGKeyArray) -> Scale:
    """Find the unit of distance, twice the median, and the bins along the track from a part of the particles."""
    lengths, errors, flown = [], [], []
    for number, energy in enumerate(energies):
        count = max(int(PILOT_SHARE * events_at(energy, events)), 2)
        _, flashes = simulate_light(particle, energy, count, 1e5, yields, jax.random.fold_in(key, number))
        mean, rms = place_of_events(flashes, count)
        lengths.append(2.0 * np.median(flashes.z))
        errors.append(rms / mean / np.sqrt(count) + 1e-3)
        flown.append(flashes.z)
    length = fit_curve(energies, np.array(lengths), np.array(errors), most=7)
    ends = [np.quantile(z / at, (TAIL, 1.0 - TAIL)) for z, at in zip(flown, length.values(energies), strict=True)]
    low, high = max(np.min(ends, axis=0)[0], ENDS[0]), min(np.max(ends, axis=0)[1], ENDS[1])
    return Scale(length, place_edges(low, high))


def place_edges(low: float, high: float) -> np.ndarray:
    """Edges of the bins along the track, from about `low` < 0 to `high`, in units of the length; one of them is at 0."""
    behind, ahead = GROWING[0] if low < NEAR[0] else 0, GROWING[1]
    start, even = max(low, NEAR[0]), NODES - ahead - behind
    if not behind and (high - low) / NODES <= (NEAR[1] - low) / even:
        return _even_edges(low, high, NODES)
    near = _even_edges(start, NEAR[1], even)
    step = near[1] - near[0]
    return np.concatenate(
        [near[0] - _growing(step, near[0] - low, behind)[::-1], near, near[-1] + _growing(step, high - near[-1], ahead)]
    )


def _even_edges(low: float, high: float, bins: int) -> np.ndarray:
    before = max(int(np.ceil(bins * -low / (high - low))), 1)
    return np.arange(-before, bins - before + 1) * (high / (bins - before))


def _growing(step: float, reach: float, bins: int) -> np.ndarray:
    """Distances of the edges of bins that grow by the same factor from `step` on, the last of them at `reach`."""
    power, factors = np.arange(1, bins + 1), np.linspace(1.0, 3.0, 2001)
    reached = step * (factors[:, None] ** power).sum(axis=1)
    return np.cumsum(step * np.interp(reach, reached, factors) ** power)


def place_of_events(flashes: Flashes, count: int) -> tuple[float, float]:
    """Mean distance of the light [m], and the rms of the mean distance of an event's light."""
    seen = np.bincount(flashes.event, minlength=count)
    place = np.bincount(flashes.event, flashes.z, minlength=count)[seen > 0] / seen[seen > 0]
    weight = seen[seen > 0] / seen.sum()
    mean = float((weight * place).sum())
    return mean, float(np.sqrt((weight * (place - mean) ** 2).sum()))


def make_row(
    particle: str, energy: float, events: int, photons: float, scale: Scale, yields: YieldTable, key: PRNGKeyArray
) -> EnergyRow:
    """Simulate particles of one energy and sort their light into the bins."""
    light, flashes = simulate_light(particle, energy, events, photons, yields, key)
    node, counts = sorted_light(flashes, float(scale.length.values(energy)), scale.edges)
    per_node, delay = np.bincount(node, minlength=NODES), flashes.delay()
    mean = np.bincount(node, delay, minlength=NODES) / np.maximum(per_node, 1)
    square = np.bincount(node, (delay - mean[node]) ** 2, minlength=NODES) / np.maximum(per_node, 1)
    return EnergyRow(
        np.array([light.mean(), light.std(ddof=1)]),
        np.array(place_of_events(flashes, events)),
        np.array(events),
        counts / counts.sum(),
        _filled(mean, per_node),
        _filled(np.sqrt(square), per_node),
    )


def sorted_light(flashes: Flashes, length: float, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bin along the track of every photon, and counts (nodes, angles); `length` [m] is the unit of `edges`."""
    angles = angle_edges()
    node = np.clip(np.searchsorted(edges, flashes.z / length) - 1, 0, len(edges) - 2)
    angle = np.clip(np.searchsorted(angles, flashes.angle) - 1, 0, len(angles) - 2)
    across = len(angles) - 1
    return node, np.bincount(node * across + angle, minlength=(len(edges) - 1) * across).reshape(-1, across)


def _filled(values: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Values of bins with next to no light taken from their neighbours."""
    good = light > 1e-5 * light.sum()
    return np.interp(np.arange(len(light)), np.flatnonzero(good), values[good])
