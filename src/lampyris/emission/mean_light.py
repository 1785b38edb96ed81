"""Mean light of mean steps: scintillation with its quenching, Cherenkov light for any refractive index."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.emission.angles import angle_edges
from lampyris.emission.cherenkov import BAND, band_energies
from lampyris.emission.step_table import BETA, LEAN, STOPPING, MeanSteps
from lampyris.medium import Medium
from lampyris.scintillation import Scintillation
from lampyris.units import FRANK_TAMM, PLANCK_TIMES_C

COLOURS = 6
"""Wavelengths of the Cherenkov light, at even steps of the photon energy."""
CHERENKOV_EDGES = angle_edges()


def mean_scintillation(steps: MeanSteps, scintillation: Scintillation) -> Float[Array, " nodes"]:
    """Mean photons of each bin. **Gradients**: right in yield and quenching."""
    return scintillation.light_yield * steps.deposit @ scintillation.quenching(jnp.asarray(STOPPING))


def mean_cherenkov(steps: MeanSteps, medium: Medium) -> Float[Array, "nodes angles"]:
    """Mean Cherenkov photons of each bin over `CHERENKOV_EDGES`, the angle to the initial direction.

    Every piece of path makes a cone about its own direction, of which the share within an angle is known in closed form.
    **Gradients**: right in the refractive index.
    """
    low, high = band_energies(BAND)
    energy = low + (high - low) * (np.arange(COLOURS) + 0.5) / COLOURS
    cosine = 1.0 / (medium.refractive_index(jnp.asarray(PLANCK_TIMES_C / energy)) * jnp.asarray(BETA)[:, None])
    yields = FRANK_TAMM * (high - low) / COLOURS * jnp.maximum(1.0 - cosine**2, 0.0)
    opening = jnp.minimum(cosine, 1.0 - 1e-4)
    lean = 0.5 * (LEAN[1:] + LEAN[:-1])[:, None, None, None]
    across = np.sin(lean) * jnp.sqrt(1.0 - opening**2)[:, :, None]
    place = (np.cos(CHERENKOV_EDGES) - np.cos(lean) * opening[:, :, None]) / across
    within = jnp.arccos(jnp.clip(place, -1.0 + 1e-6, 1.0 - 1e-6)) / jnp.pi
    rings = (jnp.diff(within, axis=-1) * yields[:, :, None]).sum(axis=2)
    return jnp.einsum("klb,lba->ka", steps.path, rings)
