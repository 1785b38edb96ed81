"""Energy loss of muons and electrons in matter: stopping powers and the range tables that follow from them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lampyris.units import ELECTRON_MASS, MUON_MASS

BETHE_CONSTANT = 0.307075
"""4 pi N_A r_e^2 m_e c^2 [MeV cm2 / mol]."""

FINE_STRUCTURE = 1.0 / 137.035999
"""Fine-structure constant."""


@dataclass(frozen=True)
class Material:
    """What energy loss and scattering ask of matter.

    `density` [g/cm3], `charge_to_mass` Z/A [mol/g], `excitation` the mean excitation energy [MeV], `radiation_length`
    [m]; `sternheimer` are a, k, x0, x1, C of the density effect; `muon_radiative` are b0 [1/m] and b1 of the relative
    loss b0 (1 + b1 ln(E / GeV)) of muons by bremsstrahlung and pairs.

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
    muon_radiative=(0.9e-4, 0.25),
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


def delta_photons(energy, delta_energy):
    """Give the share by which photons radiated in a hard collision raise the chance of a transfer `delta_energy` [MeV].

    **Reference** Kelner, Kokoulin, Petrukhin, Phys. Atom. Nucl. 60 (1997) 576.
    """
    total = energy + MUON_MASS
    hard = np.log1p(2.0 * delta_energy / ELECTRON_MASS)
    # the floor only meets transfers that no muon can make
    soft = np.log(4.0 * total * np.maximum(total - delta_energy, 1e-3 * total) / MUON_MASS**2)
    return FINE_STRUCTURE / (2.0 * np.pi) * hard * np.clip(soft - hard, 0.0, None)


def delta_spectrum(material: Material, energy, delta_energy):
    """Give the number of electrons per path and transferred energy T [1/(m MeV)] that a muon knocks out.

    c / beta^2 / T^2 (1 - beta^2 T / T_max + T^2 / (2 E^2)), and the photons of hard collisions within T.

    **Reference** PDG review, "Passage of particles through matter"; Rossi, High-Energy Particles (1952) for spin 1/2.
    """
    beta2 = beta_of(energy, MUON_MASS) ** 2
    spin = 1.0 - beta2 * delta_energy / largest_transfer(energy) + 0.5 * (delta_energy / (energy + MUON_MASS)) ** 2
    rate = material.collision_constant / beta2 / delta_energy**2
    return rate * spin * (1.0 + delta_photons(energy, delta_energy))


