"""The detector: the tree of every number that a calibration could fit."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError, fail, is_concrete
from lampyris._host import on_host
from lampyris._module import Module
from lampyris._stand import check_stand
from lampyris._svg import dots
from lampyris.describe import html_parameters, table
from lampyris.medium import Medium
from lampyris.sensors import Sensors
from lampyris.shape import Shape
from lampyris.surface import Surface


class Detector(Module):
    """A shape filled with a medium, its wall, and the sensors on it. Printing it lists every parameter."""

    shape: Shape
    medium: Medium
    wall: Surface
    sensors: Sensors
    name: str = eqx.field(static=True, default="detector")
    note: str = eqx.field(static=True, default="")

    def __check_init__(self):
        if not is_concrete(self.sensors.position) or not eqx.is_array(self.sensors.position):
            return
        check_stand(self.shape, self.sensors)
        spread = jnp.shape(self.sensors.transit_time_spread)
        if spread not in ((), (self.sensors.count,)):
            fail("Sensors(transit_time_spread=...)", f"one number or {self.sensors.count} of them", str(spread))
        window = np.asarray(self.sensors.window)
        if not window[1] > window[0]:
            raise LampyrisError(f"`Sensors(window=...)` must end after it starts, but is {window.tolist()} ns.")

    def photocoverage(self) -> Float[Array, ""]:
        """Share of the wall that the sensors cover."""
        return self.sensors.area.sum() / self.shape.area()

    def face_coverage(self) -> Float[Array, " faces"]:
        """Share of each face of the wall that the sensors cover."""
        areas = self.shape.face_areas()
        face = self.shape.face(self.sensors.position)
        return jnp.zeros(areas.shape[0]).at[face].add(self.sensors.area) / areas

    def __str__(self) -> str:
        lines = [self._head(), *([self.note] if self.note else []), table(self)]
        return "\n".join(lines)

    def _head(self) -> str:
        return f"{self.name}: {self.sensors.count} sensors, photocoverage {100 * float(self.photocoverage()):.2f} %"

    def _repr_html_(self) -> str:
        """A small map of the sensors and the table of parameters in notebooks."""
        flat = np.stack(on_host(self.shape.unroll, self.sensors.position), axis=-1)
        return dots(flat, "the sensors on the unrolled wall") + html_parameters(self, self._head(), self.note)
