"""Tables of what happens to electrons, positrons and gammas per path, made once for each matter."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lampyris.particle.bremsstrahlung import radiated_moments
from lampyris.particle.energy_loss import RangeTable, electron_collision, range_table
from lampyris.particle.knock_on import annihilation_rate, knock_on_moments
from lampyris.particle.material import Material
from lampyris.particle.photon import compton_rate, pair_rate, photoelectric_rate

LOWEST, HIGHEST, NODES = 0.01, 2e5, 600
"""Range [MeV] and number of the energies of the tables, evenly spaced in the logarithm."""


@dataclass(frozen=True)
class Rates:
    """Processes per path [1/m] on the logarithmic grid of energies, as cumulative sums over the processes."""

    cumulative: np.ndarray

    def __call__(self, energy):
        """Give the summed rates (processes, n) at `energy` (n,) [MeV]; the last row is the total."""
        place = (np.log(energy) - np.log(LOWEST)) * ((NODES - 1) / np.log(HIGHEST / LOWEST))
        cell = np.clip(place.astype(int), 0, NODES - 2)
        share = place - cell
        return self.cumulative[:, cell] * (1.0 - share) + self.cumulative[:, cell + 1] * share


def grid() -> np.ndarray:
    """Give the energies of the tables [MeV]."""
    return np.geomspace(LOWEST, HIGHEST, NODES)


@lru_cache(maxsize=16)
def charged_rates(material: Material, cut: float, charge: int) -> Rates:
    """Give the rates of electrons (-1): radiation, knock-on; of positrons (+1) also annihilation; above `cut` [MeV]."""
    energy = grid()
    radiation = radiated_moments(material, energy, np.full(NODES, cut), energy)[0]
    rows = [radiation, knock_on_moments(material, energy, cut, charge)[0]]
    if charge > 0:
        rows.append(annihilation_rate(material, energy))
    return Rates(np.cumsum(rows, axis=0))


@lru_cache(maxsize=16)
def photon_rates(material: Material) -> Rates:
    """Give the rates of gammas: Compton, pair, photo-effect."""
    energy = grid()
    rows = [compton_rate(material, energy), pair_rate(material, energy), photoelectric_rate(material, energy)]
    return Rates(np.cumsum(rows, axis=0))


@lru_cache(maxsize=16)
def restricted_range(material: Material, cut: float, charge: int) -> RangeTable:
    """Give the range of electrons or positrons that lose energy only in collisions and photons below `cut` [MeV]."""

    def loss(energy):
        collisions = electron_collision(material, energy, charge) - knock_on_moments(material, energy, cut, charge)[1]
        low = np.full(len(energy), 1e-6)
        return collisions + radiated_moments(material, energy, low, np.full(len(energy), cut))[1]

    return range_table(loss, LOWEST, HIGHEST, NODES)
