"""The light of a track of which predictions are made: its profile in water, Cherenkov light and scintillation elsewhere."""

from abc import abstractmethod
from collections.abc import Iterator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from lampyris._checks import LampyrisError
from lampyris._math import turn
from lampyris.emission.mean_light import CHERENKOV_EDGES, mean_cherenkov, mean_scintillation
from lampyris.emission.pattern import RingPattern, UniformPattern
from lampyris.emission.profile import ProfileNodes
from lampyris.emission.step_table import MeanSteps, StepTable, load_step_table
from lampyris.emission.typical import typical_light
from lampyris.medium import Medium
from lampyris.rays import Rays
from lampyris.scintillation import Pulse, Scintillation
from lampyris.source._source import Emitters, Source
from lampyris.source.track import Track, draw_cells
from lampyris.spectrum import Spectrum

WAVELENGTHS = 32
"""Nodes of the emission spectrum: quantiles of equal light."""


class _Light(Track):
    """One kind of light of a track."""

    def event(self, medium: Medium, *, key: PRNGKeyArray, keep: Spectrum) -> Iterator[tuple[Rays, float]]:
        """Not given: the data of a particle are those of `Track`."""
        raise LampyrisError(f"`{type(self).__name__}` gives predictions; the event of a particle is that of `Track`.")

    def parts(self, medium: Medium) -> tuple[Source, ...]:
        return (self,)

    def suited(self, medium: Medium) -> Source:
        return self


class ProfileLight(_Light):
    """The mean light of a track in water, which is made once for all who ask for it.

    **Gradients**: as those of `Track`; a backward derivative goes through the profile once.
    """

    nodes: ProfileNodes | None = None

    @classmethod
    def of(cls, track: Track, medium: Medium) -> "ProfileLight":
        """The light of a track."""
        fields = (track.particle, track.energy, track.position, track.direction, track.time, track.profile_file)
        return cls(*fields, nodes=track._nodes(medium))

    def _nodes(self, medium: Medium) -> ProfileNodes:
        assert self.nodes is not None
        return self.nodes


class _Part(_Light):
    """One kind of light of a track in any matter, from the mean steps of the particle."""

    def _table(self, medium: Medium) -> StepTable:
        return load_step_table(self.particle, medium.material)

    def _steps(self, medium: Medium) -> MeanSteps:
        """The mean steps of the particle in the matter of the medium."""
        return self._table(medium).steps(self.energy)

    @abstractmethod
    def _bins(self, medium: Medium) -> Array:
        """The light in bins."""

    def _typical(self, medium: Medium) -> Array:
        def bins(energy: Array) -> Array:
            return eqx.tree_at(lambda part: part.energy, self, energy)._bins(medium)

        return typical_light(bins, self._table(medium).energy_range)


class CherenkovLight(_Part):
    """The mean Cherenkov light of a track in a medium of any refractive index.

    **Gradients**: right in energy, position, direction, time and, in total and opening angle, the refractive index.
    """

    def _nodes(self, medium: Medium) -> ProfileNodes:
        steps = self._steps(medium)
        light = mean_cherenkov(steps, medium)
        pattern = RingPattern.of_bins(light, CHERENKOV_EDGES)
        return ProfileNodes(steps.distance, steps.time, steps.time_rms, pattern, light)

    def _bins(self, medium: Medium) -> Array:
        return self._nodes(medium).light


class ScintillationLight(_Part):
    """The mean scintillation of a track: isotropic, from points along its initial direction.

    The sideways displacement of deposits is averaged away. **Gradients**: right in energy, position, direction, time,
    yield, quenching, emission spectrum and, through `pulse`, the emission times.
    """

    def pulse(self, medium: Medium) -> Pulse | None:
        return _scintillation(medium).pulse

    def _light(self, medium: Medium) -> tuple[MeanSteps, Float[Array, " nodes"]]:
        steps = self._steps(medium)
        return steps, mean_scintillation(steps, _scintillation(medium))

    def _bins(self, medium: Medium) -> Array:
        return self._light(medium)[1]

    def emitters(self, medium: Medium, detected: Spectrum) -> Emitters:
        """One point for each bin along the track."""
        steps, light = self._light(medium)
        wavelength = _scintillation(medium).emission.wavelength_at((jnp.arange(WAVELENGTHS) + 0.5) / WAVELENGTHS)
        position = self.position + steps.distance[:, None] * self.direction
        axis = jnp.broadcast_to(self.direction, position.shape)
        spectrum = jnp.full(WAVELENGTHS, 1.0 / WAVELENGTHS)
        return Emitters(
            position, axis, self.time + steps.time, steps.time_rms, UniformPattern(light), wavelength, spectrum
        )

    def emit(self, uniform: Float[Array, "n 4"], medium: Medium) -> Rays:
        """Rays from the points along the track; the points are drawn at fixed numbers and weighted to the true ones."""
        n, (steps, light) = uniform.shape[0], self._light(medium)
        node, weight = draw_cells(light, self._typical(medium), uniform[:, 0])
        axis = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), (n, 3))
        direction = turn(axis, 1.0 - 2.0 * uniform[:, 3], 2.0 * np.pi * uniform[:, 1])
        position = self.position + steps.distance[node][:, None] * self.direction
        wavelength = _scintillation(medium).emission.wavelength_at(uniform[:, 2])
        return Rays(position, direction, self.time + steps.time[node], wavelength, weight)


def _scintillation(medium: Medium) -> Scintillation:
    if medium.scintillation is None:
        raise LampyrisError("`ScintillationLight` needs a medium that scintillates.")
    return medium.scintillation
