"""Deflection of charged particles by atoms: rare wide angles one by one, the many small ones together."""

import numpy as np

from lampyris.particle.material import ELECTRON_RADIUS, FINE_STRUCTURE, Material
from lampyris.particle.scattering import sample_cosine, turn
from lampyris.units import ELECTRON_MASS

WIDE_PER_STEP = 1.0
"""Mean number of deflections of a step that are drawn one by one."""

NUCLEAR_RADIUS = 2.7
"""Charge radius (rms) of the nuclei that scatter, that of oxygen [fm]."""

HBAR_C = 197.32698
"""[MeV fm]"""


def screening(material: Material, momentum, beta):
    """Give Moliere's screening A of the cross-section 1 / (w + A)^2, with w = (1 - cos) / 2; `momentum` in MeV/c.

    Of several elements the logarithms are averaged with the weight Z (Z + 1).

    **Reference** Moliere, Z. Naturforsch. 2a (1947) 133; Bethe, Phys. Rev. 89 (1953) 1256.
    """
    z = material.charges
    weight = material.atoms * z * (z + 1.0)
    log_scale = (weight * np.log(z ** (1.0 / 3.0) / 0.88534)).sum() / weight.sum()
    log_alpha = (weight[:, None] * np.log(1.13 + 3.76 * (FINE_STRUCTURE * z[:, None] / np.ravel(beta)) ** 2)).sum(
        axis=0
    )
    angle = np.exp(log_scale) * FINE_STRUCTURE * ELECTRON_MASS / momentum
    return 0.25 * angle**2 * np.exp(log_alpha / weight.sum()).reshape(np.shape(beta))


def deflect(material: Material, direction, momentum, beta, charge, path, recoil: float, random: np.random.Generator):
    """Turn `direction` (n, 3) as a `path` (n,) [m] does at `momentum` (n,) [MeV/c], velocity `beta`, `charge` +1 or -1.

    Screened Rutherford scattering by nuclei and electrons. Angles beyond a limit, set so that a step has about one of
    them, are drawn one by one with spin and nuclear size; those below act together with their own mean cosine, which
    makes the result independent of the length of the steps. Collisions that give an electron more than `recoil` [MeV]
    are left to those who make that electron.

    **Reference** the division into wide and small angles: Fernandez-Varea et al., Nucl. Instrum. Meth. B 73 (1993) 447;
    spin: McKinley, Feshbach, Phys. Rev. 74 (1948) 1759.
    """
    a = screening(material, momentum, beta)
    z, atoms = material.charges, material.atoms
    strength = np.pi * ELECTRON_RADIUS**2 * (ELECTRON_MASS / (momentum * beta)) ** 2 * path
    nuclei, electrons = (atoms * z**2).sum() * strength, (atoms * z).sum() * strength
    ratio = WIDE_PER_STEP / (nuclei + electrons)
    # (1 - w) / ((w + A) (1 + A)) = ratio
    limit = np.clip((1.0 - ratio * a * (1.0 + a)) / (1.0 + ratio * (1.0 + a)), 0.0, 1.0)
    electron_limit = np.minimum(2.0 * ELECTRON_MASS * recoil / (4.0 * momentum**2), 1.0)
    small = nuclei * _first_moment(limit, a) + electrons * _first_moment(np.minimum(limit, electron_limit), a)
    direction = turn(direction, sample_cosine(small, random), 2.0 * np.pi * random.random(len(path)))
    wide = (nuclei + electrons) * (1.0 - limit) / ((limit + a) * (1.0 + a)) * 1.05
    count = random.poisson(wide)
    share = electrons / (nuclei + electrons)
    turned = np.flatnonzero(count)
    while len(turned):
        low, screen = limit[turned], a[turned]
        w = _wide_angle(low, screen, random)
        spin = 1.0 - beta[turned] ** 2 * w
        spin -= charge[turned] * np.pi * FINE_STRUCTURE * z.max() * beta[turned] * np.sqrt(w) * (1.0 - np.sqrt(w))
        size = np.exp(-4.0 * momentum[turned] ** 2 * w * (NUCLEAR_RADIUS / HBAR_C) ** 2 / 3.0)
        by_electron = random.random(len(turned)) < share[turned]
        chance = np.where(by_electron, w < electron_limit[turned], spin * size) / 1.05
        real = turned[random.random(len(turned)) < chance]
        w = w[np.isin(turned, real, assume_unique=True)]
        direction[real] = turn(direction[real], 1.0 - 2.0 * w, 2.0 * np.pi * random.random(len(real)))
        count[turned] -= 1
        turned = turned[count[turned] > 0]
    return direction


def _first_moment(limit, a):
    """Integral of 2 w / (w + A)^2 up to the limit."""
    return 2.0 * (np.log1p(limit / a) - limit / (limit + a))


def _wide_angle(low, a, random: np.random.Generator):
    """Draw w beyond `low` from 1 / (w + A)^2."""
    first, last = 1.0 / (low + a), 1.0 / (1.0 + a)
    return np.clip(1.0 / (first - random.random(len(low)) * (first - last)) - a, 0.0, 1.0)
