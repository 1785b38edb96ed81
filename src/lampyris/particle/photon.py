"""Gammas in matter: Compton scattering, pairs, photo-effect."""

import numpy as np

from lampyris.particle.bremsstrahlung import screened_logarithms
from lampyris.particle.material import ELECTRON_RADIUS, Material
from lampyris.units import ELECTRON_MASS

PAIR_FIT = (
    (8.7842e2, -1.9625e3, 1.2949e3, -2.0028e2, 1.2575e1, -2.8333e-1),
    (-1.0342e1, 1.7692e1, -8.2381, 1.3063, -9.0815e-2, 2.3586e-3),
    (-4.5263e2, 1.1161e3, -8.6749e2, 2.1773e2, -2.0467e1, 6.5372e-1),
)
"""Coefficients [microbarn] of F1, F2, F3 in powers of ln(E / m_e c^2)."""

PAIR_FIT_START = 1.5
"""Energy [MeV] below which the pair cross-section falls as the square of the energy above the threshold."""


def compton_rate(material: Material, energy):
    """Give the Compton scatterings per path [1/m] of gammas of `energy` [MeV] off free electrons.

    **Reference** Klein, Nishina, Z. Phys. 52 (1929) 853.
    """
    a = energy / ELECTRON_MASS
    log = np.log1p(2.0 * a)
    first = (1.0 + a) / a**2 * (2.0 * (1.0 + a) / (1.0 + 2.0 * a) - log / a)
    section = first + log / (2.0 * a) - (1.0 + 3.0 * a) / (1.0 + 2.0 * a) ** 2
    return material.electrons * 2.0 * np.pi * ELECTRON_RADIUS**2 * section


def pair_rate(material: Material, energy):
    """Give the pairs per path [1/m] that gammas of `energy` [MeV] make in the fields of nuclei and electrons.

    **Reference** Hubbell, Gimm, Overbo, J. Phys. Chem. Ref. Data 9 (1980) 1023, in the fit Z (Z + 1) (F1 + F2 Z + F3/Z)
    of the Geant4 Physics Reference Manual.
    """
    x = np.log(np.maximum(energy, PAIR_FIT_START) / ELECTRON_MASS)
    f1, f2, f3 = (np.polyval(row[::-1], x) for row in PAIR_FIT)
    threshold = 2.0 * ELECTRON_MASS
    below = np.clip((energy - threshold) / (PAIR_FIT_START - threshold), 0.0, 1.0) ** 2
    z = material.charges.reshape((-1,) + (1,) * np.ndim(x))
    atoms = material.atoms.reshape(z.shape)
    return (atoms * z * (z + 1.0) * (f1 + f2 * z + f3 / z)).sum(axis=0) * 1e-34 * below


def photoelectric_rate(material: Material, energy):
    """Give the photoelectric absorptions per path [1/m]: Sauter's K shell of each element, raised by 10 % for the rest.

    Above 0.25 MeV this is less than 0.3 % of all collisions in water.

    **Reference** Sauter, Ann. Phys. 11 (1931) 454.
    """
    gamma = 1.0 + energy / ELECTRON_MASS
    beta = np.sqrt(1.0 - 1.0 / gamma**2)
    thomson = 8.0 * np.pi / 3.0 * ELECTRON_RADIUS**2
    log = np.log((1.0 + beta) / (1.0 - beta))
    shape = 4.0 / 3.0 + gamma * (gamma - 2.0) / (gamma + 1.0) * (1.0 - log / (2.0 * beta * gamma**2))
    common = 1.5 * thomson / 137.036**4 * (ELECTRON_MASS / energy) ** 5 * (gamma**2 - 1.0) ** 1.5 * shape
    return 1.1 * (material.atoms * material.charges**5).sum() * common


def sample_compton(energy, random: np.random.Generator):
    """Draw the energy (n,) [MeV] and the cosine (n,) of gammas of `energy` (n,) after a Compton scattering."""
    fraction, open_ = np.empty(len(energy)), np.arange(len(energy))
    while len(open_):
        k = energy[open_] / ELECTRON_MASS
        low = 1.0 / (1.0 + 2.0 * k)
        # 1/x + x between low and 1: each part by inversion, chosen by its integral
        first, second = -np.log(low), 0.5 * (1.0 - low**2)
        u, v, w = random.random((3, len(open_)))
        x = np.where(u * (first + second) < first, low ** (1.0 - v), np.sqrt(low**2 + (1.0 - low**2) * v))
        t = (1.0 - x) / (k * x)
        good = w < 1.0 - x * t * (2.0 - t) / (1.0 + x**2)
        fraction[open_[good]] = x[good]
        open_ = open_[~good]
    after = energy * fraction
    return after, np.clip(1.0 - ELECTRON_MASS * (1.0 / after - 1.0 / energy), -1.0, 1.0)


def sample_pair_share(material: Material, energy, random: np.random.Generator):
    """Draw the share (n,) of the energy of a gamma that one of the pair takes, rest mass included.

    Below 2 MeV the share is uniform. **Reference** Tsai, Rev. Mod. Phys. 46 (1974) 815, equation 3.5.
    """
    share, open_ = np.empty(len(energy)), np.arange(len(energy))
    ceiling = 1.001 * np.maximum(_pair_shape(material, energy, np.full(len(energy), 0.5)), _edge(material, energy))
    while len(open_):
        k, u = energy[open_], random.random(len(open_))
        low = ELECTRON_MASS / k
        x = low + (1.0 - 2.0 * low) * u
        good = (k < 2.0) | (random.random(len(open_)) * ceiling[open_] < _pair_shape(material, k, x))
        share[open_[good]] = x[good]
        open_ = open_[~good]
    return share


def _edge(material: Material, energy):
    """The largest density of the share over its lower half."""
    low = ELECTRON_MASS / energy
    shares = low + (0.5 - low) * np.linspace(0.0, 1.0, 24)[:, None]
    return _pair_shape(material, np.broadcast_to(energy, shares.shape), shares).max(axis=0)


def _pair_shape(material: Material, energy, share):
    """Density of the share, up to a factor."""
    product = share * (1.0 - share)
    transfer = ELECTRON_MASS / (2.0 * energy * product)
    summed = np.zeros(np.shape(share))
    for charge, atoms in zip(material.charges, material.atoms / material.atoms.sum(), strict=True):
        first, second = screened_logarithms(charge, transfer)
        summed = summed + atoms * np.clip((1.0 - 4.0 / 3.0 * product) * first - 2.0 / 3.0 * product * second, 0.0, None)
    return summed


def sample_pair_cosine(total, random: np.random.Generator):
    """Draw the cosine of the angle of an electron of `total` energy (n,) [MeV] to the gamma that made it.

    With u = E theta / m the density is u / (1 + u^2)^2, as in leading order, in terms of the exact velocity.
    """
    beta = np.sqrt(np.clip(1.0 - (ELECTRON_MASS / total) ** 2, 0.0, None))
    u = 2.0 * random.random(len(total)) - 1.0
    return (u + beta) / (1.0 + beta * u)
