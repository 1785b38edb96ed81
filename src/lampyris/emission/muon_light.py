"""Light of a muon about its *local* direction, against its residual range: one description for all energies.

A muon that has the residual range r left has a velocity and a scattering power that depend on r alone, whatever energy it
started with. Its own Cherenkov cone follows from the velocity; the light of the electrons that it knocks out is tabulated
about its direction. A bent track is then a way through space with this light along it.
"""

from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError
from lampyris._math import safe_sqrt
from lampyris.emission.angles import angle_edges
from lampyris.emission.cherenkov import BAND, band_energies
from lampyris.emission.pattern import RingPattern
from lampyris.medium import Medium
from lampyris.particle.energy_loss import RangeTable, beta_of, heavy_range_table
from lampyris.particle.material import WATER
from lampyris.spectrum import Spectrum
from lampyris.units import FRANK_TAMM, MUON_MASS, PLANCK_TIMES_C, SPEED_OF_LIGHT

DELTA_FORMAT = "lampyris-delta-light-1"
SHORTEST, LONGEST, KNOTS = 0.1, 17.0, 257
"""Residual ranges [m] between which the track is described; a muon below the first gives no light in water."""
ENERGIES = (60.0, 5000.0)
"""Kinetic energies [MeV] between which the range is known."""
RANGE_STRAGGLING = 0.03
"""Relative rms of the path of a muon of fixed energy (Geant4: 0.14 m of 4.71 m at 1 GeV)."""
LIGHT_WITH_RANGE = 0.57
"""Correlation of the light and the range of muons of one energy: what a muon loses at once, to few hard knock-on electrons, it
has not for its way, and they make less light of it (built-in engine, 300 muons each: .43 at 200 MeV, .59 at 1 GeV, .71 at 3)."""
WAVELENGTHS = 16
HIGHLAND_ENERGY = 13.6
"""Scale of the Highland formula [MeV]."""


class Motion(NamedTuple):
    """What a muon with some residual range does."""

    beta: Array
    time_left: Array
    """time until it stops [ns]"""
    depth: Array
    """scattering depth still to come, path / (X0 beta^2)"""
    power: Array
    """scattering power still to come [rad^2]"""
    delta_light: Array
    """(..., angles) photons of knocked-out electrons per metre in the bins of `angle_edges`"""


class MuonLight(eqx.Module):
    """Motion and light of a muon in water as smooth functions of its residual range.

    **Gradients**: right and continuous. **Reference**: energy loss as in `particle.energy_loss`; scattering after
    Highland; knocked-out electrons from the built-in engine.
    """

    log_range: Float[Array, "energies 2"]
    """logarithm of the range [m] and its slope, on even steps of the logarithm of the energy"""
    columns: Float[Array, "knots 4"]
    """the first four of `Motion`, on even steps of the root of the residual range"""
    slopes: Float[Array, "knots 4"]
    delta_light: Float[Array, "roots angles"]
    delta_slopes: Float[Array, "roots angles"]
    delta_root: tuple[float, float] = eqx.field(static=True)
    """first knot and step of the table of knocked-out electrons [m^(1/2)]"""

    def range(self, energy: Array) -> Array:
        """Mean path to rest [m] of a muon of the kinetic energy [MeV]."""
        low, high = np.log(ENERGIES)
        place = (jnp.log(energy) - low) / (high - low) * (KNOTS - 1)
        cell = jnp.clip(place.astype(int), 0, KNOTS - 2)
        return jnp.exp(_hermite(self.log_range[:, 0], self.log_range[:, 1], cell, place - cell))

    def at(self, residual: Float[Array, " k"]) -> Motion:
        """Motion and light at residual ranges [m]."""
        root = jnp.sqrt(residual)
        low, high = np.sqrt(SHORTEST), np.sqrt(LONGEST)
        place = jnp.clip((root - low) / (high - low) * (KNOTS - 1), 0.0, KNOTS - 1 - 1e-4)
        cell = place.astype(int)
        values = _hermite(self.columns, self.slopes, cell, (place - cell)[:, None])
        first, step = self.delta_root
        between = jnp.clip((root - first) / step, 0.0, self.delta_light.shape[0] - 1 - 1e-4)
        row = between.astype(int)
        light = _hermite(self.delta_light, self.delta_slopes, row, (between - row)[:, None])
        return Motion(values[:, 0], values[:, 1], values[:, 2], values[:, 3], light)

    def pattern(
        self, motion: Motion, width: Float[Array, " k"], path: Float[Array, " k"], medium: Medium, detected: Spectrum
    ) -> tuple[RingPattern, Float[Array, " k"]]:
        """Light of pieces of `path` [m] over the angle to their direction, and its sum [photons].

        The cone is widened by `width` [rad], the rms by which the real direction departs from the one that is used, and
        by the dispersion of the medium, weighted with the probability that a wavelength is `detected`.
        """
        wavelength, weight = _wavelengths(medium, detected)
        index = medium.refractive_index(wavelength)
        cosine = 1.0 / (index * motion.beta[:, None])
        shining = jnp.maximum(1.0 - cosine**2, 0.0)
        low, high = band_energies(BAND)
        uniform = 1.0 / WAVELENGTHS
        own = FRANK_TAMM * (high - low) * (shining * uniform).sum(axis=1)
        share = shining * weight
        share = share / jnp.maximum(share.sum(axis=1, keepdims=True), 1e-9)
        angle = jnp.arctan2(safe_sqrt(1.0 - jnp.minimum(cosine, 1.0) ** 2), jnp.minimum(cosine, 1.0))
        edges = jnp.asarray(angle_edges())
        below = ndtr((edges[None, :, None] - angle[:, None, :]) / width[:, None, None])
        cumulative = (below * share[:, None, :]).sum(axis=-1)
        light = own[:, None] * jnp.diff(cumulative, axis=1) + motion.delta_light
        light = light * path[:, None]
        return RingPattern.of_bins(light, angle_edges()), light.sum(axis=1)


