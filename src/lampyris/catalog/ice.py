"""Ice of the South Pole."""

import numpy as np

from lampyris.medium import Medium, Scatterer
from lampyris.particle.material import ICE
from lampyris.phase import HenyeyGreenstein
from lampyris.spectrum import Cauchy, Tabulated

ABSORPTION, ABSORPTION_START = 6954.0, 6618.0
"""Absorption of pure ice [1/m] and the wavelength of its exponential onset towards the red [nm]."""
DUST_ABSORPTION, DUST_SCATTERING = 1.084, 0.899
"""Powers of 1 / wavelength with which dust absorbs and scatters."""
MEAN_COSINE = 0.9
ICE_INDEX = (1.30183, 2718.75, 1.692e7)
GRID = np.arange(270.0, 691.0)


def ice_south_pole(dust_absorption: float = 0.00635, scattering: float = 0.0233, warmth: float = 12.1) -> Medium:
    """Ice of the South Pole at one depth; by default clear ice below the dust layer, near 2.2 km.

    `dust_absorption` and effective `scattering` are coefficients at 400 nm [1/m], `warmth` the temperature above that at
    1730 m [K], which raises the absorption of pure ice by 1 % for each. With the defaults the absorption length is 146 m
    and the effective scattering length 43 m at 400 nm; over the depths of IceCube both vary by factors of three, and here
    one depth stands for all: no layers, no tilt, no anisotropy. Scattering follows Henyey and Greenstein with a mean
    cosine of 0.9, the effective length being ten mean free paths.

    Valid for 300 to 600 nm, extrapolated to 270 to 690 nm. The refractive index is a Cauchy curve through the polynomial
    of the reference over 300 to 600 nm, off by at most 2e-4.

    **Reference**: IceCube, Nucl. Instrum. Meth. A 711 (2013) 73, arXiv:1301.5361, for the laws; the coefficients of one
    depth are those of public simulations of it; Price, Woschnagg, Astropart. Phys. 15 (2001) 97, for the index.
    """
    pure = ABSORPTION * np.exp(-ABSORPTION_START / GRID) * (1.0 + 0.01 * warmth)
    absorption = pure + dust_absorption * (GRID / 400.0) ** -DUST_ABSORPTION
    mean_free_path = (1.0 - MEAN_COSINE) / (scattering * (GRID / 400.0) ** -DUST_SCATTERING)
    return Medium(
        Cauchy(ICE_INDEX),
        Tabulated(GRID, 1.0 / absorption),
        (Scatterer(Tabulated(GRID, mean_free_path), HenyeyGreenstein(MEAN_COSINE)),),
        material=ICE,
    )
