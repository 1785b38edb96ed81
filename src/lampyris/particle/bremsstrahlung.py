"""Photons that electrons radiate, and what the pairs of photons have in common with them."""

import numpy as np

from lampyris.particle.material import ELECTRON_RADIUS, FINE_STRUCTURE, Material
from lampyris.units import ELECTRON_MASS

HYDROGEN = (5.31, 6.144)
"""Radiation logarithms of hydrogen's nucleus and electron at full screening."""

GAUSS = np.polynomial.legendre.leggauss(64)


def coulomb_correction(charge: float) -> float:
    """Give the correction f(Z) to the Born approximation.

    **Reference** Davies, Bethe, Maximon, Phys. Rev. 93 (1954) 788.
    """
    a = (FINE_STRUCTURE * charge) ** 2
    return a * (1.0 / (1.0 + a) + 0.20206 - 0.0369 * a + 0.0083 * a**2 - 0.002 * a**3)


def screened_logarithms(charge: float, transfer):
    """Give the two functions of the smallest momentum `transfer` [m_e c] to an atom that both processes are made of.

    They are Z^2 (phi1/4 - ln Z/3 - f) + Z (psi1/4 - 2 ln Z/3) and Z^2 (phi1 - phi2)/4 + Z (psi1 - psi2)/4 with the
    functions of the Thomas-Fermi atom; hydrogen passes smoothly from its own values at full screening into the same
    unscreened limit.

    **Reference** Tsai, Rev. Mod. Phys. 46 (1974) 815, section III.
    """
    gamma, epsilon = 200.0 * transfer / charge ** (1.0 / 3.0), 200.0 * transfer / charge ** (2.0 / 3.0)
    fall = 4.0 * (1.0 - 0.6 * np.exp(-0.9 * gamma) - 0.4 * np.exp(-1.5 * gamma))
    phi = 20.863 - 2.0 * np.log1p((0.55846 * gamma) ** 2) - fall
    fall = 4.0 * (1.0 - 0.7 * np.exp(-8.0 * epsilon) - 0.3 * np.exp(-29.2 * epsilon))
    psi = 28.340 - 2.0 * np.log1p((3.621 * epsilon) ** 2) - fall
    nucleus = 0.25 * phi - np.log(charge) / 3.0 - coulomb_correction(charge)
    electron = 0.25 * psi - 2.0 * np.log(charge) / 3.0
    if charge == 1.0:
        nucleus = _limited(nucleus, HYDROGEN[0], 0.25 * 20.863)
        electron = _limited(electron, HYDROGEN[1], 0.25 * 28.340)
    first = 2.0 / 3.0 / (1.0 + 6.5 * gamma + 6.0 * gamma**2)
    second = 2.0 / 3.0 / (1.0 + 40.0 * epsilon + 400.0 * epsilon**2)
    return charge**2 * nucleus + charge * electron, 0.25 * (charge**2 * first + charge * second)


def _limited(logarithm, own: float, shape: float):
    """Move the screened end of a logarithm from `shape` to `own` and leave the unscreened end."""
    return -0.5 * np.log(np.exp(-2.0 * logarithm) + np.exp(-2.0 * own) - np.exp(-2.0 * shape))


def radiated_spectrum(material: Material, energy, photon):
    """Give k dN/dk per path [1/m] of photons of energy k = `photon` [MeV] from an electron of kinetic `energy` [MeV].

    The formula is that of high energies with screening; `radiation_factor` brings its integral to tabulated radiation.

    **Reference** Tsai, Rev. Mod. Phys. 46 (1974) 815, equation 3.83.
    """
    total = energy + ELECTRON_MASS
    share = photon / total
    left = np.maximum(total - photon, ELECTRON_MASS)
    transfer = ELECTRON_MASS * photon / (2.0 * total * left)
    summed = 0.0
    for charge, atoms in zip(material.charges, material.atoms, strict=True):
        first, second = screened_logarithms(charge, transfer)
        bracket = (4.0 / 3.0 * (1.0 - share) + share**2) * first + 2.0 / 3.0 * (1.0 - share) * second
        summed = summed + atoms * np.clip(bracket, 0.0, None)
    return 4.0 * FINE_STRUCTURE * ELECTRON_RADIUS**2 * summed * radiation_factor(energy, photon)


