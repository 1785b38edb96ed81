"""Direct light at given times, with its derivatives in many parameters of the source at little cost.

What a sensor sees of a point depends on the point's place, axis and time through a few numbers of the pair. They are
differentiated, pair by pair; the chain rule to any number of parameters is then one product of matrices. So a track with
dozens of latent numbers costs little more than one with seven.

The work goes in three rounds over the channels, each a loop of its own whose results are kept: a compiler that sees them
as one repeats the first within the last. The first looks up the pattern of the light, which is slow, and knows it from then on
by the tangent at what each sensor covers.
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
from lampyris.transport.direct import (
    CHUNK,
    DistanceTable,
    View,
    chunks_of,
    covering,
    delays,
    look,
    solid_angles,
    transmission,
)

ROUND = 4
"""Chunks of channels in a round: what it keeps stays in the cache, and is no memory that a system has to find anew."""


class Motion(NamedTuple):
    """Derivatives of the emitters in p parameters; `pattern` in those alone that `shaping` numbers."""

    position: Float[Array, "p k 3"]
    axis: Float[Array, "p k 3"]
    time: Float[Array, "p k"]
    time_rms: Float[Array, "p k"]
    pattern: Pattern
    shaping: tuple[int, ...]

    def columns(self) -> Float[Array, "k8 p"]:
        """The derivatives of all but the pattern as one matrix, in the order of `_columns`."""
        parts = [*jnp.moveaxis(self.position, -1, 0), *jnp.moveaxis(self.axis, -1, 0), self.time, self.time_rms]
        return jnp.concatenate(parts, axis=1).T


class DirectRows(NamedTuple):
    """Direct light of every channel at its time."""

    rows: Float[Array, "channels 4"]
    """expected photoelectrons, their density at the time of the channel [pe/ns], their number before it, and the sum of
    their times after it [pe ns]"""
    slopes: Float[Array, "channels 4 p"]
    """derivatives of `rows` in the parameters"""
    variance: Float[Array, " channels"]
    """variance of the times [ns^2]"""


class _Shine(NamedTuple):
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


class _Pairs(NamedTuple):
    """Numbers of every pair (s, k): light, its derivatives in the view, its time, and the derivatives of that."""

    light: Array
    share: Array
    """of it in the photons per steradian that come: solid angle times transmission"""
    by_view: View
    late: Array
    """time of arrival after the time of the channel [ns]"""
    rms: Array
    """[ns]"""
    late_by_distance: Array
    late_by_incidence: Array
    rms_by_distance: Array
    rms_by_incidence: Array


def motion_of(emitters: Callable[[Array], Emitters], start: Array, shaping: tuple[int, ...]) -> tuple[Emitters, Motion]:
    """The emitters of parameters, and their derivatives; only the parameters `shaping` change the pattern."""
    value, push = jax.linearize(emitters, start)
    unit = jnp.eye(start.shape[0])

    def moves(direction: Array) -> tuple[Array, Array, Array, Array]:
        pushed = push(direction)
        return pushed.position, pushed.axis, pushed.time, pushed.time_rms

    pattern = jax.vmap(lambda direction: push(direction).pattern)(unit[jnp.asarray(shaping)])
    return value, Motion(*jax.vmap(moves)(unit), pattern, shaping)


def rows_and_slopes(
    emitters: Emitters, motion: Motion, sensors: Sensors, table: DistanceTable, time: Float[Array, " s"], blur: Array
) -> DirectRows:
    """Direct light of all sensors with its derivatives at a `time` [ns] of each; `blur` [ns] widens all times.

    **Gradients**: these are them; they are right in all parameters of the source.
    """
    count = sensors.count
    columns, local = motion.columns(), time - sensors.time_offset

    def paired(part: tuple[Array, _Shine]) -> _Pairs:
        channels, shine = part
        found = _pairs(emitters, sensors.take(channels), table, blur, shine)
        return found._replace(late=found.late - local[channels, None])

    def chained(part: tuple[Array, _Pairs, list[Array]]) -> DirectRows:
        channels, pairs, changes = part
        few = sensors.take(channels)
        timing = _timing(pairs)
        slopes = (_columns(pairs, timing, emitters, few) @ columns).reshape(CHUNK, 4, -1)
        shaped = jnp.stack([((change * pairs.share)[:, None] * timing).sum(axis=-1) for change in changes], axis=-1)
        rows = (pairs.light[:, None] * timing).sum(axis=-1)
        fixed = few.time_spread**2 + blur**2
        variance = _variance(pairs, rows, fixed) + fixed
        return DirectRows(rows, slopes.at[..., jnp.asarray(motion.shaping)].add(shaped), variance)

    def rounds(index: Array) -> DirectRows:
        shine = jax.lax.map(lambda channels: _shine(emitters, motion, sensors.take(channels)), index)
        pairs = jax.lax.map(paired, (index, shine))
        return jax.lax.map(chained, (index, pairs, shine.changes))

    index = chunks_of(count, ROUND * CHUNK).reshape(-1, ROUND, CHUNK)
    return jax.tree.map(lambda few: few.reshape(index.size, *few.shape[3:])[:count], jax.lax.map(rounds, index))


def _shine(emitters: Emitters, motion: Motion, sensors: Sensors) -> _Shine:
    """The first round: the pattern at what each sensor covers."""
    view, _ = look(emitters.position, emitters.axis, sensors)
    covered = covering(view, sensors.radius, solid_angles(view, sensors.radius))
    mean = emitters.pattern.mean_intensity
    by_covered = Covered(*(_slope(mean, covered, name) for name in Covered._fields))

    def change(number: int) -> Array:
        pushed = jax.tree.map(lambda leaf: leaf[number], motion.pattern)
        return jax.jvp(lambda pattern: pattern.mean_intensity(covered), (emitters.pattern,), (pushed,))[1]

    return _Shine(mean(covered), by_covered, [change(number) for number in range(len(motion.shaping))])


def _pairs(emitters: Emitters, sensors: Sensors, table: DistanceTable, blur: Array, shine: _Shine) -> _Pairs:
    """The second round: light and times with their derivatives in the view."""
    view, _ = look(emitters.position, emitters.axis, sensors)
    middle = covering(view, sensors.radius, solid_angles(view, sensors.radius))

    def share(seen: View) -> Array:
        return solid_angles(seen, sensors.radius) * transmission(seen, sensors, table)

    def light(seen: View) -> Array:
        covered = solid_angles(seen, sensors.radius)
        return shine.about(middle, covering(seen, sensors.radius, covered)) * share(seen)

    by_view = View(*(_slope(light, view, name) for name in View._fields))

    def delayed(seen: View) -> tuple[Array, Array]:
        return delays(seen, sensors, table)

    delay, variance = delayed(view)
    further, steeper = (_slope(delayed, view, name) for name in ("distance", "incidence"))
    rms = jnp.sqrt(sensors.time_spread[:, None] ** 2 + emitters.time_rms**2 + variance + blur**2)
    return _Pairs(
        shine.value * share(view),
        share(view),
        by_view,
        emitters.time + delay,
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


def _timing(pairs: _Pairs) -> Float[Array, "s 4 k"]:
    """What one photoelectron of each pair adds to the rows."""
    z = pairs.late / pairs.rms
    density = jnp.exp(-0.5 * z**2) / (pairs.rms * np.sqrt(2.0 * np.pi))
    return jnp.stack([jnp.ones_like(z), density, ndtr(-z), pairs.late], axis=1)


def _columns(pairs: _Pairs, timing: Array, emitters: Emitters, sensors: Sensors) -> Float[Array, "s4 k8"]:
    """Derivatives of the rows in place (3), axis (3), time and rms of each point."""
    view, way = look(emitters.position, emitters.axis, sensors)
    z, density = pairs.late / pairs.rms, timing[:, 1]
    none = jnp.zeros_like(z)
    by_time = pairs.light[:, None] * jnp.stack([none, -z / pairs.rms * density, -density, jnp.ones_like(z)], axis=1)
    by_rms = pairs.light[:, None] * jnp.stack([none, (z**2 - 1.0) / pairs.rms * density, z * density, none], axis=1)
    slope = pairs.by_view
    along_way = -slope.distance + (slope.along * view.along + slope.incidence * view.incidence) / view.distance
    along_axis, along_normal = -slope.along / view.distance, slope.incidence / view.distance
    steeper = by_rms * pairs.rms_by_incidence[:, None] + by_time * pairs.late_by_incidence[:, None]
    nearer = -(by_time * pairs.late_by_distance[:, None] + by_rms * pairs.rms_by_distance[:, None])
    columns = []
    for i in range(3):
        axis, normal = emitters.axis[:, i], sensors.normal[:, i : i + 1]
        moved = along_way * way[..., i] + along_axis * axis + along_normal * normal
        tilted = (view.incidence * way[..., i] + normal) / view.distance
        columns.append(timing * moved[:, None] + nearer * way[:, None, :, i] + steeper * tilted[:, None])
    for i in range(3):
        turned = slope.along * way[..., i] + slope.lean * sensors.normal[:, i : i + 1]
        columns.append(timing * turned[:, None])
    columns += [by_time, by_rms * (emitters.time_rms / pairs.rms)[:, None]]
    return jnp.concatenate(columns, axis=-1).reshape(4 * len(z), -1)


def _variance(pairs: _Pairs, rows: Array, fixed: Float[Array, " s"]) -> Array:
    """Variance of the times that the points of the source give each channel beyond the `fixed` one [ns^2]."""
    total = jnp.maximum(rows[:, 0], 1e-20)
    mean = rows[:, 3] / total
    spread = (pairs.late - mean[:, None]) ** 2 + pairs.rms**2 - fixed[:, None]
    return (pairs.light * spread).sum(axis=1) / total
