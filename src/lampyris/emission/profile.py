"""The averaged light of a track: photons over distance along the track and angle to its initial direction."""

from functools import lru_cache
from importlib.resources import files

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError, fail, fail_unknown, is_concrete
from lampyris._host import on_host
from lampyris._module import Module, as_array, quantity
from lampyris.emission.angles import angle_edges
from lampyris.emission.cherenkov import BAND
from lampyris.emission.pattern import RingPattern
from lampyris.medium import Medium
from lampyris.units import PLANCK_TIMES_C, SPEED_OF_LIGHT

FORMAT = "lampyris-profile-1"
REFERENCE_ENERGY = 600.0


class ProfileNodes(eqx.Module):
    """The light of one track on its quadrature nodes; `nodes` is the number of bins along the track."""

    distance: Float[Array, " nodes"]
    """mean distance from the vertex of the light of each bin, along the initial direction [m]"""
    time: Float[Array, " nodes"]
    """mean emission time after the start [ns]"""
    time_rms: Float[Array, " nodes"]
    """spread of the emission time in the bin, over events and tracks [ns]"""
    pattern: RingPattern
    """photons of each bin over the angle to the initial direction"""
    light: Float[Array, "nodes angles"]
    """photons in each bin of `angle_edges`"""


class TrackProfile(Module):
    """Mean light of a particle's track, smooth in energy, from many simulated particles.

    Distances scale with the mean emission distance, so profiles of neighbouring energies lie on each other; between
    them a cubic in log(energy) interpolates. The sideways displacement of the bent track is averaged away.

    **Gradients**: right with respect to the energy (continuous to first order).
    """

    log_energy: Float[Array, " energies"] = quantity(
        "log of the kinetic energies", "", shape=("energies",), converter=as_array
    )
    u: Float[Array, "energies nodes"] = quantity(
        "scaled distances", "", shape=("energies", "nodes"), converter=as_array
    )
    light: Float[Array, "energies nodes angles"] = quantity("share of the light", "", shape=None, converter=as_array)
    delay: Float[Array, "energies nodes"] = quantity(
        "delay behind light speed", "ns", shape=("energies", "nodes"), converter=as_array
    )
    delay_rms: Float[Array, "energies nodes"] = quantity(
        "rms of the delay", "ns", shape=("energies", "nodes"), converter=as_array
    )
    log_yield: Float[Array, " terms"] = quantity(
        "polynomial of the log yield", "", shape=("terms",), converter=as_array
    )
    log_length: Float[Array, " terms"] = quantity(
        "polynomial of the log length", "", shape=("terms",), converter=as_array
    )
    index_table: Float[Array, "2 knots"] = quantity(
        "wavelength [nm] and refractive index", "", shape=(2, "knots"), converter=as_array
    )
    particle: str = eqx.field(static=True, default="")
    provenance: str = eqx.field(static=True, default="")
    energy_range: tuple[float, float] = eqx.field(static=True, default=(0.0, 0.0))

    def photons(self, energy: Array) -> Array:
        """Mean number of photons in the band at the kinetic energy [MeV]."""
        return jnp.exp(jnp.polyval(self.log_yield, jnp.log(energy / REFERENCE_ENERGY)))

    def length(self, energy: Array) -> Array:
        """Twice the mean emission distance [m] at the kinetic energy [MeV]."""
        return jnp.exp(jnp.polyval(self.log_length, jnp.log(energy / REFERENCE_ENERGY)))

    def nodes(self, energy: Float[Array, ""]) -> ProfileNodes:
        """The light of a track of this kinetic energy [MeV] on quadrature nodes."""
        rows, weights = self._neighbours(jnp.log(energy))
        light = jnp.tensordot(weights, self.light[rows], 1)
        light = jnp.maximum(light, 0.0)
        light = light * (self.photons(energy) / light.sum())
        length = self.length(energy)
        distance = weights @ self.u[rows] * length
        delay = weights @ self.delay[rows]
        # light of a bin comes from its whole width: a uniform spread in distance is one in time too
        width = length * (self.u[0, 2] - self.u[0, 1]) / SPEED_OF_LIGHT
        rms = jnp.sqrt((weights @ self.delay_rms[rows]) ** 2 + width**2 / 12.0)
        time = distance / SPEED_OF_LIGHT + delay
        return ProfileNodes(distance, time, rms, RingPattern.of_bins(light, angle_edges()), light)

    def check_energy(self, where: str, energy) -> None:
        """Raise `LampyrisError` if a concrete energy lies outside the range of the profile."""
        low, high = self.energy_range
        if is_concrete(energy) and not np.all((np.asarray(energy) >= low) & (np.asarray(energy) <= high)):
            fail(where, f"between {low:g} and {high:g} (the range of the {self.particle} profile)", energy, "MeV")

    def check_medium(self, medium: Medium) -> None:
        """Raise `LampyrisError` if the refractive index is not the one that the profile was made with."""
        if not is_concrete(medium.refractive_index(jnp.asarray(400.0))):
            return
        off = np.abs(on_host(medium.refractive_index, self.index_table[0]) - np.asarray(self.index_table[1])).max()
        if off > 0.002:
            raise LampyrisError(
                f"The {self.particle} profile was made for the refractive index "
                f"{float(self.index_table[1].min()):.3f} .. {float(self.index_table[1].max()):.3f} "
                f"over {BAND[0]:.0f} .. {BAND[1]:.0f} nm; that of this medium must agree within 0.002, "
                f"but is off by {off:.4f}."
            )

    def _neighbours(self, x: Array) -> tuple[Array, Array]:
        """Rows of the four energies about `x` and their weights: the cubic of Catmull and Rom on uneven knots."""
        knots = self.log_energy
        last = knots.shape[0] - 1
        cell = jnp.clip(jnp.searchsorted(knots, x) - 1, 0, last - 1)
        rows = jnp.clip(cell + jnp.arange(-1, 3), 0, last)
        before, left, right, after = knots[rows]
        width = right - left
        t = (x - left) / width
        h00, h10 = (1 + 2 * t) * (1 - t) ** 2, t * (1 - t) ** 2 * width
        h01, h11 = t**2 * (3 - 2 * t), t**2 * (t - 1) * width
        at_left, at_right = h10 / (right - before), h11 / (after - left)
        return rows, jnp.stack([-at_left, h00 - at_right, h01 + at_left, at_right])


