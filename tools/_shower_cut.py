"""Simulated showers cut into shares of their light, for `make_shower_light`."""

from typing import NamedTuple

import jax
import numpy as np

from lampyris.emission.light_table import BATCH_ENERGY, events_at
from lampyris.emission.shower_light import EDGES, NODES
from lampyris.emission.tabulate import YieldTable, sample_cones
from lampyris.particle.engine import generator, particle_columns
from lampyris.units import SPEED_OF_LIGHT

CORE = np.radians(20.0)
"""Electrons far from the axis make a haze; those within this rms of it tell where the axis is."""
SHARES = np.diff(EDGES)


class Photons(NamedTuple):
    """Photons sampled from showers, one row each."""

    event: np.ndarray
    node: np.ndarray
    way: np.ndarray
    """direction of the electron (n, 3)"""
    cosine: np.ndarray
    """cosine between electron and photon"""


class Sample(NamedTuple):
    """Showers of one energy: numbers of each event and share of its light."""

    place: np.ndarray
    """distance along the initial direction [m] (events, nodes)"""
    delay: np.ndarray
    """mean and mean square of t - z/c [ns] (2, events, nodes)"""
    lean: np.ndarray
    """direction of the core across the initial direction (events, nodes, 2)"""
    aside: np.ndarray
    """displacement of the core [m] (events, nodes, 2)"""
    photons: Photons


class Cut:
    """The steps of several showers, ordered along each, and sums over shares of their light."""

    def __init__(self, particle: str, energy: float, events: int, yields: YieldTable, key):
        columns = particle_columns(particle, np.full(events, energy), key=key)
        light = yields.light(columns)
        columns = {name: values[light > 0] for name, values in columns.items()}
        middle = 0.5 * (columns["start"] + columns["end"])
        order = np.lexsort((middle[:, 2], columns["event"]))
        self.columns = {name: values[order] for name, values in columns.items()}
        self.middle, self.light, self.events = middle[order], light[light > 0][order], events
        way = self.columns["end"] - self.columns["start"]
        self.way = way / np.maximum(np.linalg.norm(way, axis=1), 1e-15)[:, None]
        self.event = self.columns["event"]
        total = np.bincount(self.event, self.light, events)
        before = np.concatenate([[0.0], np.cumsum(total)])[self.event]
        self.passed = self.event + (np.cumsum(self.light) - before) / total[self.event]
        self.total = total

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over the light of each share (events, nodes); steps across the border of two shares are parted."""
        sums = np.concatenate([[0.0], np.cumsum(self.light * values)])
        borders = np.arange(self.events)[:, None] + EDGES
        at = np.interp(borders, np.concatenate([[0.0], self.passed]), sums)
        return np.diff(at, axis=1) / (self.total[:, None] * SHARES)

    def core(self) -> np.ndarray:
        """Weight of each step as part of the core, about an axis that is found with it (steps,)."""
        axis = np.tile([0.0, 0.0, 1.0], (self.events, 1))
        for _ in range(4):
            weight = np.exp(-(1.0 - (self.way * axis[self.event]).sum(axis=1)) / CORE**2)
            mean = [np.bincount(self.event, self.light * weight * self.way[:, a], self.events) for a in range(3)]
            axis = np.stack(mean, axis=1)
            axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        return weight

    def sample(self, photons: Photons) -> Sample:
        """The numbers of these showers."""
        columns, z = self.columns, self.middle[:, 2]
        beta = 0.5 * (columns["beta_start"] + columns["beta_end"])
        delay = columns["time"] + 0.5 * columns["length"] / (beta * SPEED_OF_LIGHT) - z / SPEED_OF_LIGHT
        core = self.core()
        own = np.maximum(self.mean(core), 1e-3)
        lean = np.stack([self.mean(core * self.way[:, a]) / own for a in range(2)], axis=-1)
        aside = np.stack([self.mean(core * self.middle[:, a]) / own for a in range(2)], axis=-1)
        return Sample(self.mean(z), np.stack([self.mean(delay), self.mean(delay**2)]), lean, aside, photons)

    def photons(self, yields: YieldTable, expected: float, random: np.random.Generator) -> Photons:
        """About `expected` photons."""
        cones = sample_cones(self.columns, yields, expected, random)
        step = cones.step
        # half a step back: the light of a step lies before its end
        before = self.passed[step] - self.event[step] - 0.5 * self.light[step] / self.total[self.event[step]]
        node = np.clip(np.searchsorted(EDGES, before) - 1, 0, NODES - 1)
        way, cosine = self.way[step].astype(np.float32), cones.cosine.astype(np.float32)
        return Photons(self.event[step].astype(np.int32), node.astype(np.int8), way, cosine)


def simulate(particle: str, energy: float, events: int, expected: float, yields: YieldTable, key) -> Sample:
    """Showers of one energy, `events` of them at 1 GeV, in batches of bounded memory."""
    count, chunk, parts = events_at(energy, events), max(int(BATCH_ENERGY / energy), 1), []
    for first in range(0, count, chunk):
        own, some = jax.random.fold_in(key, first), min(chunk, count - first)
        cut = Cut(particle, energy, some, yields, own)
        photons = cut.photons(yields, expected * some / count, generator(jax.random.fold_in(own, 1)))
        parts.append(cut.sample(photons._replace(event=photons.event + first)))
    place, delay, lean, aside, photons = zip(*parts, strict=True)
    joined = Photons(*(np.concatenate(column) for column in zip(*photons, strict=True)))
    return Sample(
        np.concatenate(place), np.concatenate(delay, axis=1), np.concatenate(lean), np.concatenate(aside), joined
    )
