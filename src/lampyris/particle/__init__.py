from lampyris.particle.engine import PARTICLES, check_particle, simulate_particle, simulate_particles
from lampyris.particle.steps import Steps

__all__ = ["PARTICLES", "Steps", "check_particle", "simulate_particle", "simulate_particles"]
