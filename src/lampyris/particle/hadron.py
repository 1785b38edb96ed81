"""A simple model of what nuclei do to pions and protons: how often, and what goes on from there."""

import numpy as np

from lampyris.particle.decay import isotropic
from lampyris.particle.kind import Kind

PION_ENERGIES = (20.0, 40.0, 60.0, 80.0, 100.0, 140.0, 200.0, 250.0, 300.0, 400.0, 500.0, 700.0, 1000.0, 2000.0, 3000.0)
PROTON_ENERGIES = (20.0, 30.0, 50.0, 70.0, 100.0, 150.0, 300.0, 500.0, 1000.0, 2000.0, 3000.0)
INELASTIC = {
    211: (PION_ENERGIES, (100, 145, 240, 340, 470, 530, 477, 412, 350, 316, 308, 317, 330, 300, 275)),
    -211: (PION_ENERGIES, (190, 207, 300, 420, 500, 550, 490, 423, 360, 321, 312, 319, 330, 300, 275)),
    2212: (PROTON_ENERGIES, (535, 500, 390, 320, 293, 279, 271, 290, 318, 335, 330)),
}
"""By particle code: kinetic energies [MeV] and inelastic cross-sections on oxygen [mb]; zero below the first energy.

Collisions with the hydrogen of water are left out.

**Reference** the evaluation of Barashenkov: pions as in Geant4's G4UPiNuclearCrossSection, protons Preprint JINR
P2-89-770 (1989) as in its G4ComponentBarNucleonNucleusXsc.
"""

OXYGEN_PER_M3 = 3.343e28
"""Oxygen nuclei in water [1/m3]; other media are taken as having as much nuclear matter per mass."""

ABSORBED, EXCHANGED = 0.40, 0.10
"""Shares of the pion's interactions that absorb it or turn it into a neutral pion; the rest scatter it.

Typical values near the Delta resonance, not traced to a source and the same at all energies. On carbon, absorption and charge
exchange together were measured between 200 and 300 MeV/c (arXiv:1506.07783), with which they have not been compared.
"""


def interaction_length(kind: Kind, energy: float, density: float) -> float:
    """Give the mean path between inelastic nuclear interactions [m]; infinite for muons and below the lowest energy."""
    if kind.pdg not in INELASTIC:
        return np.inf
    energies, millibarns = INELASTIC[kind.pdg]
    if energy < energies[0]:
        return np.inf
    return 1.0 / (OXYGEN_PER_M3 * density * 1e-31 * float(np.interp(np.log(energy), np.log(energies), millibarns)))


def scatter_pion(energy: float, direction: np.ndarray, random: np.random.Generator) -> tuple[float, np.ndarray]:
    """Draw kinetic energy [MeV] and direction of a pion behind a quasi-elastic collision: it keeps half on average.

    The cosine of its angle is drawn uniformly above -0.5 and the energy uniformly: a picture, not a measurement.
    """
    while True:
        new = isotropic(random)
        if new @ direction > -0.5:
            return energy * random.random(), new
