"""Efficiencies of light sensors against wavelength: quantum times collection efficiency."""

import numpy as np

from lampyris.spectrum import Tabulated

WAVELENGTH = np.arange(280.0, 661.0, 20.0)
# fmt: off
TUBE_20_INCH = np.array([
    0.0, 0.0139, 0.0854, 0.169, 0.203, 0.206, 0.211, 0.202, 0.188, 0.167,
    0.140, 0.116, 0.0806, 0.0432, 0.0265, 0.0146, 0.00756, 0.00508, 0.00158, 0.0,
])
# fmt: on


def bialkali(peak: float) -> Tabulated:
    """The curve of the 20-inch tube of Super-Kamiokande, scaled to another maximum; zero outside 280 to 660 nm."""
    return Tabulated(WAVELENGTH, TUBE_20_INCH * (peak / TUBE_20_INCH.max()))


def tube_20_inch() -> Tabulated:
    """20-inch tube R3600 of Super-Kamiokande, maximum 0.211 at 400 nm.

    **Reference**: the public table of WCSim (`PMT20inch`, https://github.com/WCSim/WCSim).
    """
    return bialkali(0.211)


def tube_20_inch_box_and_line() -> Tabulated:
    """20-inch tube R12860 of Hyper-Kamiokande, approximate: the curve of the R3600 with a maximum of 0.30."""
    return bialkali(0.30)


def tube_20_inch_microchannel() -> Tabulated:
    """20-inch microchannel-plate tube of JUNO, approximate: the curve of the R3600 with a maximum of 0.30."""
    return bialkali(0.30)


def tube_8_inch() -> Tabulated:
    """8-inch tube R14688 of Eos, approximate: the curve of the R3600 with a maximum of 0.30."""
    return bialkali(0.30)


def tube_3_inch() -> Tabulated:
    """3-inch tube R14374 of multi-PMT modules, approximate: the curve of the R3600 with a maximum of 0.27."""
    return bialkali(0.27)


def silicon() -> Tabulated:
    """Silicon photomultiplier, approximate: a broad curve with a maximum of 0.50 at 420 to 440 nm."""
    wavelength = np.array([280.0, 320.0, 360.0, 400.0, 420.0, 440.0, 480.0, 520.0, 560.0, 600.0, 650.0, 700.0])
    return Tabulated(wavelength, np.array([0.0, 0.20, 0.36, 0.48, 0.50, 0.50, 0.46, 0.39, 0.32, 0.25, 0.18, 0.13]))
