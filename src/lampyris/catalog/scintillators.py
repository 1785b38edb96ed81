"""Media that scintillate, and mineral oil: organic scintillator and its mixtures with water."""

import numpy as np

from lampyris._checks import fail
from lampyris.catalog.media import GRID, SK_INDEX, sk_absorption_length, sk_scatterers
from lampyris.medium import Medium, Scatterer
from lampyris.particle.material import LAB, MINERAL_OIL
from lampyris.phase import Rayleigh
from lampyris.scintillation import Emission, Pulse, Scintillation
from lampyris.spectrum import Cauchy, Tabulated

LAB_INDEX = (1.46376, 6330.0, 0.0)

# emission of bis-MSB behind its own absorption: drawn by hand, typical of such spectra, not traced to a source
BIS_MSB_WAVELENGTH = np.array([390.0, *np.arange(400.0, 501.0, 10.0), 520.0, 540.0, 560.0, 580.0])
BIS_MSB = np.array([0.0, 0.10, 0.45, 0.90, 1.0, 0.82, 0.68, 0.50, 0.34, 0.24, 0.17, 0.12, 0.055, 0.025, 0.01, 0.0])

# emission of PPO and absorption lengths [m] of LAB and of PPO at 2.5 g/l in it, thinned out from arXiv:2003.12212
# fmt: off
PPO_WAVELENGTH = np.array([
    325.0, 335.0, 339.0, 344.0, 350.0, 357.0, 366.0, 375.0, 385.0, 395.0, 405.0, 415.0, 425.0, 440.0, 460.0, 480.0,
    500.0, 560.0,
])
PPO = np.array([
    0.0, 0.27, 0.55, 0.43, 0.68, 0.99, 0.68, 0.79, 0.52, 0.44, 0.29, 0.20, 0.13, 0.067, 0.028, 0.012, 0.007, 0.0,
])
DISSOLVED_WAVELENGTH = np.array([
    270.0, 300.0, 330.0, 340.0, 344.0, 348.5, 353.0, 356.0, 360.0, 365.0, 370.0, 375.0, 381.0, 390.0, 400.0, 410.0,
    420.0, 430.0, 440.0, 450.0, 690.0,
])
LAB_ABSORPTION = np.array([
    1.0e-4, 0.0045, 0.06, 0.70, 1.03, 1.50, 2.34, 3.33, 3.88, 4.62, 4.9, 5.66, 7.56, 6.0, 24.5, 26.8, 41.0, 62.0, 92.0,
    92.0, 92.0,
])
PPO_ABSORPTION = np.array([
    1.4e-4, 6.1e-5, 1.1e-4, 2.2e-4, 7.5e-4, 3.3e-3, 0.0102, 0.0297, 0.085, 0.30, 1.08, 2.8, 6.05, 9.8, 13.0, 17.4, 23.0,
    32.0, 42.0, 50.0, 400.0,
])
# fmt: on

# water-based scintillator: share of LAB [%], rise time, fast and slow decay time [ns], fast share
WBLS_TIMES = ((1.0, 0.0, 2.25, 15.10, 0.96), (5.0, 0.06, 2.35, 23.21, 0.94), (10.0, 0.13, 2.70, 27.05, 0.94))
WBLS_BIRKS, WBLS_CHOU = 1.65e-5, 1.33e-9
WBLS_SCATTERING = 0.020
"""Additional scattering at 400 nm for each percent [1/m]."""


def lab_scintillator() -> Medium:
    """LAB with 2.5 g/l PPO and 3 mg/l bis-MSB, the scintillator of JUNO and, nearly, TAO.

    11522 photons/MeV, quenched after Birks and Chou; 4.93, 20.6 and 190 ns with shares of 79.9, 17.1 and 3 %, as for
    electrons and gammas (heavier particles have more slow light, which is not modelled).

    Approximate. The spectrum is what leaves the scintillator: light of bis-MSB, peaking at 430 nm; its shape is drawn by
    hand, typical of such spectra and not traced to a source. Absorption and re-emission on the way are not modelled: the
    absorption length, 77 m as measured near 430 nm, is taken at every wavelength, so that Cherenkov light below 400 nm goes
    on instead of being shifted. Rayleigh scattering
    length 27 m at 430 nm, growing with the fourth power of the wavelength, tabulated over 300 to 700 nm. Refractive index
    from n = 1.482 at 589 nm and an Abbe number of 40: 1.498 at 430 nm, valid over 380 to 700 nm to about 0.5 %.

    **Reference**: Zhou et al., Rev. Sci. Instrum. 86 (2015) 073310, arXiv:1504.00987 (scattering); JUNO, J. Phys. G 43
    (2016) 030401, arXiv:1507.05613 (absorption); yield, quenching and times are those of the collaboration's simulation, as
    its public code has them.
    """
    wavelength = np.arange(300.0, 701.0, 2.0)
    rayleigh = Tabulated(wavelength, 27.0 * (wavelength / 430.0) ** 4)
    # kB = 6.5e-3 g/cm2/MeV and C = 1.5e-6 (g/cm2/MeV)^2, over the density in g/cm3 and its square
    scintillation = Scintillation(
        11522.0,
        Pulse([4.93, 20.6, 190.0], [0.799, 0.171, 0.030]),
        Emission(BIS_MSB_WAVELENGTH, BIS_MSB),
        birks=6.5e-5 / LAB.density,
        chou=1.5e-10 / LAB.density**2,
    )
    return Medium(Cauchy(LAB_INDEX), 77.0, (Scatterer(rayleigh, Rayleigh()),), scintillation, LAB)


