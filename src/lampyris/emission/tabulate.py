"""Light of many simulated particles, sorted into tables over place and angle."""

from dataclasses import dataclass

import numpy as np

from lampyris._host import on_host
from lampyris.emission.cherenkov import BAND, band_energies
from lampyris.medium import Medium
from lampyris.units import FRANK_TAMM, PLANCK_TIMES_C, SPEED_OF_LIGHT

BETA_NODES = 2001
ENERGY_BINS = 100


@dataclass(frozen=True)
class YieldTable:
    """Cherenkov light per path against velocity, and how it spreads over photon energies.

    `beta` (b,), `per_metre` (b,) [photons/m], `cumulative` (b, bins) of the photon energy, `index` (bins,) refractive.
    """

    beta: np.ndarray
    per_metre: np.ndarray
    cumulative: np.ndarray
    index: np.ndarray

    @staticmethod
    def of(medium: Medium, band: tuple[float, float] = BAND) -> "YieldTable":
        """Tabulate for a medium over a band of wavelengths [nm]."""
        edges = np.linspace(*band_energies(band), ENERGY_BINS + 1)
        middle, width = 0.5 * (edges[1:] + edges[:-1]), edges[1] - edges[0]
        index = on_host(medium.refractive_index, PLANCK_TIMES_C / middle).astype(float)
        return YieldTable.of_index(index, width)

    @staticmethod
    def of_index(index: np.ndarray, width: float) -> "YieldTable":
        """Tabulate for refractive indices (bins,) in bins of photon energy of equal `width` [eV]."""
        beta = np.linspace(0.99 / index.max(), 1.0, BETA_NODES)
        light = FRANK_TAMM * width * np.clip(1.0 - 1.0 / (index * beta[:, None]) ** 2, 0.0, None)
        total = light.sum(axis=1)
        return YieldTable(beta, total, np.cumsum(light, axis=1) / np.maximum(total, 1e-30)[:, None], index)

    def light(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Give the expected photons of steps (n,) of unit charge, by Simpson's rule in a velocity that falls linearly."""
        first, last = columns["beta_start"], columns["beta_end"]
        ends = self.at(first) + self.at(last)
        return columns["length"] * (ends + 4.0 * self.at(0.5 * (first + last))) / 6.0

    def at(self, beta):
        """Photons per metre at the velocity."""
        return np.interp(beta, self.beta, self.per_metre, left=0.0)


@dataclass(frozen=True)
class Flashes:
    """Photons sampled from many events: number of the event, place along +z [m], angle to +z [rad], time [ns]."""

    event: np.ndarray
    z: np.ndarray
    angle: np.ndarray
    time: np.ndarray

    def delay(self) -> np.ndarray:
        """Give the time behind a particle that flies along +z at the speed of light [ns]."""
        return self.time - self.z / SPEED_OF_LIGHT


@dataclass(frozen=True)
class Cones:
    """Photons sampled from steps: number of the step, share of the step behind it, velocity there, cosine to the step."""

    step: np.ndarray
    along: np.ndarray
    beta: np.ndarray
    cosine: np.ndarray


def sample_cones(
    columns: dict[str, np.ndarray], table: YieldTable, expected: float, random: np.random.Generator
) -> Cones:
    """Draw about `expected` photons from the steps of all events, each step in proportion to its light."""
    light = table.light(columns)
    counts = random.poisson(light * (expected / max(light.sum(), 1e-30)))
    own = np.repeat(np.arange(len(light)), counts)
    first, last = columns["beta_start"][own], columns["beta_end"][own]
    # places along the step follow the light, which falls linearly from its start to its end
    along = _linear(table.at(first), table.at(last), random.random(len(own)))
    beta = np.maximum(first + along * (last - first), table.beta[0])
    row = np.clip(((beta - table.beta[0]) / (table.beta[1] - table.beta[0])).astype(int), 0, BETA_NODES - 1)
    bins = table.cumulative.shape[1]
    place = np.searchsorted((table.cumulative + np.arange(BETA_NODES)[:, None]).ravel(), random.random(len(own)) + row)
    cosine = np.clip(1.0 / (table.index[np.clip(place - row * bins, 0, bins - 1)] * beta), 0.0, 1.0)
    return Cones(own, along, beta, cosine)


def angle_about(cosine: np.ndarray, lean: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Angles to an axis [rad] of photons on cones about steps: `cosine` to the step, `lean` that of step and axis."""
    side = np.sqrt(np.clip((1.0 - cosine**2) * (1.0 - lean**2), 0.0, None))
    around = np.cos(2.0 * np.pi * random.random(len(cosine)))
    return np.arccos(np.clip(cosine * lean + side * around, -1.0, 1.0))


def sample_flashes(
    columns: dict[str, np.ndarray], table: YieldTable, expected: float, random: np.random.Generator
) -> Flashes:
    """Draw about `expected` photons from the steps of all events, each step in proportion to its light."""
    cones = sample_cones(columns, table, expected, random)
    own = cones.step
    way = columns["end"][own] - columns["start"][own]
    lean = way[:, 2] / np.maximum(np.linalg.norm(way, axis=1), 1e-15)
    speed = SPEED_OF_LIGHT * np.maximum(0.5 * (columns["beta_start"][own] + cones.beta), 0.1)
    return Flashes(
        columns["event"][own],
        columns["start"][own, 2] + cones.along * way[:, 2],
        angle_about(cones.cosine, lean, random),
        columns["time"][own] + cones.along * columns["length"][own] / speed,
    )


def _linear(first, last, uniform):
    """Draw from a density on 0 to 1 that goes linearly from `first` to `last`."""
    total = np.maximum(first + last, 1e-30)
    # solve first x + (last - first) x^2 / 2 = uniform total / 2
    root = np.sqrt(first**2 + (last**2 - first**2) * uniform)
    return np.clip(uniform * total / np.maximum(first + root, 1e-30), 0.0, 1.0)
