"""The built-in engine: a particle by name to its steps."""

import math

from lampyris._checks import fail, fail_unknown
from lampyris.particle.muon import simulate_muon
from lampyris.particle.steps import Steps

PARTICLES = ("mu-",)
"""Names of the particles that the built-in engine makes."""

ENERGY_RANGE = (120.0, 3000.0)
"""Kinetic energies [MeV] between which the engine was checked against Geant4."""


def simulate_particle(name: str, energy: float, *, key) -> Steps:
    """Make one event of a particle in water, from the origin along +z at time 0.

    `energy` kinetic [MeV], between 120 and 3000: below, too little of the track shines to have been checked; above,
    single photons and pairs from the muon, which this engine spreads along the track, begin to matter. Hadronic
    interactions, muon capture and decay are left out.
    """
    if name not in PARTICLES:
        fail_unknown("particle", name, PARTICLES)
    low, high = ENERGY_RANGE
    if not (math.isfinite(energy) and low <= energy <= high):
        fail("simulate_particle(energy=...)", f"between {low:g} and {high:g}", energy, "MeV")
    return simulate_muon(float(energy), key=key)
