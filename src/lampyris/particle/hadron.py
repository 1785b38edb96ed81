"""A simple model of what nuclei do to pions and protons: how often, and what goes on from there."""

import numpy as np

from lampyris.particle.decay import isotropic
from lampyris.particle.kind import Kind

INELASTIC = {
    "pion": (
        (50.0, 100.0, 150.0, 200.0, 300.0, 500.0, 1000.0, 3000.0),
        (170.0, 330.0, 420.0, 420.0, 370.0, 320.0, 340.0, 320.0),
    ),
    "proton": ((20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 3000.0), (420.0, 330.0, 280.0, 270.0, 290.0, 320.0, 330.0)),
}
"""Kinetic energies [MeV] and inelastic cross-sections on oxygen [mb]; zero below the first energy.

Rough values that follow the size of the nucleus and, for pions, the Delta resonance: a choice good to perhaps 20 %, not
a fit to data.
"""

OXYGEN_PER_M3 = 3.343e28
"""Oxygen nuclei in water [1/m3]; other media are taken as having as much nuclear matter per mass."""

ABSORBED, EXCHANGED = 0.40, 0.10
"""Shares of the pion's interactions that absorb it or turn it into a neutral pion; the rest scatter it. A choice."""


def interaction_length(kind: Kind, energy: float, density: float) -> float:
    """Give the mean path between inelastic nuclear interactions [m]; infinite for muons and below the lowest energy."""
    family = {211: "pion", 2212: "proton"}.get(abs(kind.pdg))
    if family is None:
        return np.inf
    energies, millibarns = INELASTIC[family]
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
