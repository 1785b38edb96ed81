"""The default transport of predictions: direct light integrated, indirect light from few rays on a smooth basis."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris.detector import Detector
from lampyris.source import Emitters, Source
from lampyris.transport.direct import DistanceTable, direct_light
from lampyris.transport.expectation import Expectation, Uniform
from lampyris.transport.indirect import Reference, indirect_at_sensors, trace


class Hybrid(eqx.Module):
    """Expected charge and arrival times of every sensor.

    Direct light has no noise. Indirect light comes from `rays` rays with fixed random numbers (from `seed`), carried for
    `steps` steps and projected on polynomials of `degree` on the faces of the wall; the shape of its times uses those
    up to `time_degree`. What is still on its way after the last step is lost to the prediction: `left_over` tells it.

    **Gradients**: right and smooth in source and medium, in the efficiencies and the reflectances; sensor positions move
    direct light right, while their coverage enters indirect light as a mean over each face.
    """

    emission_numbers: Float[Array, "rays 4"]
    step_numbers: Float[Array, "steps 7 rays"]
    degree: int = eqx.field(static=True)
    time_degree: int = eqx.field(static=True)

    def __init__(self, rays: int = 8192, steps: int = 8, degree: int = 8, time_degree: int = 4, seed: int = 0):
        draw = np.random.default_rng(seed)
        self.emission_numbers = jnp.asarray(_evenly_spread(rays, draw.random(4)), float)
        self.step_numbers = jnp.asarray(draw.random((steps, 7, rays)), float)
        self.degree, self.time_degree = degree, min(time_degree, degree)

    def __call__(self, source: Source, detector: Detector) -> Expectation:
        """Expectation of one source; may be traced."""
        emitters = source.emitters(detector.medium)
        table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
        reference = _reference(emitters, detector, table)
        rays = source.emit(self.emission_numbers, detector.medium)
        light = trace(rays, detector, reference, uniform=self.step_numbers, degree=self.degree)
        indirect = indirect_at_sensors(light, detector, reference, degree=self.degree, time_degree=self.time_degree)
        sensors = detector.sensors
        dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
        return Expectation(direct_light(emitters, detector, table), indirect, dark, sensors.time_offset)

    def left_over(self, source: Source, detector: Detector) -> Float[Array, ""]:
        """Share of the emitted light that is still on its way after the last step."""
        emitters = source.emitters(detector.medium)
        table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
        rays = source.emit(self.emission_numbers, detector.medium)
        reference = _reference(emitters, detector, table)
        light = trace(rays, detector, reference, uniform=self.step_numbers, degree=self.degree)
        return light.cut_off / rays.weight.sum()


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