RADIATED = (
    (1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 300.0, 1000.0),
    (0.01280, 0.02678, 0.04299, 0.06058, 0.07917, 0.1185, 0.1814, 0.2926, 0.4086, 0.6489, 1.146, 2.434, 7.760, 26.79),
)
"""Kinetic energies [MeV] and radiative stopping power of water [MeV cm2/g] in NIST's ESTAR."""

# fmt: off
FACTORS = (
    0.8999, 0.9045, 0.9188, 0.9290, 0.9363, 0.9458, 0.9551, 0.9635, 0.9676, 0.9710, 0.9712, 0.9697, 0.9796, 0.9818,
)
# fmt: on
"""Radiative stopping power of `RADIATED` over that of Tsai's formula with the soft rise, at the same energies."""

SOFT_RISE, SOFT_SHARE, SOFT_UP_TO = 0.2, 0.08, 100.0
"""More soft photons than in Tsai's formula: by this share at no energy, over this share of the electron's energy, taken
as at most this [MeV].

Whole Geant4 events with the cross-sections of Seltzer and Berger have 1.18 +- 0.02 times the photons of Tsai's formula
between 2 (beyond 16 MeV 40) and 160 keV from electrons of 1 to 32 MeV, when both radiate the same energy.
"""


def radiation_factor(energy, photon):
    """Give the ratio of the number of photons radiated in water to that of Tsai's formula at a kinetic energy [MeV].

    The formula of high energies overrates hard photons of slow electrons and underrates soft ones: the factor rises
    towards soft photons and makes the radiated energy that of the tables, beyond whose ends it is held.

    **Reference** Seltzer, Berger, Nucl. Instrum. Meth. B 12 (1985) 95, through NIST's ESTAR.
    """
    soft = 1.0 + SOFT_RISE * np.exp(-photon / (SOFT_SHARE * np.minimum(energy, SOFT_UP_TO)))
    return soft * np.interp(np.log(np.maximum(energy, 1e-3)), np.log(RADIATED[0]), FACTORS)


def radiated_moments(material: Material, energy, low, high):
    """Give the number [1/m] and the energy [MeV/m] of photons between `low` and `high` [MeV], shapes as `energy`."""
    energy = np.asarray(energy, dtype=float)
    high = np.maximum(np.minimum(high, energy), low)
    nodes, weights = GAUSS
    span = np.log(high / low)[..., None]
    photon = np.asarray(low)[..., None] * np.exp(0.5 * span * (1.0 + nodes))
    density = 0.5 * span * weights * radiated_spectrum(material, energy[..., None], photon)
    return density.sum(axis=-1), (density * photon).sum(axis=-1)


def sample_photons(material: Material, energy, cut: float, random: np.random.Generator):
    """Draw the energy (n,) [MeV] of one photon above `cut` from each electron of kinetic `energy` (n,) [MeV]."""
    ceiling = radiated_spectrum(material, energy, np.full(len(energy), cut)) * 1.001
    photon, open_ = np.empty(len(energy)), np.arange(len(energy))
    while len(open_):
        trial = cut * (energy[open_] / cut) ** random.random(len(open_))
        value = radiated_spectrum(material, energy[open_], trial)
        good = random.random(len(open_)) * ceiling[open_] < value
        photon[open_[good]] = trial[good]
        open_ = open_[~good]
    return photon


def sample_photon_cosine(energy, random: np.random.Generator):
    """Draw the cosine of the angle between an electron of kinetic `energy` (n,) [MeV] and its photon.

    A dipole shines with 1 + cos^2 in the frame of the electron; the boost narrows it to the order of m / E.
    """
    n = len(energy)
    # the root of cos + cos^3 / 3 = 4 (2 u - 1) / 3 by Cardano
    b = 2.0 * (2.0 * random.random(n) - 1.0)
    root = np.sqrt(b**2 + 1.0)
    cosine = np.cbrt(b + root) + np.cbrt(b - root)
    gamma = 1.0 + energy / ELECTRON_MASS
    beta = np.sqrt(1.0 - 1.0 / gamma**2)
    return np.clip((cosine + beta) / (1.0 + beta * cosine), -1.0, 1.0)
