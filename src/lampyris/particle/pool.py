"""Particles that are followed together, and the record of the tracks and steps that they leave."""

from dataclasses import dataclass, fields

import numpy as np


@dataclass
class Pool:
    """Particles of one kind in flight: one row each."""

    energy: np.ndarray
    """kinetic energy (n,) [MeV]"""
    position: np.ndarray
    """(n, 3) [m]"""
    direction: np.ndarray
    """unit vectors (n, 3)"""
    time: np.ndarray
    """(n,) [ns]"""
    track: np.ndarray
    """number of the track (n,)"""

    def __len__(self) -> int:
        return len(self.energy)

    def take(self, which) -> "Pool":
        """The rows of a mask or of indices."""
        return Pool(*(getattr(self, field.name)[which] for field in fields(self)))

    @staticmethod
    def join(pools: list["Pool"]) -> "Pool":
        """All rows of several pools."""
        return Pool(*(np.concatenate([getattr(pool, field.name) for pool in pools]) for field in fields(Pool)))

    @staticmethod
    def empty() -> "Pool":
        """A pool without rows."""
        return Pool(np.empty(0), np.empty((0, 3)), np.empty((0, 3)), np.empty(0), np.empty(0, dtype=int))


class Ledger:
    """Numbers of tracks with their kind, mother and event, and the steps made so far."""

    def __init__(self, pdg, parent, event):
        """Begin with tracks of the given particle codes, mothers (-1: none) and events, all (n,)."""
        self._tracks = [(np.asarray(pdg), np.asarray(parent), np.asarray(event))]
        self.event = self._tracks[0][2]
        self._steps = []

    def open(self, pdg: int, parent) -> np.ndarray:
        """Give numbers to new tracks of one kind, daughters of the tracks `parent`."""
        first = len(self.event)
        event = self.event[parent]
        self._tracks.append((np.full(len(parent), pdg), parent, event))
        self.event = np.concatenate([self.event, event])
        return np.arange(first, first + len(parent))

    def write(self, track, start, end, time, beta_start, beta_end, length, deposit) -> None:
        """Record one step of each track."""
        self._steps.append((track, start, end, time, beta_start, beta_end, length, deposit))

    def columns(self) -> dict[str, np.ndarray]:
        """Give the steps ordered by track, and in a track by time, with particle code, mother and event of each."""
        names = ("track", "start", "end", "time", "beta_start", "beta_end", "length", "energy_deposit")
        joined = {name: np.concatenate([row[i] for row in self._steps]) for i, name in enumerate(names)}
        order = np.argsort(joined["track"], kind="stable")
        joined = {name: column[order] for name, column in joined.items()}
        pdg, parent, event = (np.concatenate([tracks[i] for tracks in self._tracks]) for i in range(3))
        own = joined["track"]
        return joined | {"pdg": pdg[own], "parent": parent[own], "event": event[own]}
