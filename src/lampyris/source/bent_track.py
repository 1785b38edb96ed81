"""The track of one muon as it really went: bent by multiple scattering, a little longer or shorter than the mean."""

from typing import NamedTuple, NoReturn

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError
from lampyris._math import normalise
from lampyris._module import as_array, non_negative, positive, quantity, real, unit_vector
from lampyris.emission.muon_light import (
    LIGHT_WITH_RANGE,
    RANGE_STRAGGLING,
    SHORTEST,
    Motion,
    MuonLight,
    highland,
    load_muon_light,
)
from lampyris.emission.profile import TrackProfile
from lampyris.emission.profile_file import load_profile
from lampyris.medium import Medium
from lampyris.source._source import Emitters, Source
from lampyris.source.track import cherenkov_spectrum
from lampyris.spectrum import Spectrum
from lampyris.units import SPEED_OF_LIGHT

NODES = 32
"""Points of light along a track; a multiple of 8, as processors work on so many numbers at once."""
EDGES = 1.0 - np.linspace(1.0, 0.0, NODES + 1) ** 1.5
"""Shares of the shining length between which each point stands for a piece: shorter where the cone closes, near the end."""
JOINTS = (0.0, 0.03, 0.06, 0.1, 0.14, 0.19, 0.24, 0.3, 0.36, 0.43, 0.5, 0.58, 0.66, 0.74, 0.82, 0.91, 1.0)
"""Between which shares of its shining length the direction of a track turns evenly with the scattering depth."""
SHARPEST = 0.003
"""Least width of the Cherenkov cone beside dispersion [rad]: scattering between neighbouring steps."""


class Way(NamedTuple):
    """Points along a track."""

    step: Array
    """path of each piece [m]"""
    position: Array
    axis: Array
    width: Array
    """rms by which the direction departs from `axis` within a piece [rad]"""


class BentTrack(Source):
    """A muon with the latent numbers of its own event.

    `kinks` are the turns between `JOINTS`, vectors across the direction; `stretch` is the departure of the range from its
    mean. All are in units of their rms, so a random track has standard normal numbers in every direction across, and zeros
    make the straight track of mean range.
    The total light is that of the energy, and more for a longer range as the two go together; `width` does not change it.
    **Gradients**: right in all numbers.
    """

    particle: str = eqx.field(static=True)
    energy: Float[Array, ""] = quantity("kinetic energy", "MeV", positive, converter=as_array)
    position: Float[Array, "3"] = quantity("vertex", "m", real, (3,), converter=as_array)
    direction: Float[Array, "3"] = quantity("initial direction", "", unit_vector, (3,), converter=as_array)
    time: Float[Array, ""] = quantity("time at the vertex", "ns", real, converter=as_array)
    kinks: Float[Array, "joints 3"] = quantity(
        "turns, in units of their rms", "", real, (len(JOINTS) - 1, 3), converter=as_array
    )
    stretch: Float[Array, ""] = quantity("departure of the range, in units of its rms", "", real, converter=as_array)
    width: Float[Array, ""] = quantity(
        "rms by which the cone is widened", "rad", non_negative, (), 0.0, converter=as_array
    )

    @property
    def profile(self) -> TrackProfile:
        """The averaged profile of this particle: its yield and its range of energies."""
        return load_profile(self.particle)

    def photons(self) -> Float[Array, ""]:
        """Mean light of muons of the energy that go so far [photons]."""
        mean, rms = self.profile.photons(self.energy), self.profile.photons_rms(self.energy)
        return mean * jnp.exp(LIGHT_WITH_RANGE * rms / mean * self.stretch)

    def event(self, *arguments, **options) -> NoReturn:
        """Not given: the data of one particle are those of `Track`."""
        raise LampyrisError("`BentTrack` gives predictions, not data; the event of a particle is that of `Track`.")

    def emitters(self, medium: Medium, detected: Spectrum) -> Emitters:
        """One point for each piece of the track, with its own direction."""
        if medium.scintillation is not None:
            raise LampyrisError("`BentTrack` gives Cherenkov light alone, but this medium scintillates.")
        self.profile.check_medium(medium)
        light = load_muon_light()
        way, motion, left = self._way(light)
        pattern, total = light.pattern(motion, way.width, way.step, medium, detected)
        scale = self.photons() / total.sum()
        pattern = eqx.tree_at(lambda p: p.cubic, pattern, pattern.cubic * scale)
        wavelength, spectrum = cherenkov_spectrum(medium)
        time = self.time + left - motion.time_left
        # light of a piece comes from its whole length: a uniform spread in place is one in time too
        rms = way.step / (motion.beta * SPEED_OF_LIGHT * np.sqrt(12.0))
        return Emitters(way.position, way.axis, time, rms, pattern, wavelength, spectrum)

    def _way(self, light: MuonLight) -> tuple[Way, Motion, Array]:
        """Points of the bent track, the motion there, and the time from the start to the stop [ns]."""
        whole = light.range(self.energy) * (1.0 + RANGE_STRAGGLING * self.stretch)
        shining = whole - SHORTEST
        residual = whole - shining * 0.5 * (EDGES[1:] + EDGES[:-1])
        joints = whole - shining * np.asarray(JOINTS)
        motion, at_joints = light.at(residual), light.at(joints)
        start = at_joints.depth[0], at_joints.power[0]
        variance = highland(start[0] - motion.depth, start[1] - motion.power)
        knots = highland(start[0] - at_joints.depth, start[1] - at_joints.power)
        growth = jnp.diff(knots)
        turned = jnp.clip((variance[:, None] - knots[:-1]) / growth, 0.0, 1.0)
        axis = normalise(self.direction + turned @ (jnp.sqrt(growth)[:, None] * self.kinks))
        step = shining * np.diff(EDGES)
        way = step[:, None] * axis
        position = self.position + jnp.cumsum(way, axis=0) - 0.5 * way
        # a Brownian bridge between the joints: what the even turn leaves out
        width = jnp.sqrt(SHARPEST**2 + self.width**2 + (growth * turned * (1.0 - turned)).sum(axis=1))
        return Way(step, position, axis, width), motion, at_joints.time_left[0]
