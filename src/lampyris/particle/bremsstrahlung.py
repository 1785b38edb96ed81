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

    The formula is that of high energies with screening; `radiation_factor` brings its integral to measured radiation.

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
    return 4.0 * FINE_STRUCTURE * ELECTRON_RADIUS**2 * summed * radiation_factor(energy)


def radiation_factor(energy):
    """Give the ratio of the radiated energy in water to that of Tsai's formula at a kinetic energy [MeV].

    Below 20 MeV the formula of high energies rises above the true cross-section; far above, it overrates the radiation
    in the field of electrons by 1 to 2 %.

    **Reference** set to the ranges of electrons in water of NIST's ESTAR tables, which are made with the cross-sections
    of Seltzer, Berger, Nucl. Instrum. Meth. B 12 (1985) 95: they fix it within 1 % from 8 to 1000 MeV and within 4 % from
    4 MeV; below it is held.
    """
    x = np.log(np.maximum(energy, 1e-3))
    return np.interp(x, np.log([8.0, 15.0, 30.0, 60.0, 250.0, 1000.0]), [0.926, 0.968, 0.993, 0.993, 0.988, 0.979])


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
