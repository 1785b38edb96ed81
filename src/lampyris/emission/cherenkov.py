"""Cherenkov photons of charged-particle steps, after Frank and Tamm."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._host import on_host
from lampyris._math import normalise, turn
from lampyris._random import bucket, generator
from lampyris.medium import Medium
from lampyris.particle.steps import Steps
from lampyris.rays import Rays
from lampyris.spectrum import Spectrum
from lampyris.units import FRANK_TAMM, PLANCK_TIMES_C, SPEED_OF_LIGHT

BAND = (PLANCK_TIMES_C / 4.51, PLANCK_TIMES_C / 1.84)
"""Wavelengths of the light that is made [nm]: 274.9 to 673.8."""


def sine_squared(index: Array, beta: Array) -> Array:
    """Squared sine of the Cherenkov angle; 0 below the threshold."""
    return jnp.maximum(1.0 - 1.0 / jnp.maximum(index * beta, 1e-6) ** 2, 0.0)


def band_energies(band: tuple[float, float]) -> tuple[float, float]:
    """Lowest and highest photon energy [eV] of a wavelength band [nm]."""
    return PLANCK_TIMES_C / band[1], PLANCK_TIMES_C / band[0]


def photons_per_metre(medium: Medium, beta: Array, band: tuple[float, float] = BAND) -> Array:
    """Photons per metre of a particle of unit charge at each `beta`, by Gauss quadrature over the band."""
    low, high = band_energies(band)
    nodes, weights = np.polynomial.legendre.leggauss(32)
    energies = 0.5 * (high + low) + 0.5 * (high - low) * nodes
    index = medium.refractive_index(PLANCK_TIMES_C / jnp.asarray(energies))
    yields = sine_squared(index, jnp.asarray(beta)[..., None])
    return FRANK_TAMM * 0.5 * (high - low) * (yields * jnp.asarray(weights)).sum(axis=-1)


def cherenkov_photons(
    steps: Steps, medium: Medium, *, key: PRNGKeyArray, band: tuple[float, float] = BAND, keep: Spectrum | None = None
) -> tuple[Rays, float]:
    """Draw the photons that the steps emit: number, place, time, wavelength and angle, each with its fluctuation.

    Candidates are drawn at the highest rate that a step can have and thinned to the true rate at their own place,
    velocity and wavelength, which is exact. `keep` thins further by a probability that depends on the wavelength (a
    quantum efficiency: what it would reject need not be traced).

    Returns the rays (those that were thinned away have weight 0) and the number of photons emitted before `keep`,
    counted, not expected.

    **Reference**: Frank and Tamm, C. R. Acad. Sci. URSS 14 (1937) 109.
    """
    draw = generator(key)
    low, high = band_energies(band)
    shining = _columns(steps, medium, band)
    rate = np.asarray(shining["ceiling"] * shining["length"]) * FRANK_TAMM * (high - low)
    counts = draw.poisson(rate)
    total = int(counts.sum())
    owner = jnp.asarray(np.pad(np.repeat(np.arange(len(rate)), counts), (0, bucket(total) - total)))
    uniform = jnp.asarray(draw.random((5, owner.shape[0]), np.float32))
    rays, emitted = _photons(shining, medium, owner, jnp.asarray(total), uniform, jnp.asarray([low, high]), keep)
    return rays, float(emitted)


def _columns(steps: Steps, medium: Medium, band: tuple[float, float]) -> dict[str, Array]:
    """Columns of the steps that can shine, padded to a bucket, and the ceiling of the squared sine on each."""
    index = on_host(medium.refractive_index, np.linspace(*band, 200))
    ceiling = np.maximum(0.0, 1.0 - 1.0 / np.maximum(index.max() * steps.beta_start, 1e-6) ** 2)
    ceiling = np.maximum(ceiling, 1.0 - 1.0 / np.maximum(index.max() * steps.beta_end, 1e-6) ** 2) * steps.charge**2
    shining = (ceiling > 0) & (steps.length > 0)
    missing = bucket(int(shining.sum())) - int(shining.sum())
    columns = steps.arrays() | {"ceiling": ceiling}
    names = ("start", "end", "time", "beta_start", "beta_end", "length", "charge", "ceiling")
    return {
        name: jnp.asarray(np.pad(columns[name][shining], [(0, missing)] + [(0, 0)] * (columns[name].ndim - 1)))
        for name in names
    }


@jax.jit
def _photons(
    steps: dict[str, Array],
    medium: Medium,
    owner: Array,
    total: Array,
    uniform: Float[Array, "5 n"],
    energies: Float[Array, "2"],
    keep: Spectrum | None,
) -> tuple[Rays, Array]:
    """Candidates of one bucket, thinned."""
    own = {name: column[owner] for name, column in steps.items()}
    along = uniform[0]
    beta = own["beta_start"] + along * (own["beta_end"] - own["beta_start"])
    wavelength = PLANCK_TIMES_C / (energies[0] + uniform[1] * (energies[1] - energies[0]))
    index = medium.refractive_index(wavelength)
    real = jnp.arange(owner.shape[0]) < total
    emitted = real & (uniform[2] * own["ceiling"] < own["charge"] ** 2 * sine_squared(index, beta))
    kept = emitted if keep is None else emitted & (uniform[3] < keep(wavelength))
    axis = normalise(own["end"] - own["start"])
    direction = turn(axis, jnp.clip(1.0 / jnp.maximum(index * beta, 1e-6), -1.0, 1.0), 2.0 * jnp.pi * uniform[4])
    mean_beta = 0.5 * (own["beta_start"] + beta)
    time = own["time"] + along * own["length"] / (SPEED_OF_LIGHT * jnp.maximum(mean_beta, 1e-3))
    position = own["start"] + along[:, None] * (own["end"] - own["start"])
    return Rays(position, direction, time, wavelength, kept.astype(time.dtype)), emitted.sum()