def water_based_scintillator(percent: float = 1.0) -> Medium:
    """Water with 1, 5 or 10 percent of LAB and PPO, by default 1.

    127.9 c + 108.3 photons/MeV at c percent, and the times measured for each; quenching as measured at 5 %.

    Approximate. Emission of PPO, 330 to 480 nm. Refractive index, and absorption as in `water_sk` and in LAB with 2 g/l PPO,
    are mixed in proportion to the volumes; what PPO absorbs below 370 nm is lost here, of which in reality 50 to 60 % comes
    back at longer wavelengths. Micelles add 0.020 1/m of scattering for each percent at 400 nm, taken from a public table
    for about 3 %, with the fourth power of the wavelength and the phase function of Rayleigh. Particles are slowed down as
    in water.

    **Reference**: Caravaca et al., Eur. Phys. J. C 80 (2020) 867, arXiv:2006.00173 (yields, times); Callaghan et al., Eur.
    Phys. J. C 83 (2023) 134, arXiv:2210.03876 (quenching); Nucl. Instrum. Meth. A 967 (2020) 163860, arXiv:2003.12212
    (emission and absorption of PPO, absorption of LAB), as transcribed in the optical tables of RAT-PAC, whence the
    scattering too.
    """
    known = {row[0]: row[1:] for row in WBLS_TIMES}
    if percent not in known:
        fail("water_based_scintillator(percent=...)", "1, 5 or 10", percent, "%")
    rise, fast, slow, share = known[percent]
    part = 0.01 * percent
    dissolved = 1.0 / LAB_ABSORPTION + (2.0 / 2.5) / PPO_ABSORPTION
    # straight lines in the logarithm: the rate falls by six orders
    dissolved = np.exp(np.interp(GRID, DISSOLVED_WAVELENGTH, np.log(dissolved)))
    absorption = (1.0 - part) / np.asarray(sk_absorption_length().value) + part * dissolved
    micelles = Tabulated(GRID, (GRID / 400.0) ** 4 / (WBLS_SCATTERING * percent))
    index = tuple((1.0 - part) * water + part * lab for water, lab in zip(SK_INDEX, LAB_INDEX, strict=True))
    scintillation = Scintillation(
        127.9 * percent + 108.3,
        Pulse([fast, slow], [share, 1.0 - share], rise),
        Emission(PPO_WAVELENGTH, PPO),
        birks=WBLS_BIRKS,
        chou=WBLS_CHOU,
    )
    scatterers = (*sk_scatterers(), Scatterer(micelles, Rayleigh()))
    return Medium(Cauchy(index), Tabulated(GRID, 1.0 / absorption), scatterers, scintillation)


def mineral_oil(celsius: float = 20.0) -> Medium:
    """Mineral oil as in MiniBooNE (Marcol 7) at a temperature [C]: its Cherenkov light.

    Refractive index 1.4684 at 589.3 nm and 20 C, falling by 3.66e-4 for each degree, with the dispersion B = 4240 nm^2 of
    n = n_D (1 + B (1/l^2 - 1/l_D^2)), measured from 400 to 700 nm.

    Approximate: light is lost over 20 m at every wavelength, the least that the experiment required of its oil, and does not
    scatter. The oil itself scintillates weakly and shifts ultraviolet light: about a quarter of the light of MiniBooNE,
    which is left out because no yield and times were at hand that could be quoted; give them as `scintillation`. Index and
    dispersion are quoted second-hand and were not checked against the reference: do so before precise work.

    **Reference**: MiniBooNE, Nucl. Instrum. Meth. A 599 (2009) 28, arXiv:0806.4201.
    """
    at_sodium = 1.4684 - 3.66e-4 * (celsius - 20.0)
    dispersion = 4240.0
    index = (at_sodium * (1.0 - dispersion / 589.3**2), at_sodium * dispersion, 0.0)
    return Medium(Cauchy(index), 20.0, material=MINERAL_OIL)
