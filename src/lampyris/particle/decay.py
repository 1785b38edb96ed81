"""Decays: Michel electrons of muons, muons of pions, gammas of neutral pions."""

import numpy as np

from lampyris.particle.kind import NEUTRAL_PION_MASS, PION_MASS
from lampyris.units import ELECTRON_MASS, MUON_MASS

CAPTURE_LIFETIME = 1795.4
"""Mean lifetime [ns] of a negative muon bound to oxygen.

**Reference** Suzuki, Measday, Roalsvig, Phys. Rev. C 35 (1987) 2212; the capture rate that Geant4 takes from there, the
mean of the two most precise measurements (0.1024 per microsecond), with the decay rate of a bound muon gives 1796.4 ns.
"""

CAPTURED = 0.184
"""Share of negative muons stopped in water that the nucleus captures, with no electron.

It is the capture rate times the lifetime: 0.1024 / us x 1796 ns, or 1 - 0.998 x 1795.4 / 2197 where a bound muon decays
at 0.998 times the rate of a free one.

**Reference** as for `CAPTURE_LIFETIME`.
"""

MUON_MOMENTUM = (PION_MASS**2 - MUON_MASS**2) / (2.0 * PION_MASS)
"""Momentum of the muon of a pion that decays at rest [MeV/c]."""


def sample_michel(random: np.random.Generator) -> float:
    """Draw the kinetic energy [MeV] of the electron of a muon that decays at rest, from x^2 (3 - 2 x).

    x is the energy over its largest value (M^2 + m^2) / (2 M) = 52.83 MeV; the electron mass is neglected in the shape.

    **Reference** Michel, Proc. Phys. Soc. A 63 (1950) 514.
    """
    largest = (MUON_MASS**2 + ELECTRON_MASS**2) / (2.0 * MUON_MASS)
    while True:
        x, u = random.random(2)
        if u < x**2 * (3.0 - 2.0 * x) and x * largest > ELECTRON_MASS:
            return float(x * largest - ELECTRON_MASS)


def isotropic(random: np.random.Generator) -> np.ndarray:
    """Draw a unit vector (3,)."""
    cosine, azimuth = 2.0 * random.random() - 1.0, 2.0 * np.pi * random.random()
    sine = np.sqrt(1.0 - cosine**2)
    return np.array([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine])


def boost(energy: float, momentum: np.ndarray, gamma: float, direction: np.ndarray) -> tuple[float, np.ndarray]:
    """Give the total energy and momentum (3,) in the laboratory of what has `energy`, `momentum` in a moving frame."""
    beta_gamma = np.sqrt(max(gamma**2 - 1.0, 0.0))
    along = float(momentum @ direction)
    return gamma * energy + beta_gamma * along, momentum + ((gamma - 1.0) * along + beta_gamma * energy) * direction


def sample_two_gammas(energy: float, direction: np.ndarray, random: np.random.Generator):
    """Draw the energies (2,) [MeV] and directions (2, 3) of the gammas of a neutral pion of kinetic `energy` [MeV]."""
    half, axis = 0.5 * NEUTRAL_PION_MASS, isotropic(random)
    gamma = 1.0 + energy / NEUTRAL_PION_MASS
    made = [boost(half, sign * half * axis, gamma, direction) for sign in (1.0, -1.0)]
    energies = np.array([total for total, _ in made])
    return energies, np.array([momentum for _, momentum in made]) / energies[:, None]


def sample_muon(energy: float, direction: np.ndarray, random: np.random.Generator) -> tuple[float, np.ndarray]:
    """Draw the kinetic energy [MeV] and direction (3,) of the muon of a charged pion of kinetic `energy` [MeV]."""
    rest = np.hypot(MUON_MOMENTUM, MUON_MASS)
    total, momentum = boost(rest, MUON_MOMENTUM * isotropic(random), 1.0 + energy / PION_MASS, direction)
    return total - MUON_MASS, momentum / np.linalg.norm(momentum)
