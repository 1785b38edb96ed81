"""Scintillation photons of charged-particle steps."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._host import on_host
from lampyris._math import turn
from lampyris._random import bucket, generator
from lampyris.medium import Medium
from lampyris.particle.steps import Steps
from lampyris.rays import Rays
from lampyris.scintillation import Scintillation
from lampyris.spectrum import Spectrum
from lampyris.units import SPEED_OF_LIGHT

BATCH = 2**18
"""Photons that are made together."""
BRAGG_KLEEMAN = 1.77
"""Power p of the range, R ~ E^p, with which dE/dx grows towards the end of a step in which a particle stops.

**Reference** Bragg, Kleeman, Phil. Mag. 10 (1905) 318; 1.77 for protons of some ten to two hundred MeV (Bortfeld, Med. Phys.
24 (1997) 2024); electrons below 0.25 MeV in water have 1.6 to 1.8 (ESTAR)."""
END_NODES = 6


def stopping_powers(columns: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean dE/dx of steps as (n, 6) values [MeV/m], and the share (6,) of the deposit that each stands for.

    The dE/dx of a step is its deposit over its length; within a step in which the particle stops it rises as the range
    goes with the power `BRAGG_KLEEMAN` of the energy. A deposit without length, left by a program that does not follow
    what made it, counts as not quenched.
    """
    nodes, weights = np.polynomial.legendre.leggauss(END_NODES)
    # even in the root of the remaining energy: dense where dE/dx is large
    root, weights = 0.5 * (nodes + 1.0), 0.5 * weights
    left, share = root**2, 2.0 * root * weights
    length, deposit = columns["length"].astype(float), columns["energy_deposit"].astype(float)
    mean = np.where(length > 0, deposit / np.where(length > 0, length, 1.0), 0.0)
    rising = left ** (1.0 - BRAGG_KLEEMAN) / BRAGG_KLEEMAN
    stops = columns["beta_end"] <= 0
    return mean[:, None] * np.where(stops[:, None], rising, 1.0), share


def visible_energy(steps: Steps, scintillation: Scintillation) -> np.ndarray:
    """Deposits (n,) of the steps [MeV] less what is quenched, step by step: delta electrons are steps of their own."""
    values, share = stopping_powers(steps.arrays())
    kept = np.asarray(on_host(scintillation.quenching, values), float)
    return steps.energy_deposit * (kept @ share)


def scintillation_photons(
    steps: Steps, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum | None = None
) -> Iterator[tuple[Rays, float]]:
    """Draw the scintillation photons of the steps: Poisson numbers, even places, isotropic, with wavelength and time.

    `keep` thins them by a probability that depends on the wavelength, as Cherenkov photons are thinned: candidates are
    drawn at its largest value over the emission and accepted with the ratio, which is exact.
    Yields batches of at most `BATCH` rays (those thinned away have weight 0) and the number that was emitted.
    """
    scintillation = medium.scintillation
    if scintillation is None:
        return
    draw = generator(key)
    mean = visible_energy(steps, scintillation) * float(scintillation.light_yield)
    most = 1.0 if keep is None else _largest(keep, scintillation)
    counts = draw.poisson(np.maximum(mean, 0.0) * most)
    never = float(draw.poisson(float(np.maximum(mean, 0.0).sum()) * (1.0 - most)))
    ends, total, start = np.cumsum(counts), int(counts.sum()), 0
    columns = steps.arrays()
    while start < total or start == 0:
        count = min(BATCH, total - start)
        size = min(bucket(count), BATCH)
        owner = np.searchsorted(ends, start + np.arange(count), side="right")
        owner = np.pad(owner, (0, size - count))
        names = ("start", "end", "time", "beta_start", "beta_end", "length")
        own = {name: jnp.asarray(columns[name][owner]) if len(steps) else _nothing(name, size) for name in names}
        uniform = jnp.asarray(draw.random((8, size), np.float32))
        rays = _photons(own, scintillation, uniform, jnp.asarray(count), jnp.asarray(most, float), keep)
        yield rays, float(count) + (never if start == 0 else 0.0)
        start += BATCH


def _nothing(name: str, size: int) -> Array:
    return jnp.zeros((size, 3) if name in ("start", "end") else size)


def _largest(keep: Spectrum, scintillation: Scintillation) -> float:
    """A bound of `keep` over the emission: its largest value at the knots and on a fine grid, for linear spectra exact."""
    knots = np.asarray(scintillation.emission.wavelength, float)
    grid = np.unique(np.concatenate([knots, np.arange(np.floor(knots[0]), np.ceil(knots[-1]) + 0.5, 0.5)]))
    return float(np.clip(np.max(on_host(keep, grid)), 0.0, 1.0))


@jax.jit
def _photons(
    own: dict[str, Array],
    scintillation: Scintillation,
    uniform: Float[Array, "8 n"],
    count: Array,
    most: Array,
    keep: Spectrum | None,
) -> Rays:
    """One batch; `own` are the columns of the step of each photon."""
    n = uniform.shape[1]
    along = uniform[0]
    wavelength = scintillation.emission.wavelength_at(uniform[1])
    real = jnp.arange(n) < count
    kept = real if keep is None else real & (uniform[2] * most < keep(wavelength))
    axis = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), (n, 3))
    direction = turn(axis, 1.0 - 2.0 * uniform[3], 2.0 * jnp.pi * uniform[4])
    position = own["start"] + along[:, None] * (own["end"] - own["start"])
    beta = own["beta_start"] + 0.5 * along * (own["beta_end"] - own["beta_start"])
    passed = along * own["length"] / (SPEED_OF_LIGHT * jnp.maximum(beta, 1e-3))
    time = own["time"] + passed + scintillation.pulse.time_at(uniform[5:].T)
    return Rays(position, direction, time, wavelength, kept.astype(time.dtype))
