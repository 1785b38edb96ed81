"""The default transport of predictions: direct light integrated, indirect light from few rays on a smooth basis."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.detector import Detector
from lampyris.source import Emitters, Source
from lampyris.transport.direct import DistanceTable, direct_light
from lampyris.transport.expectation import Expectation, ExponentialGaussian, GaussianMixture, Uniform
from lampyris.transport.indirect import IndirectLight, Reference, indirect_at_sensors, trace

CHUNK = 512
"""Rays that are worked on together: what belongs to them stays in the cache, with all its derivatives."""


class Hybrid(eqx.Module):
    """Expected charge and arrival times of every sensor.

    Direct light has no noise. Indirect light comes from `rays` rays (rounded up to chunks of 512) with fixed random
    numbers (`seed`), carried for `steps` steps and projected on polynomials of `degree` on the faces of the wall; the
    shape of its times uses those up to `time_degree`. What is still on its way after the last step is lost to the
    prediction: `left_over` tells it.

    **Gradients**: right and smooth in source and medium, in the efficiencies and the reflectances; sensor positions move
    direct light right, while their coverage enters indirect light as a mean over each face.
    """

    emission_numbers: Float[Array, "rays 4"]
    step_numbers: Float[Array, "steps 7 rays"]
    degree: int = eqx.field(static=True)
    time_degree: int = eqx.field(static=True)

    def __init__(self, rays: int = 4096, steps: int = 6, degree: int = 6, time_degree: int = 4, seed: int = 0):
        rays = -(-rays // CHUNK) * CHUNK
        draw = np.random.default_rng(seed)
        self.emission_numbers = jnp.asarray(_evenly_spread(rays, draw.random(4)), float)
        self.step_numbers = jnp.asarray(draw.random((steps, 7, rays)), float)
        self.degree, self.time_degree = degree, min(time_degree, degree)

    def __call__(self, source: Source, detector: Detector) -> Expectation:
        """Expectation of one source; may be traced."""
        sensors = detector.sensors
        dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
        return Expectation(self.direct(source, detector), self.indirect(source, detector), dark, sensors.time_offset)

    def direct(self, source: Source, detector: Detector) -> GaussianMixture:
        """The direct light alone."""
        emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
        table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
        return direct_light(emitters, detector, table)

    def indirect(self, source: Source, detector: Detector) -> ExponentialGaussian:
        """The indirect light alone."""
        light, reference, _ = self._traced(source, detector)
        return indirect_at_sensors(light, detector, reference, degree=self.degree, time_degree=self.time_degree)

    def left_over(self, source: Source, detector: Detector) -> Float[Array, ""]:
        """Share of the emitted light that is still on its way after the last step."""
        light, _, emitted = self._traced(source, detector)
        return light.cut_off / emitted

    def _traced(self, source: Source, detector: Detector) -> tuple[IndirectLight, Reference, Array]:
        """Light on the wall, what its delays count from, and the emitted photons."""
        emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
        table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
        reference = _reference(emitters, detector, table)
        chunks = self.emission_numbers.shape[0] // CHUNK

        def part(numbers: tuple[Array, Array]) -> tuple[IndirectLight, Array]:
            rays = source.emit(numbers[0], detector.medium)
            light = trace(rays, detector, reference, uniform=numbers[1], degree=self.degree)
            return light, rays.weight.sum()

        emission = self.emission_numbers.reshape(chunks, CHUNK, -1)
        steps = self.step_numbers.reshape(*self.step_numbers.shape[:2], chunks, CHUNK)
        parts = jax.lax.map(part, (emission, jnp.moveaxis(steps, 2, 0)))
        light, emitted = jax.tree.map(lambda column: column.mean(axis=0), parts)
        return light, reference, emitted


def _reference(emitters: Emitters, detector: Detector, table: DistanceTable) -> Reference:
    """Mean place and time of the points of the source, with the group index of its detected light."""
    place = jax.lax.stop_gradient(emitters.position.mean(axis=0))
    return Reference(place, emitters.time.mean(), detector.medium.group_index(table.wavelength))


def _evenly_spread(count: int, shift: np.ndarray) -> np.ndarray:
    """Points of the four-dimensional additive-recurrence lattice, shifted at random.

    **Reference**: Roberts 2018, the generalised golden ratio; random shift after Cranley and Patterson (1976).
    """
    golden = 1.1673039782614187  # the real root of x^5 = x + 1
    steps = golden ** -np.arange(1.0, 5.0)
    return (shift + np.arange(count)[:, None] * steps) % 1.0
