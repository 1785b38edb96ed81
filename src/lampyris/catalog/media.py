"""Waters of the catalog."""

import numpy as np

from lampyris.medium import Medium, Scatterer
from lampyris.phase import HenyeyGreenstein, Rayleigh
from lampyris.spectrum import Cauchy, InverseSeries, Tabulated

GRID = np.arange(270.0, 691.0)  # nm; linear interpolation on it is good to 1e-4

# n = 1.32995 + 1460 / l^2 - 2.43e7 / l^4, fitted to (photon energy [eV], n) = (1.84, 1.333) (2.07, 1.334) (2.48, 1.335)
# (2.76, 1.337) (3.10, 1.338) (3.31, 1.339) (3.54, 1.340) (3.81, 1.342) (4.13, 1.343) (4.51, 1.345) by least squares
# under the condition that the integral of 1 - 1/n^2 over the energy, hence the Frank-Tamm yield, is that of the table
SK_INDEX = (1.32995, 1460.0, -2.43e7)

# Pope and Fry: wavelength [nm] and absorption of pure water [1/m]
POPE_FRY_WAVELENGTH = np.arange(460.0, 691.0, 10.0)
# fmt: off
POPE_FRY_ABSORPTION = np.array([
    0.00979, 0.0106, 0.0127, 0.0150, 0.0204, 0.0325, 0.0409, 0.0434, 0.0474, 0.0565, 0.0619, 0.0695,
    0.0896, 0.1351, 0.2224, 0.2644, 0.2755, 0.2916, 0.3108, 0.340, 0.410, 0.439, 0.465, 0.516,
])
# fmt: on


def water_sk() -> Medium:
    """Water of Super-Kamiokande: wavelength-dependent absorption, symmetric and forward scattering, refractive index.

    Absorption and scattering are tabulated over 270 to 690 nm and constant beyond; they were measured with lasers at
    337 to 473 nm, so the rest is extrapolation. The water changes with time: these are the values of one period. The
    refractive index is a Cauchy curve through a ten-point table over 1.84 to 4.51 eV (275 to 674 nm) given to three
    decimals; its residuals are at most 4.3e-4 (rms 2.5e-4) and its Frank-Tamm yield is the table's within 0.01 %. Its
    group index is smooth, but the table cannot fix it better than about 1 %: where the group velocity matters, take
    the index of `water_quan_fry`.

    **Reference**: Super-Kamiokande, Nucl. Instrum. Meth. A 737 (2014) 253, arXiv:1307.0162; Pope and Fry, Appl. Opt.
    36 (1997) 8710, for the absorption above 464 nm.
    """
    return Medium(Cauchy(SK_INDEX), sk_absorption_length(), sk_scatterers())


def water_quan_fry(celsius: float = 13.0) -> Medium:
    """Fresh water at a temperature [C] after Quan and Fry; absorption and scattering as in `water_sk`.

    Fitted over 400 to 700 nm and 0 to 30 C, with errors of n near 1e-5; it keeps its accuracy down to about 300 nm. The
    group index at 13 C is 1.41152, 1.38063 and 1.36511 at 337, 405 and 473 nm.

    **Reference**: Quan and Fry, Appl. Opt. 34 (1995) 3477; Huibers, Appl. Opt. 36 (1997) 3785, for the range.
    """
    coefficients = (1.31405 - 2.02e-6 * celsius**2, 15.868 - 0.00423 * celsius, -4382.0, 1.1455e6)
    return Medium(InverseSeries(coefficients), sk_absorption_length(), sk_scatterers())


def sk_absorption_length() -> Tabulated:
    """Absorption length [m] of SK water: the SK formula below 464 nm, pure water after Pope and Fry above."""
    # both branches carry the same names as the constants of arXiv:1307.0162
    p0, p1, p2, p3 = 0.624, 2.96e7, 0.0324, 10.9
    formula = p0 * p1 / GRID**4 + p0 * p2 * (GRID / 500.0) ** p3
    measured = p0 * p1 / GRID**4 + np.interp(GRID, POPE_FRY_WAVELENGTH, POPE_FRY_ABSORPTION)
    return Tabulated(GRID, 1.0 / np.where(GRID < 464.0, formula, measured))


def sk_scatterers() -> tuple[Scatterer, Scatterer]:
    """Symmetric scattering of SK water (Rayleigh's 1 + c^2) and its weak forward scattering.

    The Henyey-Greenstein phase function with a mean cosine of 0.9 is an approximation of the forward part.
    """
    p4, p5, p6, p7, p8 = 8.51e7, 1.14e5, 1e-4, 4.62e6, 392.0
    symmetric = p4 / GRID**4 * (1.0 + p5 / GRID**2)
    forward = p6 * (1.0 + p7 / GRID**4 * (GRID - p8) ** 2)
    return (
        Scatterer(Tabulated(GRID, 1.0 / symmetric), Rayleigh()),
        Scatterer(Tabulated(GRID, 1.0 / forward), HenyeyGreenstein(0.9)),
    )
