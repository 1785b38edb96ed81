"""Energy loss of muons and electrons in matter: stopping powers and the range tables that follow from them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lampyris.particle.kind import MUON, Kind
from lampyris.particle.material import FINE_STRUCTURE, Material
from lampyris.units import ELECTRON_MASS, MUON_MASS


def beta_of(energy, mass: float):
    """Give the velocity v/c at a kinetic energy [MeV]."""
    return np.sqrt(energy * (energy + 2.0 * mass)) / (energy + mass)


def density_effect(material: Material, energy, mass: float):
    """Give Sternheimer's density-effect correction delta at a kinetic energy [MeV]."""
    a, k, x0, x1, c = material.sternheimer
    x = 0.5 * np.log10(energy * (energy + 2.0 * mass) / mass**2)
    delta = 2.0 * np.log(10.0) * x - c
    return np.where(x < x0, 0.0, delta + a * np.clip(x1 - x, 0.0, None) ** k)


def largest_transfer(energy, mass: float = MUON_MASS):
    """Give the largest energy [MeV] that a particle of kinetic `energy` [MeV] can hand to an electron at rest."""
    total = energy + mass
    momentum2 = energy * (energy + 2.0 * mass)
    return 2.0 * ELECTRON_MASS * momentum2 / (mass**2 + ELECTRON_MASS**2 + 2.0 * total * ELECTRON_MASS)


def delta_photons(energy, delta_energy):
    """Give the share by which photons radiated in a hard collision of a muon raise the chance of a transfer [MeV].

    **Reference** Kelner, Kokoulin, Petrukhin, Phys. Atom. Nucl. 60 (1997) 576.
    """
    total = energy + MUON_MASS
    hard = np.log1p(2.0 * delta_energy / ELECTRON_MASS)
    # the floor only meets transfers that no muon can make
    soft = np.log(4.0 * total * np.maximum(total - delta_energy, 1e-3 * total) / MUON_MASS**2)
    return FINE_STRUCTURE / (2.0 * np.pi) * hard * np.clip(soft - hard, 0.0, None)


def delta_spectrum(material: Material, energy, delta_energy, kind: Kind = MUON):
    """Give the number of electrons per path and transferred energy T [1/(m MeV)] that a heavy particle knocks out.

    c / beta^2 / T^2 (1 - beta^2 T / T_max + T^2 / (2 E^2)), the last term for spin 1/2; for muons with the photons of
    hard collisions within T.

    **Reference** PDG review, "Passage of particles through matter"; Rossi, High-Energy Particles (1952) for spin 1/2.
    """
    beta2 = beta_of(energy, kind.mass) ** 2
    shape = 1.0 - beta2 * delta_energy / largest_transfer(energy, kind.mass)
    if kind.spin_half:
        shape = shape + 0.5 * (delta_energy / (energy + kind.mass)) ** 2
    if kind.muon:
        shape = shape * (1.0 + delta_photons(energy, delta_energy))
    return material.collision_constant / beta2 / delta_energy**2 * shape


