"""The default transport of predictions: direct light integrated, indirect light from few rays on a smooth basis."""

import equinox as eqx
import jax
import jax.numpy as jnp

from lampyris.detector import Detector
from lampyris.source import Emitters, Source
from lampyris.transport.direct import DistanceTable, direct_light
from lampyris.transport.expectation import Expectation, Uniform
from lampyris.transport.indirect import Reference, indirect_at_sensors, trace


class Hybrid(eqx.Module):
    """Expected charge and arrival times of every sensor.

    Direct light has no noise. Indirect light comes from `rays` rays with fixed random numbers (`seed`), carried for
    `steps` steps and projected on polynomials of `degree` on the faces of the wall; its share and its steps beyond the
    last are small in dark detectors, and the light left over is in `Hybrid.indirect(...).cut_off`.

    **Gradients**: right and smooth in source and medium, in the efficiencies and the reflectances; sensor positions move
    direct light right, their local coverage is a mean over each face.
    """

    rays: int = eqx.field(static=True, default=8192)
    steps: int = eqx.field(static=True, default=8)
    degree: int = eqx.field(static=True, default=8)
    time_degree: int = eqx.field(static=True, default=4)
    seed: int = eqx.field(static=True, default=0)

    def __call__(self, source: Source, detector: Detector) -> Expectation:
        """Expectation of one source."""
        source.check_inside(detector.shape)
        return self.expectation(source, detector)

    def expectation(self, source: Source, detector: Detector) -> Expectation:
        """The same, unchecked: for use inside traced functions."""
        emitters = source.emitters(detector.medium)
        reference = _reference(emitters, detector)
        emit_key, trace_key = jax.random.split(jax.random.key(self.seed))
        rays = source.emit(self.rays, detector.medium, key=emit_key)
        light = trace(rays, detector, reference, key=trace_key, steps=self.steps, degree=self.degree)
        indirect = indirect_at_sensors(
            light, detector, reference, degree=self.degree, time_degree=min(self.time_degree, self.degree)
        )
        sensors = detector.sensors
        dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
        return Expectation(direct_light(emitters, detector), indirect, dark, sensors.time_offset)


def _reference(emitters: Emitters, detector: Detector) -> Reference:
    """Mean place and time of the points of the source, with the group index of its detected light."""
    table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
    return Reference(
        jax.lax.stop_gradient(emitters.position.mean(axis=0)), emitters.time.mean(), detector.medium.group_index(table.wavelength)
    )
