from lampyris.particle.engine import PARTICLES, simulate_particle
from lampyris.particle.steps import Steps

__all__ = ["PARTICLES", "Steps", "simulate_particle"]
