"""Constants in the units of the package: m, ns, MeV, nm, photoelectrons."""

SPEED_OF_LIGHT = 0.299792458
"""Vacuum speed of light [m/ns]."""

PLANCK_TIMES_C = 1239.841984
"""h c [eV nm]: photon energy [eV] times wavelength [nm]."""

FRANK_TAMM = 36981.0
"""alpha / (hbar c) [photons / (eV m)]: Cherenkov light of unit charge per photon energy and path (PDG review)."""

MUON_MASS = 105.6583755
"""Muon mass [MeV] (PDG)."""

ELECTRON_MASS = 0.51099895
"""Electron mass [MeV] (PDG)."""
