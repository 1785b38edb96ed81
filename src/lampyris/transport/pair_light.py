"""Light, times, and their derivatives, of pairs of a sensor and a point of light.

The light of a pair depends on the point through the view alone: distance, angle to the axis, incidence, and lean. The pattern
is slow to look up, and known from then on by the tangent at what the sensor covers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from lampyris.emission.pattern import Covered, Pattern
from lampyris.sensors import Sensors
from lampyris.source import Emitters
from lampyris.transport.direct import DistanceTable, View, covering, delays, look, solid_angles, transmission


class Shine(NamedTuple):
    """Photons per steradian of every pair (s, k), and how they change."""

    value: Array
    by_covered: Covered
    """derivatives in what the sensor covers"""
    changes: list[Array]
    """derivatives in the parameters that shape the pattern"""

    def about(self, middle: Covered, covered: Covered) -> Array:
        """The tangent of the intensity at `middle`."""
        moved = jax.tree.map(lambda slope, one, two: slope * (two - one), self.by_covered, middle, covered)
        return self.value + sum(moved)


class Lit(NamedTuple):
    """Light of every pair (s, k), and its derivatives in the view."""

    light: Array
    share: Array
    """of it in the photons per steradian that come: solid angle times transmission"""
    by_view: View


class Times(NamedTuple):
    """Times of every pair (s, k), and their derivatives in the view."""

    late: Array
    """time of arrival after the time of the channel [ns]"""
    rms: Array
    """[ns]"""
    late_by_distance: Array
    late_by_incidence: Array
    rms_by_distance: Array
    rms_by_incidence: Array


def shine_of(pattern: Pattern, covered: Covered, looked_up: tuple[Any, list[Any]]) -> Shine:
    """The pattern at what each sensor covers, from what was looked up of it and of its changes."""
    found, changes = looked_up

    def mean(at: Covered) -> Array:
        return pattern.intensity(at, found)

    def change(of: Any) -> Array:
        return jax.jvp(lambda numbers: pattern.intensity(covered, numbers), (found,), (of,))[1]

    by_covered = Covered(*(_slope(mean, covered, name) for name in Covered._fields))
    return Shine(mean(covered), by_covered, [change(of) for of in changes])


def lit_of(emitters: Emitters, sensors: Sensors, table: DistanceTable, shine: Shine) -> Lit:
    """Light with its derivatives in the view."""
    view, _ = look(emitters.position, emitters.axis, sensors)
    middle = covering(view, sensors.radius, solid_angles(view, sensors.radius))

    def share(seen: View) -> Array:
        return solid_angles(seen, sensors.radius) * transmission(seen, sensors, table)

    def light(seen: View) -> Array:
        covered = solid_angles(seen, sensors.radius)
        return shine.about(middle, covering(seen, sensors.radius, covered)) * share(seen)

    by_view = View(*(_slope(light, view, name) for name in View._fields))
    return Lit(shine.value * share(view), share(view), by_view)


def times_of(
    emitters: Emitters, sensors: Sensors, table: DistanceTable, time: Float[Array, " s"], blur: Array
) -> Times:
    """Times after a `time` [ns] of each channel, with their derivatives in the view."""
    view, _ = look(emitters.position, emitters.axis, sensors)

    def delayed(seen: View) -> tuple[Array, Array]:
        return delays(seen, sensors, table)

    delay, variance = delayed(view)
    further, steeper = (_slope(delayed, view, name) for name in ("distance", "incidence"))
    rms = jnp.sqrt(sensors.time_spread[:, None] ** 2 + emitters.time_rms**2 + variance + blur**2)
    return Times(
        emitters.time + delay - time[:, None],
        rms,
        further[0],
        steeper[0],
        0.5 * further[1] / rms,
        0.5 * steeper[1] / rms,
    )


def _slope(of: Callable[[Any], Any], at: Any, name: str) -> Any:
    """Derivative in one field of a named tuple: of the others nothing is worked out."""
    one = getattr(at, name)
    return jax.jvp(lambda value: of(at._replace(**{name: value})), (one,), (jnp.ones_like(one),))[1]


def timing_of(times: Times) -> Float[Array, "s 4 k"]:
    """What one photoelectron of each pair adds to the rows."""
    z = times.late / times.rms
    density = jnp.exp(-0.5 * z**2) / (times.rms * np.sqrt(2.0 * np.pi))
    return jnp.stack([jnp.ones_like(z), density, ndtr(-z), times.late], axis=1)


def by_place(lit: Lit, view: View, way: Array, emitters: Emitters, sensors: Sensors) -> list[Array]:
    """Derivatives of the light of each pair in the place of its point."""
    slope = lit.by_view
    along_way = -slope.distance + (slope.along * view.along + slope.incidence * view.incidence) / view.distance
    along_axis, along_normal = -slope.along / view.distance, slope.incidence / view.distance
    return [
        along_way * way[..., i] + along_axis * emitters.axis[:, i] + along_normal * sensors.normal[:, i : i + 1]
        for i in range(3)
    ]


def by_axis(lit: Lit, way: Array, sensors: Sensors) -> list[Array]:
    """Derivatives of the light of each pair in the axis of its point."""
    slope = lit.by_view
    return [slope.along * way[..., i] + slope.lean * sensors.normal[:, i : i + 1] for i in range(3)]


def columns_of(lit: Lit, times: Times, timing: Array, emitters: Emitters, sensors: Sensors) -> Float[Array, "s4 k8"]:
    """Derivatives of the rows in place (3), axis (3), time and rms of each point."""
    view, way = look(emitters.position, emitters.axis, sensors)
    z, density, light = times.late / times.rms, timing[:, 1], lit.light[:, None]
    none = jnp.zeros_like(z)
    by_time = light * jnp.stack([none, -z / times.rms * density, -density, jnp.ones_like(z)], axis=1)
    by_rms = light * jnp.stack([none, (z**2 - 1.0) / times.rms * density, z * density, none], axis=1)
    steeper = by_rms * times.rms_by_incidence[:, None] + by_time * times.late_by_incidence[:, None]
    nearer = -(by_time * times.late_by_distance[:, None] + by_rms * times.rms_by_distance[:, None])
    columns = []
    for i, moved in enumerate(by_place(lit, view, way, emitters, sensors)):
        tilted = (view.incidence * way[..., i] + sensors.normal[:, i : i + 1]) / view.distance
        columns.append(timing * moved[:, None] + nearer * way[:, None, :, i] + steeper * tilted[:, None])
    columns += [timing * turned[:, None] for turned in by_axis(lit, way, sensors)]
    columns += [by_time, by_rms * (emitters.time_rms / times.rms)[:, None]]
    return jnp.concatenate(columns, axis=-1).reshape(4 * len(z), -1)


def variance_of(lit: Lit, times: Times, rows: Array, fixed: Float[Array, " s"]) -> Array:
    """Variance of the times that the points of the source give each channel beyond the `fixed` one [ns^2]."""
    total = jnp.maximum(rows[:, 0], 1e-20)
    mean = rows[:, 3] / total
    spread = (times.late - mean[:, None]) ** 2 + times.rms**2 - fixed[:, None]
    return (lit.light * spread).sum(axis=1) / total
