"""The averaged light of a track: photons over distance along the track and angle to its initial direction."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError, fail, is_concrete
from lampyris._host import on_host
from lampyris._module import Module, as_array, quantity
from lampyris.emission.angles import angle_edges
from lampyris.emission.cherenkov import BAND
from lampyris.emission.light_shape import LightShape
from lampyris.emission.pattern import RingPattern
from lampyris.emission.smooth import SmoothCurve
from lampyris.medium import Medium
from lampyris.particle.material import WATER
from lampyris.units import SPEED_OF_LIGHT

INDEX_TOLERANCE = 0.002


class ProfileNodes(eqx.Module):
    """The light of one track on its quadrature nodes; `nodes` is the number of bins along the track."""

    distance: Float[Array, " nodes"]
    """middle of each bin, distance from the vertex along the initial direction [m]"""
    time: Float[Array, " nodes"]
    """mean emission time after the start [ns]"""
    time_rms: Float[Array, " nodes"]
    """spread of the emission time in the bin, over events and tracks [ns]"""
    pattern: RingPattern
    """photons of each bin over the angle to the initial direction"""
    light: Float[Array, "nodes angles"]
    """photons in each bin of `angle_edges`"""


class TrackProfile(Module):
    """Mean light of a particle's track, smooth in energy, learnt from many simulated particles.

    Distances are measured in units of a smooth function of energy, so profiles of all energies are alike; what
    changes, a network of sines has learnt. The sideways displacement of the bent track is averaged away.

    **Gradients**: right with respect to the energy, and smooth to all orders.
    """

    shape: LightShape
    photons: SmoothCurve
    """mean number of photons in the band against the kinetic energy [MeV]"""
    photons_rms: SmoothCurve
    """rms of the number of photons from event to event"""
    length: SmoothCurve
    """twice the median emission distance [m]"""
    distance: SmoothCurve
    """mean emission distance [m]"""
    distance_rms: SmoothCurve
    """rms from event to event of the mean emission distance of an event [m]"""
    edges: Float[Array, " edges"] = quantity(
        "edges of the bins along the track in units of the length", "", shape=("edges",), converter=as_array
    )
    index_table: Float[Array, "2 knots"] = quantity(
        "wavelength [nm] and refractive index", "", shape=(2, "knots"), converter=as_array
    )
    particle: str = eqx.field(static=True)
    provenance: str = eqx.field(static=True)
    """command, seed and version of the program that made it"""

    @property
    def energy_range(self) -> tuple[float, float]:
        """Lowest and highest kinetic energy [MeV]."""
        return self.photons.band

    def nodes(self, energy: Float[Array, ""]) -> ProfileNodes:
        """The light of a track of this kinetic energy [MeV] on quadrature nodes."""
        x, count = self.photons.scaled(energy), self.edges.shape[0] - 1
        light = self.shape.bins(x, count)
        light = light * (self.photons(energy) / light.sum())
        length = self.length(energy)
        distance = 0.5 * (self.edges[1:] + self.edges[:-1]) * length
        delay, rms = self.shape.delays(x, jnp.linspace(-1.0, 1.0, count))
        # light of a bin comes from its whole width: a uniform spread in distance is one in time too
        width = length * (self.edges[1:] - self.edges[:-1]) / SPEED_OF_LIGHT
        rms = jnp.sqrt(rms**2 + width**2 / 12.0)
        time = distance / SPEED_OF_LIGHT + delay
        return ProfileNodes(distance, time, rms, RingPattern.of_bins(light, angle_edges()), light)

    def check_energy(self, where: str, energy) -> None:
        """Raise `LampyrisError` if a concrete energy lies outside the range of the profile."""
        low, high = self.energy_range
        if is_concrete(energy) and not np.all((np.asarray(energy) >= low) & (np.asarray(energy) <= high)):
            fail(where, f"between {low:g} and {high:g} (the range of the {self.particle} profile)", energy, "MeV")

    def holds_in(self, medium: Medium) -> bool:
        """Whether the refractive index is the one that the profile was made with; traced ones pass."""
        return self._index_error(medium) <= INDEX_TOLERANCE

    def _index_error(self, medium: Medium) -> float:
        """Largest difference of the refractive indices; 0 for one that is traced."""
        if not is_concrete(medium.refractive_index(jnp.asarray(400.0))):
            return 0.0
        found = on_host(medium.refractive_index, self.index_table[0])
        return float(np.abs(found - np.asarray(self.index_table[1])).max())

    def check_medium(self, medium: Medium) -> None:
        """Raise `LampyrisError` if the refractive index is not the one that the profile was made with."""
        off = self._index_error(medium)
        if off > INDEX_TOLERANCE:
            raise LampyrisError(
                f"The {self.particle} profile was made for the refractive index "
                f"{float(self.index_table[1].min()):.3f} .. {float(self.index_table[1].max()):.3f} "
                f"over {BAND[0]:.0f} .. {BAND[1]:.0f} nm; that of this medium must agree within {INDEX_TOLERANCE:g}, "
                f"but is off by {off:.4f}."
            )


def check_plain_water(what: str, medium: Medium) -> None:
    """Raise `LampyrisError` in media whose light is not that of profiles: not water as particles see it, or scintillating."""
    if medium.scintillation is not None or medium.material != WATER:
        kind = "scintillates" if medium.scintillation is not None else "is not water"
        raise LampyrisError(
            f"{what} is of Cherenkov light in water, but this medium {kind}: its light is predicted from mean steps "
            "of the particle, which need no profile."
        )
