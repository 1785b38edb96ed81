"""Energy loss of muons and electrons in matter: stopping powers and the range tables that follow from them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lampyris.units import ELECTRON_MASS, MUON_MASS

BETHE_CONSTANT = 0.307075
"""4 pi N_A r_e^2 m_e c^2 [MeV cm2 / mol]."""


@dataclass(frozen=True)
class Material:
    """What energy loss and scattering ask of matter.

    `density` [g/cm3], `charge_to_mass` Z/A [mol/g], `excitation` the mean excitation energy [MeV], `radiation_length` [m];
    `sternheimer` are a, k, x0, x1, C of the density effect; `muon_radiative` are b0 [1/m] and b1 of the relative loss
    b0 (1 + b1 ln(E / GeV)) of muons by bremsstrahlung and pairs.

    **Reference** Sternheimer, Berger, Seltzer, At. Data Nucl. Data Tables 30 (1984) 261.
    """

    density: float
    charge_to_mass: float
    excitation: float
    radiation_length: float
    sternheimer: tuple[float, float, float, float, float]
    muon_radiative: tuple[float, float]

    @property
    def collision_constant(self) -> float:
        """Half the Bethe constant for this matter [MeV/m]: it scales every loss to atomic electrons."""
        return 50.0 * BETHE_CONSTANT * self.charge_to_mass * self.density


WATER = Material(
    density=1.0,
    charge_to_mass=0.55508,
    excitation=78e-6,
    radiation_length=0.3608,
    sternheimer=(0.09116, 3.4773, 0.2400, 2.8004, 3.5017),
    muon_radiative=(1.0e-4, 0.2),
)


def beta_of(energy, mass: float):
    """Give the velocity v/c at a kinetic energy [MeV]."""
    return np.sqrt(energy * (energy + 2.0 * mass)) / (energy + mass)


def density_effect(material: Material, energy, mass: float):
    """Give Sternheimer's density-effect correction delta at a kinetic energy [MeV]."""
    a, k, x0, x1, c = material.sternheimer
    x = 0.5 * np.log10(energy * (energy + 2.0 * mass) / mass**2)
    delta = 2.0 * np.log(10.0) * x - c
    return np.where(x < x0, 0.0, delta + a * np.clip(x1 - x, 0.0, None) ** k)


def largest_transfer(energy):
    """Give the largest energy that a muon of kinetic `energy` [MeV] can hand to an electron at rest [MeV]."""
    total = energy + MUON_MASS
    momentum2 = energy * (energy + 2.0 * MUON_MASS)
    return 2.0 * ELECTRON_MASS * momentum2 / (MUON_MASS**2 + ELECTRON_MASS**2 + 2.0 * total * ELECTRON_MASS)


def delta_moments(material: Material, energy, cut: float):
    """Number [1/m] and energy [MeV/m] of the electrons that a muon knocks out with more than `cut` [MeV].

    Integrals of c / beta^2 / T^2 (1 - beta^2 T / T_max + T^2 / (2 E^2)) and of T times it, over T from the cut to T_max.

    **Reference** PDG review, "Passage of particles through matter"; Rossi, High-Energy Particles (1952) for spin 1/2.
    """
    beta2 = beta_of(energy, MUON_MASS) ** 2
    top = np.maximum(largest_transfer(energy), cut)
    scale = material.collision_constant / beta2
    total2 = (energy + MUON_MASS) ** 2
    log = np.log(top / cut)
    number = 1.0 / cut - 1.0 / top - beta2 / top * log + (top - cut) / (2.0 * total2)
    loss = log - beta2 * (top - cut) / top + (top**2 - cut**2) / (4.0 * total2)
    return scale * number, scale * loss


def muon_ionisation(material: Material, energy):
    """Give the mean collision loss of a muon [MeV/m]: Bethe with density effect, spin term and radiated photons.

    **Reference** PDG review, "Passage of particles through matter"; for the photons that go with hard collisions
    Kelner, Kokoulin, Petrukhin, Phys. Atom. Nucl. 60 (1997) 576.
    """
    beta2 = beta_of(energy, MUON_MASS) ** 2
    total = energy + MUON_MASS
    top = largest_transfer(energy)
    log = np.log(2.0 * ELECTRON_MASS * beta2 / (1.0 - beta2) * top / material.excitation**2)
    bracket = log - 2.0 * beta2 - density_effect(material, energy, MUON_MASS) + 0.25 * (top / total) ** 2
    return material.collision_constant / beta2 * bracket


def muon_radiative(material: Material, energy):
    """Give the mean loss of a muon to bremsstrahlung and electron pairs [MeV/m] (no photonuclear loss).

    The relative loss is taken as linear in ln(E), good to 15 % from 1 to 100 GeV; below 3 GeV it is < 0.4 % of the total.
    """
    b0, b1 = material.muon_radiative
    total = energy + MUON_MASS
    return b0 * energy * np.clip(1.0 + b1 * np.log(total / 1000.0), 0.0, None)


def muon_loss(material: Material, energy):
    """Give the mean dE/dx of a muon [MeV/m]."""
    return muon_ionisation(material, energy) + muon_radiative(material, energy)