def delta_moments(material: Material, energy, cut: float):
    """Number [1/m] and energy [MeV/m] of the electrons above `cut` [MeV] that a muon of kinetic `energy` knocks out."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    energy = np.asarray(energy)[..., None]
    span = np.log(np.maximum(largest_transfer(energy) / cut, 1.0))
    transfer = cut * np.exp(0.5 * span * (1.0 + nodes))
    # the integral runs over ln T: one power of T more than in the spectrum
    number = 0.5 * span * weights * transfer * delta_spectrum(material, energy, transfer)
    return number.sum(axis=-1), (number * transfer).sum(axis=-1)


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
    hard = np.log(2.0 * top / ELECTRON_MASS)
    photons = FINE_STRUCTURE / (2.0 * np.pi) * (np.log(2.0 * total / MUON_MASS) - hard / 3.0) * hard**2
    return material.collision_constant * (bracket / beta2 + np.where(hard > 0.0, photons, 0.0))


def muon_radiative(material: Material, energy):
    """Give the mean loss of a muon to bremsstrahlung and electron pairs [MeV/m] (no photonuclear loss).

    The relative loss is taken as linear in ln(E), set to the Geant4 table at 2, 10 and 100 GeV; below 3 GeV it is less
    than 0.2 % of the total.
    """
    b0, b1 = material.muon_radiative
    return b0 * energy * np.clip(1.0 + b1 * np.log((energy + MUON_MASS) / 1000.0), 0.0, None)


def muon_loss(material: Material, energy):
    """Give the mean dE/dx of a muon [MeV/m]."""
    return muon_ionisation(material, energy) + muon_radiative(material, energy)


def restricted_loss(material: Material, energy, cut: float):
    """Give the dE/dx of a muon [MeV/m] without the electrons above `cut` [MeV], which are made one by one."""
    return muon_loss(material, energy) - delta_moments(material, energy, cut)[1]


def restricted_variance(material: Material, energy, cut: float):
    """Give the variance of the restricted loss per path [MeV^2/m]: the integral of T^2 dN/dT up to the cut.

    **Reference** Bohr straggling with the upper limit lowered to the cut; spin term left out.
    """
    beta2 = beta_of(energy, MUON_MASS) ** 2
    top = largest_transfer(energy)
    upper = np.minimum(cut, top)
    return material.collision_constant / beta2 * upper * (1.0 - 0.5 * beta2 * upper / top)


def electron_collision(material: Material, energy):
    """Give the mean collision loss of an electron [MeV/m]: Moller scattering with density effect.

    **Reference** Berger, Seltzer, NBSIR 82-2550 (1982).
    """
    tau = energy / ELECTRON_MASS
    beta2 = beta_of(energy, ELECTRON_MASS) ** 2
    log = np.log(tau**2 * (tau + 2.0) * 0.5 * (ELECTRON_MASS / material.excitation) ** 2)
    shape = 1.0 - beta2 + (0.125 * tau**2 - (2.0 * tau + 1.0) * np.log(2.0)) / (tau + 1.0) ** 2
    return material.collision_constant / beta2 * (log + shape - density_effect(material, energy, ELECTRON_MASS))


def electron_radiative(material: Material, energy):
    """Give the mean bremsstrahlung loss of an electron [MeV/m].

    The unscreened logarithm ln(2 E / m) - 1/3 passes smoothly into the screened limit E / X0; the exponent of the
    passage is set so that water has 18.3 MeV/m at 10 MeV.

    **Reference** Koch, Motz, Rev. Mod. Phys. 31 (1959) 920; Seltzer, Berger, Nucl. Instrum. Meth. B 12 (1985) 95.
    """
    total = energy + ELECTRON_MASS
    unscreened = np.log(2.0 * total / ELECTRON_MASS) - 1.0 / 3.0
    screened, exponent = 4.7, 0.75
    passage = -np.log(np.exp(-exponent * unscreened) + np.exp(-exponent * screened)) / exponent
    return total / material.radiation_length * passage / screened


def electron_loss(material: Material, energy):
    """Give the mean dE/dx of an electron [MeV/m]."""
    return electron_collision(material, energy) + electron_radiative(material, energy)


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


@lru_cache(maxsize=16)
def muon_range_table(material: Material, cut: float = np.inf) -> RangeTable:
    """Give the range of muons from 0.2 MeV to 100 GeV; with a finite `cut`, that of the restricted loss."""
    if np.isinf(cut):
        return range_table(lambda energy: muon_loss(material, energy), 0.2, 1e5)
    return range_table(lambda energy: restricted_loss(material, energy, cut), 0.2, 1e5)


@lru_cache(maxsize=16)
def muon_delta_rate(material: Material, cut: float) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate the number of electrons above `cut` per path [1/m] on the energies of `muon_range_table` (their log)."""
    log_energy = muon_range_table(material, cut).log_energy
    return log_energy, delta_moments(material, np.exp(log_energy), cut)[0]


@lru_cache(maxsize=16)
def electron_range_table(material: Material, radiative: bool = True) -> RangeTable:
    """Give the range of electrons from 10 keV to 100 GeV; without `radiative`, that of the collision loss alone."""
    loss = electron_loss if radiative else electron_collision
    return range_table(lambda energy: loss(material, energy), 0.01, 1e5)
