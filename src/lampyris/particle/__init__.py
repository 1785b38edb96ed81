from lampyris.particle.engine import PARTICLES, check_particle, simulate_particle, simulate_particles
from lampyris.particle.geant4 import Geant4
from lampyris.particle.steps import Steps

__all__ = ["PARTICLES", "Geant4", "Steps", "check_particle", "simulate_particle", "simulate_particles"]
