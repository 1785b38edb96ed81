"""Matter as particles see it: composition, density, excitation energy, radiation length."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

BETHE_CONSTANT = 0.307075
"""4 pi N_A r_e^2 m_e c^2 [MeV cm2 / mol]."""

AVOGADRO = 6.02214076e23
"""Atoms per mole."""

ELECTRON_RADIUS = 2.8179403e-15
"""Classical electron radius [m]."""

FINE_STRUCTURE = 1.0 / 137.035999
"""Fine-structure constant."""


@dataclass(frozen=True)
class Material:
    """What energy loss, scattering and showers ask of matter.

    `density` [g/cm3], `charge_to_mass` Z/A [mol/g], `excitation` the mean excitation energy [MeV], `radiation_length`
    [m]; `sternheimer` are a, k, x0, x1, C of the density effect; `muon_radiative` are b0 [1/m] and b1 of the relative
    loss b0 (1 + b1 ln(E / GeV)) of muons by bremsstrahlung and pairs; `elements` are (Z, A [g/mol], share of the mass).

    **Reference** Sternheimer, Berger, Seltzer, At. Data Nucl. Data Tables 30 (1984) 261.
    """

    density: float
    charge_to_mass: float
    excitation: float
    radiation_length: float
    sternheimer: tuple[float, float, float, float, float]
    muon_radiative: tuple[float, float]
    elements: tuple[tuple[int, float, float], ...]

    @property
    def collision_constant(self) -> float:
        """Half the Bethe constant for this matter [MeV/m]: it scales every loss to atomic electrons."""
        return 50.0 * BETHE_CONSTANT * self.charge_to_mass * self.density

    @cached_property
    def charges(self) -> np.ndarray:
        """Atomic numbers of the elements (n,)."""
        return np.array([charge for charge, _, _ in self.elements], dtype=float)

    @cached_property
    def atoms(self) -> np.ndarray:
        """Atoms of each element per volume (n,) [1/m3]."""
        return np.array([1e6 * self.density * AVOGADRO * share / mass for _, mass, share in self.elements])

    @property
    def electrons(self) -> float:
        """Electrons per volume [1/m3]."""
        return 1e6 * self.density * AVOGADRO * self.charge_to_mass


WATER = Material(
    density=1.0,
    charge_to_mass=0.55508,
    excitation=78e-6,
    radiation_length=0.3608,
    # published for 75 eV: with 78 eV the curve moves along x by ln(78 / 75) / ln 10 and C grows by 2 ln(78 / 75), so that
    # the loss at high energy does not depend on the excitation energy
    sternheimer=(0.09116, 3.4773, 0.2570, 2.8174, 3.5801),
    muon_radiative=(0.9e-4, 0.25),
    elements=((1, 1.008, 0.111894), (8, 15.999, 0.888106)),
)