def delta_moments(material: Material, energy, cut: float, kind: Kind = MUON):
    """Give the number [1/m] and the energy [MeV/m] of the electrons above `cut` [MeV] that a heavy particle knocks out."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    energy = np.asarray(energy)[..., None]
    span = np.log(np.maximum(largest_transfer(energy, kind.mass) / cut, 1.0))
    transfer = cut * np.exp(0.5 * span * (1.0 + nodes))
    # the integral runs over ln T: one power of T more than in the spectrum
    number = 0.5 * span * weights * transfer * delta_spectrum(material, energy, transfer, kind)
    return number.sum(axis=-1), (number * transfer).sum(axis=-1)


def heavy_ionisation(material: Material, energy, kind: Kind = MUON):
    """Give the mean collision loss of a heavy particle [MeV/m]: Bethe with density effect, spin term, for muons photons.

    **Reference** PDG review, "Passage of particles through matter"; for the photons that go with hard collisions
    Kelner, Kokoulin, Petrukhin, Phys. Atom. Nucl. 60 (1997) 576.
    """
    beta2 = beta_of(energy, kind.mass) ** 2
    total = energy + kind.mass
    top = largest_transfer(energy, kind.mass)
    log = np.log(2.0 * ELECTRON_MASS * beta2 / (1.0 - beta2) * top / material.excitation**2)
    bracket = log - 2.0 * beta2 - density_effect(material, energy, kind.mass)
    bracket = (bracket + (0.25 * (top / total) ** 2 if kind.spin_half else 0.0)) / beta2
    if kind.muon:
        hard = np.log(2.0 * top / ELECTRON_MASS)
        photons = FINE_STRUCTURE / (2.0 * np.pi) * (np.log(2.0 * total / MUON_MASS) - hard / 3.0) * hard**2
        bracket = bracket + np.where(hard > 0.0, photons, 0.0)
    return material.collision_constant * bracket


def muon_radiative(material: Material, energy):
    """Give the mean loss of a muon to bremsstrahlung and electron pairs [MeV/m] (no photonuclear loss).

    The relative loss is taken as linear in ln(E), set to the Geant4 table at 2, 10 and 100 GeV; below 3 GeV it is less
    than 0.2 % of the total.
    """
    b0, b1 = material.muon_radiative
    return b0 * energy * np.clip(1.0 + b1 * np.log((energy + MUON_MASS) / 1000.0), 0.0, None)


def heavy_loss(material: Material, energy, kind: Kind = MUON):
    """Give the mean dE/dx of a muon, pion or proton [MeV/m]."""
    loss = heavy_ionisation(material, energy, kind)
    return loss + muon_radiative(material, energy) if kind.muon else loss


def restricted_loss(material: Material, energy, cut: float, kind: Kind = MUON):
    """Give the dE/dx [MeV/m] without the electrons above `cut` [MeV], which are made one by one."""
    return heavy_loss(material, energy, kind) - delta_moments(material, energy, cut, kind)[1]


def restricted_variance(material: Material, energy, cut: float, kind: Kind = MUON):
    """Give the variance of the restricted loss per path [MeV^2/m]: the integral of T^2 dN/dT up to the cut.

    **Reference** Bohr straggling with the upper limit lowered to the cut; spin term left out.
    """
    beta2 = beta_of(energy, kind.mass) ** 2
    top = largest_transfer(energy, kind.mass)
    upper = np.minimum(cut, top)
    return material.collision_constant / beta2 * upper * (1.0 - 0.5 * beta2 * upper / top)


def electron_collision(material: Material, energy, charge: int = -1):
    """Give the mean collision loss of an electron (charge -1) or positron (+1) [MeV/m], with density effect.

    **Reference** Moller and Bhabha scattering after Berger, Seltzer, NBSIR 82-2550 (1982).
    """
    tau = energy / ELECTRON_MASS
    beta2 = beta_of(energy, ELECTRON_MASS) ** 2
    log = np.log(tau**2 * (tau + 2.0) * 0.5 * (ELECTRON_MASS / material.excitation) ** 2)
    if charge < 0:
        shape = 1.0 - beta2 + (0.125 * tau**2 - (2.0 * tau + 1.0) * np.log(2.0)) / (tau + 1.0) ** 2
    else:
        series = 23.0 + 14.0 / (tau + 2.0) + 10.0 / (tau + 2.0) ** 2 + 4.0 / (tau + 2.0) ** 3
        shape = 2.0 * np.log(2.0) - beta2 / 12.0 * series
    return material.collision_constant / beta2 * (log + shape - density_effect(material, energy, ELECTRON_MASS))


@dataclass(frozen=True)
class RangeTable:
    """Range [m] against kinetic energy [MeV] in the continuous slowing-down approximation, both ways."""

    log_energy: np.ndarray
    log_range: np.ndarray

    def range(self, energy):
        """Give the path to rest [m]."""
        return np.exp(np.interp(np.log(energy), self.log_energy, self.log_range))

    def energy(self, path):
        """Give the kinetic energy [MeV] whose path to rest is `path` [m]: the inverse of `range`."""
        return np.exp(np.interp(np.log(path), self.log_range, self.log_energy))


def range_table(loss, lowest: float, highest: float, nodes: int = 1000) -> RangeTable:
    """Integrate 1 / `loss` [MeV/m] over energy; below `lowest` [MeV] the loss is taken as constant."""
    log_energy = np.linspace(np.log(lowest), np.log(highest), nodes)
    energy = np.exp(log_energy)
    rate = energy / loss(energy)
    steps = 0.5 * (rate[1:] + rate[:-1]) * np.diff(log_energy)
    path = rate[0] + np.concatenate([[0.0], np.cumsum(steps)])
    return RangeTable(log_energy, np.log(path))


@lru_cache(maxsize=32)
def heavy_range_table(material: Material, kind: Kind = MUON, cut: float = np.inf) -> RangeTable:
    """Give the range of heavy particles from 0.2 MeV to 100 GeV; with a finite `cut`, that of the restricted loss."""
    if np.isinf(cut):
        return range_table(lambda energy: heavy_loss(material, energy, kind), 0.2, 1e5)
    return range_table(lambda energy: restricted_loss(material, energy, cut, kind), 0.2, 1e5)


@lru_cache(maxsize=32)
def delta_rate(material: Material, kind: Kind, cut: float) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate the number of electrons above `cut` per path [1/m] against the log of the energies of the range table."""
    log_energy = heavy_range_table(material, kind, cut).log_energy
    return log_energy, delta_moments(material, np.exp(log_energy), cut, kind)[0]
