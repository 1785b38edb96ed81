"""Collisions of electrons and positrons with electrons at rest: knock-on electrons and annihilation."""

import numpy as np

from lampyris.particle.material import ELECTRON_RADIUS, Material
from lampyris.units import ELECTRON_MASS

GAUSS = np.polynomial.legendre.leggauss(48)


def knock_on_spectrum(material: Material, energy, transfer, charge: int):
    """Give the electrons per path and transferred energy T [1/(m MeV)] that an electron (charge -1) or positron makes.

    Of the two electrons after a collision the slower is the knock-on, so T goes up to half of the energy; up to all of
    it for positrons.

    **Reference** Moller, Ann. Phys. 14 (1932) 531; Bhabha, Proc. R. Soc. A 154 (1936) 195.
    """
    gamma = 1.0 + energy / ELECTRON_MASS
    beta2 = 1.0 - 1.0 / gamma**2
    x = transfer / energy
    if charge < 0:
        mixed = (2.0 * gamma - 1.0) / gamma**2
        # 1 - x stays away from zero where the spectrum is used
        rest = np.maximum(1.0 - x, 0.25)
        shape = 1.0 + x**2 * (1.0 - mixed - mixed / (x * rest) + 1.0 / rest**2)
    else:
        y = 1.0 / (gamma + 1.0)
        b1, b2 = 2.0 - y**2, (1.0 - 2.0 * y) * (3.0 + y**2)
        b4 = (1.0 - 2.0 * y) ** 3
        b3 = b4 + (1.0 - 2.0 * y) ** 2
        shape = 1.0 + beta2 * (-b1 * x + b2 * x**2 - b3 * x**3 + b4 * x**4)
    return material.collision_constant / beta2 / transfer**2 * shape


def largest_share(charge: int) -> float:
    """The largest share of its energy that an electron (charge -1) or a positron can hand on."""
    return 0.5 if charge < 0 else 1.0


def knock_on_moments(material: Material, energy, cut: float, charge: int):
    """Give the number [1/m] and the energy [MeV/m] of knock-on electrons above `cut` [MeV]."""
    nodes, weights = GAUSS
    energy = np.asarray(energy, dtype=float)[..., None]
    span = np.log(np.maximum(largest_share(charge) * energy / cut, 1.0))
    transfer = cut * np.exp(0.5 * span * (1.0 + nodes))
    number = 0.5 * span * weights * transfer * knock_on_spectrum(material, energy, transfer, charge)
    return number.sum(axis=-1), (number * transfer).sum(axis=-1)


def sample_knock_on(material: Material, energy, cut: float, charge: int, random: np.random.Generator):
    """Draw the energy (n,) [MeV] of one knock-on electron above `cut` from each particle of kinetic `energy` (n,)."""
    drawn, open_ = np.empty(len(energy)), np.arange(len(energy))
    inverse = 1.0 / (largest_share(charge) * energy)
    beta2 = 1.0 - (1.0 + energy / ELECTRON_MASS) ** -2
    ceiling = 1.001 + (1.25 * (1.0 - np.sqrt(1.0 - beta2)) ** 2 if charge < 0 else np.zeros(len(energy)))
    while len(open_):
        trial = 1.0 / (1.0 / cut - random.random(len(open_)) * (1.0 / cut - inverse[open_]))
        spectrum = knock_on_spectrum(material, energy[open_], trial, charge)
        shape = spectrum * trial**2 * beta2[open_] / material.collision_constant
        # Moller's shape is largest at half of the energy, Bhabha's at none
        good = ceiling[open_] * random.random(len(open_)) < shape
        drawn[open_[good]] = trial[good]
        open_ = open_[~good]
    return drawn


def recoil_cosine(recoil, energy, mass: float):
    """Give the cosine of the angle between a particle of kinetic `energy` and the electron that it knocks out."""
    electron = np.sqrt(recoil * (recoil + 2.0 * ELECTRON_MASS))
    momentum = np.sqrt(energy * (energy + 2.0 * mass))
    return np.minimum(recoil * (energy + mass + ELECTRON_MASS) / (electron * momentum), 1.0)


def annihilation_rate(material: Material, energy):
    """Give the annihilations in flight per path [1/m] of positrons of kinetic `energy` [MeV] into two gammas.

    **Reference** Heitler, The Quantum Theory of Radiation (1954), section 27.
    """
    gamma = 1.0 + np.asarray(energy) / ELECTRON_MASS
    root = np.sqrt(gamma**2 - 1.0)
    shape = (gamma**2 + 4.0 * gamma + 1.0) / root**2 * np.log(gamma + root) - (gamma + 3.0) / root
    return material.electrons * np.pi * ELECTRON_RADIUS**2 * shape / (gamma + 1.0)


def sample_annihilation(energy, random: np.random.Generator):
    """Draw the energy (n,) [MeV] and the cosine (n,) of the first gamma of an annihilation in flight."""
    gamma = 1.0 + energy / ELECTRON_MASS
    edge = 0.5 * np.sqrt((gamma - 1.0) / (gamma + 1.0))
    share, open_ = np.empty(len(energy)), np.arange(len(energy))
    while len(open_):
        g, e = gamma[open_], edge[open_]
        x = (0.5 - e) * ((0.5 + e) / (0.5 - e)) ** random.random(len(open_))
        good = random.random(len(open_)) < 1.0 - x + (2.0 * g * x - 1.0) / (x * (g + 1.0) ** 2)
        share[open_[good]] = x[good]
        open_ = open_[~good]
    cosine = (share * (gamma + 1.0) - 1.0) / (share * np.sqrt(gamma**2 - 1.0))
    return share * (energy + 2.0 * ELECTRON_MASS), np.clip(cosine, -1.0, 1.0)
