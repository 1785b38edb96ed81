"""The shower of one electron, positron or gamma as it really went: earlier or later, longer or shorter, leaning."""

from typing import NoReturn

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError
from lampyris._math import normalise
from lampyris._module import as_array, positive, quantity, real, unit_vector
from lampyris.emission.angles import angle_edges
from lampyris.emission.pattern import RingPattern
from lampyris.emission.profile import TrackProfile
from lampyris.emission.profile_file import load_profile
from lampyris.emission.shower_light import DEPTHS, TURNS, load_shower_light
from lampyris.medium import Medium
from lampyris.source._source import Emitters, Source
from lampyris.source.track import cherenkov_spectrum
from lampyris.spectrum import Spectrum
from lampyris.units import SPEED_OF_LIGHT


class Shower(Source):
    """A shower with the latent numbers of its own event.

    `depths` say how the light of this shower lies along it, gap by gap from the vertex on. `turns` are vectors across the
    direction: how its axis leans away from the initial direction. All are standard normal numbers before any data are
    seen (the turns in every direction across); zeros make the typical shower, whose light is denser than the mean of many.
    Where the depths are known to no more than a covariance, `unknown`, each share of the light stands at its mean place.
    The total light is that of the energy: its fluctuation hardly depends on the others. **Gradients**: right in all
    numbers.
    """

    particle: str = eqx.field(static=True)
    energy: Float[Array, ""] = quantity("kinetic energy", "MeV", positive, converter=as_array)
    position: Float[Array, "3"] = quantity("vertex", "m", real, (3,), converter=as_array)
    direction: Float[Array, "3"] = quantity("initial direction", "", unit_vector, (3,), converter=as_array)
    time: Float[Array, ""] = quantity("time at the vertex", "ns", real, converter=as_array)
    depths: Float[Array, " depths"] = quantity(
        "gaps between its shares of light, in units of the rms of their logarithms",
        "",
        real,
        (DEPTHS,),
        converter=as_array,
    )
    turns: Float[Array, "turns 3"] = quantity(
        "leans of the axis, in units of their rms", "", real, (TURNS, 3), converter=as_array
    )

    unknown: Float[Array, "depths depths"] = quantity(
        "covariance of the depths", "", real, (DEPTHS, DEPTHS), ((0.0,) * DEPTHS,) * DEPTHS, converter=as_array
    )

    @property
    def profile(self) -> TrackProfile:
        """The averaged profile of this particle: its yield, its distance and its range of energies."""
        return load_profile(self.particle)

    def event(self, *arguments, **options) -> NoReturn:
        """Not given: the data of one particle are those of `Track`."""
        raise LampyrisError("`Shower` gives predictions, not data; the event of a particle is that of `Track`.")

    def emitters(self, medium: Medium, detected: Spectrum) -> Emitters:
        """One point for each share of the light, with its own direction."""
        if medium.scintillation is not None:
            raise LampyrisError("`Shower` gives Cherenkov light alone, but this medium scintillates.")
        profile = self.profile
        profile.check_medium(medium)
        form = load_shower_light(self.particle).at(profile.photons.scaled(self.energy), profile.distance(self.energy))
        distance = form.distance(self.depths, self.unknown)
        axis = normalise(self.direction + form.turns.T @ self.turns)
        position = self.position + distance[:, None] * self.direction + form.sideways.T @ self.turns
        # light of a share comes from all its length: a uniform spread in place is one in time too
        gaps = jnp.diff(distance)
        length = jnp.concatenate([gaps[:1], 0.5 * (gaps[1:] + gaps[:-1]), gaps[-1:]])
        rms = jnp.sqrt(form.delay_rms**2 + (length / SPEED_OF_LIGHT) ** 2 / 12.0)
        time = self.time + distance / SPEED_OF_LIGHT + form.delay
        pattern = RingPattern.of_bins(form.light * profile.photons(self.energy), np.asarray(angle_edges()))
        return Emitters(position, axis, time, rms, pattern, *cherenkov_spectrum(medium))
