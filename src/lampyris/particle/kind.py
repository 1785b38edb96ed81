"""Kinds of particles: codes, masses, charges, lifetimes."""

from dataclasses import dataclass

from lampyris.units import ELECTRON_MASS, MUON_MASS

PION_MASS = 139.57039
"""Mass of charged pions [MeV] (PDG)."""

NEUTRAL_PION_MASS = 134.9768
"""Mass of the neutral pion [MeV] (PDG)."""

PROTON_MASS = 938.27209
"""Mass of the proton [MeV] (PDG)."""


@dataclass(frozen=True)
class Kind:
    """A kind of particle: PDG code, mass [MeV], charge [e], mean lifetime [ns]."""

    name: str
    pdg: int
    mass: float
    charge: int
    lifetime: float = float("inf")
    spin_half: bool = True

    @property
    def muon(self) -> bool:
        """Whether this is a muon of either charge."""
        return abs(self.pdg) == 13


MUON = Kind("mu-", 13, MUON_MASS, -1, 2196.981)
KINDS = {
    kind.name: kind
    for kind in (
        MUON,
        Kind("mu+", -13, MUON_MASS, 1, 2196.981),
        Kind("e-", 11, ELECTRON_MASS, -1),
        Kind("e+", -11, ELECTRON_MASS, 1),
        Kind("gamma", 22, 0.0, 0, spin_half=False),
        Kind("pi+", 211, PION_MASS, 1, 26.033, spin_half=False),
        Kind("pi-", -211, PION_MASS, -1, 26.033, spin_half=False),
        Kind("pi0", 111, NEUTRAL_PION_MASS, 0, 8.43e-8, spin_half=False),
        Kind("p", 2212, PROTON_MASS, 1),
    )
}
"""All kinds by name. **Reference** Particle Data Group, Review of Particle Physics (2024)."""
