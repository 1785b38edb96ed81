"""What files of other programs hold of an event, in our units, before it is written in another format."""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.response import Hits
from lampyris.units import ELECTRON_MASS, MUON_MASS

MOST_CHANNELS = 10_000_000
PARTICLES = {
    11: ("e-", ELECTRON_MASS),
    -11: ("e+", ELECTRON_MASS),
    13: ("mu-", MUON_MASS),
    -13: ("mu+", MUON_MASS),
    22: ("gamma", 0.0),
    111: ("pi0", 134.9768),
    211: ("pi+", 139.57039),
    -211: ("pi-", 139.57039),
    2212: ("p", 938.27209),
    2112: ("n", 939.56542),
}
"""Names and masses [MeV] by PDG code. **Reference**: Particle Data Group, Phys. Rev. D 110 (2024) 030001."""
CODES = {name: code for code, (name, _) in PARTICLES.items()}


class Truth(NamedTuple):
    """The particle of an event as a file knows it; unlike a `Track` it may be one that no model exists for."""

    particle: str
    energy: float
    """kinetic [MeV]"""
    position: np.ndarray
    """vertex, (3,) [m]"""
    direction: np.ndarray
    """of travel, unit vector, (3,)"""
    time: float
    """at the vertex [ns]"""


class EventRecords(Protocol):
    """Events of a file, one at a time."""

    @property
    def channels(self) -> int: ...

    def __len__(self) -> int: ...

    def records(self) -> Iterator[tuple[Hits, Truth | None]]:
        """Hits and truth of every event in order."""
        ...


def mass(particle: str) -> float:
    """Mass [MeV] of a particle by its name."""
    return PARTICLES[CODES[particle]][1]


def kinetic(code: int, total: float) -> tuple[str, float]:
    """Name and kinetic energy of a particle of a PDG code and a total energy [MeV]."""
    name, rest = PARTICLES.get(code, (f"pdg {code}", 0.0))
    return name, max(total - rest, 0.0)


def unit(vector: np.ndarray) -> np.ndarray:
    """A vector of length 1; raises `LampyrisError` for one that has no direction."""
    vector = np.asarray(vector, dtype=float)
    length = float(np.linalg.norm(vector))
    if not (np.isfinite(length) and length > 0):
        raise LampyrisError(f"A direction must be finite and not zero, but is {vector.tolist()}.")
    return vector / length


def hits_of(where: str, channels: int, channel: np.ndarray, charge: np.ndarray, time: np.ndarray) -> Hits:
    """Hits of a detector with so many channels; digits of the same channel become one with the first time.

    `where` names file and event in the error for a channel that does not exist or a number that is not finite.
    """
    channel = np.asarray(channel, dtype=np.int64)
    with np.errstate(invalid="ignore"):  # what is not a number is refused below
        charge, time = np.asarray(charge, dtype=np.float64), np.asarray(time, dtype=np.float64)
    if len(channel) and not 0 <= int(channel.min()) <= int(channel.max()) < channels:
        worst = int(channel.max() if channel.max() >= channels else channel.min())
        raise LampyrisError(f"{where} has channel {worst}, outside 0 .. {channels - 1}.")
    for name, values in (("charge", charge), ("time", time)):
        if not np.isfinite(values).all():
            raise LampyrisError(f"{where} has a {name} that is not finite.")
    if (charge < 0).any():
        raise LampyrisError(f"{where} has a negative charge, {charge.min():g} pe.")
    summed, first = np.zeros(channels, np.float64), np.full(channels, np.inf)
    np.add.at(summed, channel, charge)
    np.minimum.at(first, channel, time)
    hit = np.zeros(channels, bool)
    hit[channel] = True
    return Hits(summed.astype(np.float32), np.where(hit, first, 0.0).astype(np.float32), hit)
