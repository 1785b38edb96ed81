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

ICE = Material(
    density=0.9216,
    charge_to_mass=0.55508,
    excitation=78e-6,
    radiation_length=0.3915,
    # water's, moved to this density: x by half the decimal logarithm of the ratio, C by its natural logarithm
    sternheimer=(0.09116, 3.4773, 0.2747, 2.8351, 3.6617),
    muon_radiative=(0.83e-4, 0.25),
    elements=((1, 1.008, 0.111894), (8, 15.999, 0.888106)),
)
"""Ice of the South Pole below 1.4 km, at the density that IceCube uses; excitation energy, radiation length and radiative
loss per mass are those of liquid water. The density effect follows from water's: the plasma energy goes with the root of
the density (moved from water at 75 eV to 0.918 g/cm3, the same rule gives the published 0.2586, 2.8190 and 3.5873 of ice).

**Reference** Sternheimer, Berger, Seltzer, At. Data Nucl. Data Tables 30 (1984) 261, for water and the rule.
"""

LAB = Material(
    density=0.859,
    charge_to_mass=0.56012,
    excitation=59.2e-6,
    radiation_length=0.5176,
    sternheimer=(0.1270, 3.3564, 0.1695, 2.5675, 3.172),
    muon_radiative=(0.58e-4, 0.25),
    elements=((1, 1.008, 0.123), (6, 12.011, 0.877)),
)
"""Linear alkylbenzene, 12.3 % of its mass hydrogen (C17H28 to C18H30), at 0.859 g/cm3; fluors are left out.

Approximate: the excitation energy is Bragg's rule with 19.2 and 81 eV for hydrogen and carbon, which gives ICRU's value for
paraffin and lies between those of polyethylene (57.4 eV) and xylene (61.8 eV); the shape of the density effect is that of
xylene, its asymptote that of this density and excitation energy; the radiative loss of muons is that of water, scaled with
the square of the charge per mass.

**Reference** ICRU Report 37 (1984); Sternheimer, Berger, Seltzer, At. Data Nucl. Data Tables 30 (1984) 261 (xylene).
"""

MINERAL_OIL = Material(
    density=0.845,
    charge_to_mass=0.57275,
    excitation=55.9e-6,
    radiation_length=0.5308,
    sternheimer=(0.1258, 3.4288, 0.1289, 2.5084, 3.051),
    muon_radiative=(0.56e-4, 0.25),
    elements=((1, 1.008, 0.148605), (6, 12.011, 0.851395)),
)
"""Mineral oil at 0.845 g/cm3: composition and excitation energy of paraffin, the shape of its density effect, the asymptote
of this density; radiative loss of muons as for `LAB`. The density is a typical value of light mineral oils, not traced to
a source.

**Reference** ICRU Report 37 (1984); Sternheimer, Berger, Seltzer, At. Data Nucl. Data Tables 30 (1984) 261 (paraffin).
"""