def profile_names() -> list[str]:
    """Particles whose profiles ship with the package."""
    tables = files("lampyris.emission") / "tables"
    names = [entry.name.removesuffix("_water.npz") for entry in tables.iterdir() if entry.name.endswith("_water.npz")]
    return sorted(name for name in names if "_" not in name)  # tables of other kinds have longer names


def load_profile(particle: str) -> TrackProfile:
    """The shipped profile of a particle in water, in the precision that JAX works in."""
    return _load(particle, jax.dtypes.canonicalize_dtype(float).name)


@lru_cache(maxsize=8)
def _load(particle: str, precision: str) -> TrackProfile:
    """As `load_profile`; a table read in one precision must not meet numbers of another."""
    if particle not in profile_names():
        fail_unknown("particle", particle, profile_names())
    with jax.ensure_compile_time_eval():  # it may first be asked for while a function is traced
        return read_profile(str(files("lampyris.emission") / "tables" / f"{particle}_water.npz"))


def read_profile(path: str) -> TrackProfile:
    """Read a profile from a file made by `tools/make_track_profile.py`."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            table = {name: archive[name] for name in archive.files}
        if str(table["format"]) != FORMAT:
            raise LampyrisError(f"{path} is of the format {table['format']}, not {FORMAT}.")
        light = table["light"].astype(np.float32)
        return TrackProfile(
            log_energy=np.log(table["energy"]),
            u=table["u"],
            light=light / light.sum(axis=(1, 2), keepdims=True),
            delay=table["delay"],
            delay_rms=table["delay_rms"],
            log_yield=table["log_yield"],
            log_length=table["log_length"],
            index_table=np.stack([PLANCK_TIMES_C / table["medium_energy"], table["medium_index"]]),
            particle=str(table["particle"]),
            provenance=str(table["provenance"]),
            energy_range=(float(table["energy"][0]), float(table["energy"][-1])),
        )
    except (OSError, KeyError, ValueError) as error:
        raise LampyrisError(f"{path} is not a track profile: {error}") from error