def _wavelengths(medium: Medium, detected: Spectrum) -> tuple[Array, Array]:
    """Wavelengths [nm] at even steps of photon energy, and how much each is detected."""
    low, high = band_energies(BAND)
    energies = low + (high - low) * (np.arange(WAVELENGTHS) + 0.5) / WAVELENGTHS
    wavelength = jnp.asarray(PLANCK_TIMES_C / energies)
    # light that has come some way is what matters for the angles
    return wavelength, detected(wavelength) * jnp.exp(-10.0 * medium.attenuation_rate(wavelength)) + 1e-9


def _hermite(values: Array, slopes: Array, cell: Array, t: Array) -> Array:
    """Cubic of values and slopes (per cell) at the place `t` within each cell."""
    before, after = values[cell], values[cell + 1]
    start, end = slopes[cell], slopes[cell + 1]
    left = (1 + 2 * t) * (1 - t) ** 2 * before + t * (1 - t) ** 2 * start
    return left + t**2 * (3 - 2 * t) * after + t**2 * (t - 1) * end


def load_muon_light() -> MuonLight:
    """The light of muons in water that ships with the package, in the precision that JAX works in."""
    return _load(jax.dtypes.canonicalize_dtype(float).name)


@lru_cache(maxsize=2)
def _load(precision: str) -> MuonLight:
    """As `load_muon_light`; tables read in one precision must not meet numbers of another."""
    path = str(files("lampyris.emission") / "tables" / "mu_delta_water.npz")
    with np.load(path, allow_pickle=False) as archive:
        if str(archive["format"]) != DELTA_FORMAT:
            raise LampyrisError(f"{path} is of the format {archive['format']}, not {DELTA_FORMAT}.")
        root, light = archive["root"].astype(np.float32), archive["light"].astype(np.float32)
    table = heavy_range_table(WATER)
    residual = np.linspace(np.sqrt(SHORTEST), np.sqrt(LONGEST), KNOTS) ** 2
    columns = _columns(table, residual)
    log_range = np.log(table.range(np.geomspace(*ENERGIES, KNOTS)))
    log_range = np.stack([log_range, np.gradient(log_range)], axis=1)
    with jax.ensure_compile_time_eval():  # it may first be asked for while a function is traced
        return MuonLight(
            jnp.asarray(log_range, float),
            jnp.asarray(columns, float),
            jnp.asarray(np.gradient(columns, axis=0), float),
            jnp.asarray(light, float),
            jnp.asarray(np.gradient(light, axis=0), float),
            (float(root[0]), float(root[1] - root[0])),
        )


def highland(depth: Array, power: Array) -> Array:
    """Variance of the angle in a plane [rad^2] behind a whole path of summed depth and power.

    **Reference**: Highland, Nucl. Instrum. Meth. 129 (1975) 497; Lynch, Dahl, Nucl. Instrum. Meth. B 58 (1991) 6.
    """
    log = jnp.log(jnp.maximum(depth, 3e-7))
    return jnp.maximum(1.0 + 0.038 * log, 0.0) ** 2 * jnp.maximum(power, 0.0)


def scattering_depth(energy: np.ndarray, path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two additive measures of pieces of a muon's `path` [m] at kinetic energies [MeV]: depth and power.

    Depth is path / (X0 beta^2), power is (13.6 MeV / (beta c p))^2 path / X0.
    """
    momentum_beta = energy * (energy + 2.0 * MUON_MASS) / (energy + MUON_MASS)
    thickness = path / WATER.radiation_length
    return thickness / (momentum_beta / (energy + MUON_MASS)), (HIGHLAND_ENERGY / momentum_beta) ** 2 * thickness


def _columns(table: RangeTable, residual: np.ndarray) -> np.ndarray:
    """Velocity, time to rest, depth and power of the scattering to come, at residual ranges [m]."""
    fine = np.linspace(0.0, np.sqrt(LONGEST), 20001)[1:] ** 2
    beta = beta_of(table.energy(fine), MUON_MASS)
    path = np.diff(fine, prepend=0.0)
    depth, power = scattering_depth(table.energy(fine - 0.5 * path), path)
    shines = fine > 0.5 * SHORTEST  # what scatters behind the last light does not matter
    sums = [np.cumsum(path / (beta * SPEED_OF_LIGHT)), np.cumsum(depth * shines), np.cumsum(power * shines)]
    return np.stack([np.interp(residual, fine, column) for column in (beta, *sums)], axis=1)
