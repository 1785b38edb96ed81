"""What a fit must know of particles that stop within centimetres of a scintillator."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from lampyris._checks import LampyrisError
from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.emission.mean_light import mean_cherenkov, mean_scintillation
from lampyris.emission.step_table import StepTable, load_step_table
from lampyris.fit.model import MeanTrack
from lampyris.likelihood import Dispersion
from lampyris.scintillation import Scintillation
from lampyris.source import Track
from lampyris.source.glow_point import middle
from lampyris.units import ELECTRON_MASS

PARTICLES = ("e-", "e+")
LONGEST = 0.15
"""Distance of the mean deposit from the vertex [m] up to which a track is taken as a point."""
MOST_CHERENKOV = 0.1
"""Cherenkov photons for each of scintillation up to which the latter finds the point."""
LIGHT = 0.002
"""Relative rms of the scintillation of single particles: .0021 to .0012 for e- of 1 to 30 MeV in LAB, .0032 to .0013 for e+
(150 simulated particles each)."""
AWAY = 0.5
"""Rms of the middle of the deposits of one particle, in each axis, over the distance of the mean one from the vertex."""
ANNIHILATION = 0.07
"""What the gammas of an annihilation would add to it if all light were theirs [m]."""


class GlowProfile(eqx.Module):
    """How the light of a particle in a scintillator depends on its energy."""

    table: StepTable
    scintillation: Scintillation
    particle: str = eqx.field(static=True)
    energy_range: tuple[float, float] = eqx.field(static=True)

    @classmethod
    def of(cls, particle: str, detector: Detector) -> "GlowProfile":
        """Raises `LampyrisError` for particles whose tracks are no points, and where scintillation is not most of the light."""
        scintillation, name = detector.medium.scintillation, detector.name or "the detector"
        if scintillation is None or particle not in PARTICLES:
            raise LampyrisError(
                f"Of the particles in a medium that scintillates, as that of {name}, {' and '.join(PARTICLES)} of some MeV "
                f"can be fitted, but not {particle}."
            )
        table = load_step_table(particle, detector.medium.material)
        low, high = table.energy_range
        grid = np.geomspace(low, high, 60).astype(np.float32)
        distance = np.array([float(on_host(_middle, table, energy)[0]) for energy in grid])
        steps = on_host(table.steps, grid[np.searchsorted(distance, 0.5 * LONGEST)])
        rings = float(on_host(mean_cherenkov, steps, detector.medium).sum())
        share = rings / float(on_host(mean_scintillation, steps, scintillation).sum())
        if share > MOST_CHERENKOV:
            raise LampyrisError(
                f"Points of light are fitted where there are at most {MOST_CHERENKOV:g} Cherenkov photons for each of "
                f"scintillation, but in {name} there are {share:.2g}."
            )
        return cls(table, scintillation, particle, (low, float(grid[distance < LONGEST][-1])))

    def photons(self, energy: Array) -> Array:
        """Mean scintillation photons at a kinetic energy [MeV]."""
        light = jax.vmap(lambda e: mean_scintillation(self.table.steps(e), self.scintillation).sum())
        return light(jnp.ravel(energy)).reshape(jnp.shape(energy))

    def photons_rms(self, energy: Array) -> Array:
        """Rms of that number from particle to particle."""
        return LIGHT * self.photons(energy)

    def middle(self, energy: float) -> tuple[float, float]:
        """Distance of the mean deposit from the vertex [m], and its time behind the start [ns]."""
        distance, time = on_host(_middle, self.table, np.float32(energy))
        return float(distance), float(time)

    def away(self, energy: float) -> float:
        """Rms in each axis by which the middle of the deposits of one particle is off the mean one [m]."""
        own = AWAY * self.middle(energy)[0]
        gammas = ANNIHILATION * 2.0 * ELECTRON_MASS / (energy + 2.0 * ELECTRON_MASS)
        return float(np.hypot(own, gammas)) if self.particle == "e+" else own


def _middle(table: StepTable, energy: Array) -> tuple[Array, Array]:
    steps = table.steps(energy)
    return middle(steps, steps.deposit.sum(axis=1))[:2]


class Glowing(MeanTrack):
    """A track as one point; its position and time are those of its mean deposit."""

    dispersion = Dispersion(channel=0.0, clumps=0.0, slip=0.0)
    profile: GlowProfile

    def gain(self, track: Track, reference: Track) -> Array:
        """Light of a track over that of another."""
        return self.profile.photons(track.energy) / self.profile.photons(reference.energy)
