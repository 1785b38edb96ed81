"""The track of a particle: what reconstruction looks for."""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._checks import LampyrisError, is_concrete
from lampyris._math import turn
from lampyris._module import as_array, positive, quantity, real, unit_vector
from lampyris.emission.cherenkov import BAND, band_energies, sine_squared
from lampyris.emission.profile import ProfileNodes, TrackProfile, check_plain_water
from lampyris.emission.profile_file import load_profile, load_typical
from lampyris.medium import Medium
from lampyris.particle import check_particle, simulate_particle
from lampyris.particle.material import WATER
from lampyris.rays import Rays
from lampyris.source._source import Emitters, Source
from lampyris.source.step_light import StepLight
from lampyris.spectrum import Spectrum
from lampyris.units import PLANCK_TIMES_C


class Track(Source):
    """A particle with kinetic energy, vertex, initial direction and time.

    Data (`event`) come from one simulated particle with its own scattering and delta electrons; predictions
    (`emit`, `emitters`) from the averaged profile of many, in the range of energies of that profile. In matter other than
    water, and where the medium scintillates, predictions are made of the `parts` of the light. **Gradients** of
    predictions: right in energy, position, direction and time.
    """

    particle: str = eqx.field(static=True)
    energy: Float[Array, ""] = quantity("kinetic energy", "MeV", positive, converter=as_array)
    position: Float[Array, "3"] = quantity("vertex", "m", real, (3,), converter=as_array)
    direction: Float[Array, "3"] = quantity("initial direction", "", unit_vector, (3,), converter=as_array)
    time: Float[Array, ""] = quantity("time at the vertex", "ns", real, default=0.0, converter=as_array)
    profile_file: str | None = eqx.field(static=True, default=None)
    """file of an own profile, made by `lampyris train`; without one, that of the package"""

    def __check_init__(self):
        if is_concrete(self.energy):
            check_particle(self.particle, float(self.energy), "Track(energy=...)")

    @property
    def profile(self) -> TrackProfile:
        """The averaged profile of this particle."""
        return load_profile(self.particle, self.profile_file)

    def event(self, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """Photons of one simulated particle."""
        particle_key, photon_key = jax.random.split(key)
        steps = simulate_particle(self.particle, float(self.energy), key=particle_key, material=medium.material)
        light = StepLight(steps, self.position, self.direction, self.time)
        yield from light.event(medium, key=photon_key, keep=keep)

    def parts(self, medium: Medium) -> tuple[Source, ...]:
        """The light of its profile in water; elsewhere Cherenkov light from mean steps, and scintillation if there is any."""
        from lampyris.source.track_light import CherenkovLight, ProfileLight, ScintillationLight  # tracks themselves

        if medium.scintillation is None and medium.material == WATER:
            return (ProfileLight.of(self, medium),)
        if self.profile_file is not None:
            check_plain_water("`Track(profile_file=...)`", medium)
        fields = (self.particle, self.energy, self.position, self.direction, self.time)
        light = CherenkovLight(*fields)
        return (light,) if medium.scintillation is None else (light, ScintillationLight(*fields))

    def suited(self, medium: Medium) -> Source:
        """In water the profile, if it was made for this index and reaches the energy; elsewhere mean steps do."""
        if medium.scintillation is not None or medium.material != WATER:
            return self
        self.profile.check_energy("Track(energy=...)", self.energy)
        if self.profile_file is None and not self.profile.holds_in(medium):
            from lampyris.source.track_light import CherenkovLight

            return CherenkovLight(self.particle, self.energy, self.position, self.direction, self.time)
        self.profile.check_medium(medium)
        return self

    def _nodes(self, medium: Medium) -> ProfileNodes:
        """The Cherenkov light on quadrature nodes."""
        if medium.scintillation is not None:
            raise LampyrisError(
                f"`{type(self).__name__}` gives Cherenkov light alone, but this medium scintillates: "
                "take the `parts` of a `Track`, as `expect` does."
            )
        self.profile.check_medium(medium)
        return self.profile.nodes(self.energy)

    def _typical(self, medium: Medium) -> Array:
        """`typical_light` in the bins of `_nodes`, by which the bins of rays are drawn."""
        return jnp.asarray(load_typical(self.particle, self.profile_file))

    def emitters(self, medium: Medium, detected: Spectrum) -> Emitters:
        """One point for each bin of the profile."""
        nodes = self._nodes(medium)
        wavelength, spectrum = cherenkov_spectrum(medium)
        position = self.position + nodes.distance[:, None] * self.direction
        axis = jnp.broadcast_to(self.direction, position.shape)
        return Emitters(position, axis, self.time + nodes.time, nodes.time_rms, nodes.pattern, wavelength, spectrum)

    def emit(self, uniform: Float[Array, "n 4"], medium: Medium) -> Rays:
        """Rays from the averaged profile.

        Their bins are drawn from the mean over all energies and weighted to the one that is asked for, so the same rays
        carry the light of every energy and nothing jumps along it.
        **Gradients**: right; moving the rays with position and direction, reweighting them with energy.
        """
        nodes = self._nodes(medium)
        n = uniform.shape[0]
        cell, weight = draw_cells(nodes.light.ravel(), self._typical(medium).ravel(), uniform[:, 0])
        node, angle = jnp.divmod(cell, nodes.light.shape[1])
        chance = uniform[:, 3]
        edges = jnp.asarray(np.cos(nodes.pattern.edges))
        cosine = edges[angle] + chance * (edges[angle + 1] - edges[angle])
        axis = jnp.broadcast_to(self.direction, (n, 3))
        direction = turn(axis, cosine, 2.0 * jnp.pi * uniform[:, 1])
        position = self.position + nodes.distance[node][:, None] * self.direction
        wavelength = _draw_wavelength(medium, uniform[:, 2])
        return Rays(position, direction, self.time + nodes.time[node], wavelength, weight)


def draw_cells(light: Float[Array, " cells"], typical: Array, uniform: Float[Array, " n"]) -> tuple[Array, Array]:
    """Cells drawn in proportion to `typical`, evenly spread, and the light that each draw stands for; all of it, added up."""
    count, typical = uniform.shape[0], jax.lax.stop_gradient(typical)
    cumulative = jnp.cumsum(typical)
    target = (jnp.arange(count) + uniform) / count * cumulative[-1]
    cell = jnp.clip(jnp.searchsorted(cumulative, target), 0, light.size - 1)
    # rounding in the cumulative light can end in a cell without any
    share = typical[cell]
    weight = jnp.where(share > 0, light[cell] / jnp.where(share > 0, share, 1.0), 0.0)
    return cell, weight * light.sum() / jnp.maximum(weight.sum(), 1e-30)


def cherenkov_spectrum(medium: Medium, count: int = 32) -> tuple[Array, Array]:
    """Wavelengths [nm] and shares of the Cherenkov light of a fast particle on `count` Gauss nodes."""
    low, high = band_energies(BAND)
    nodes, weights = np.polynomial.legendre.leggauss(count)
    wavelength = PLANCK_TIMES_C / jnp.asarray(0.5 * (high + low) + 0.5 * (high - low) * nodes)
    share = jnp.asarray(weights) * sine_squared(medium.refractive_index(wavelength), jnp.ones(count))
    return wavelength, share / share.sum()


def _draw_wavelength(medium: Medium, uniform: Array) -> Array:
    """Wavelengths of the Cherenkov light of a fast particle."""
    low, high = band_energies(BAND)
    energy = jnp.linspace(low, high, 129)
    density = sine_squared(medium.refractive_index(PLANCK_TIMES_C / energy), jnp.ones(129))
    cumulative = jnp.concatenate([jnp.zeros(1), jnp.cumsum(0.5 * (density[1:] + density[:-1]))])
    cumulative = jax.lax.stop_gradient(cumulative / cumulative[-1])
    return PLANCK_TIMES_C / jnp.interp(uniform, cumulative, energy)
