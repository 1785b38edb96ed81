"""Direct light at given times, with its derivatives in many parameters of the source at little cost.

What a sensor sees of a point depends on the point's place, axis and time through a few numbers of the pair. They are
differentiated, pair by pair; the chain rule to any number of parameters is then one product of matrices. So a track with
dozens of latent numbers costs little more than one with seven.

The work goes in three rounds over the channels, each a loop of its own whose results are kept: a compiler that sees them
as one repeats the first within the last. The first looks up the pattern of the light, which is slow, and knows it from then on
by the tangent at what each sensor covers; it does so in three loops, as what is looked up, and where, would be worked out again
for every number made of it. Most channels of an event have no hit, and their times are not asked for: they come
last, and of them the charge alone is worked out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Bool, Float, Int

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


class _Lit(NamedTuple):
    """Light of every pair (s, k), and its derivatives in the view."""

    light: Array
    share: Array
    """of it in the photons per steradian that come: solid angle times transmission"""
    by_view: View


class _Pairs(NamedTuple):
    """Numbers of every pair (s, k): its light, its time, and the derivatives of that."""

    lit: _Lit
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
    emitters: Emitters,
    motion: Motion,
    sensors: Sensors,
    table: DistanceTable,
    time: Float[Array, " s"],
    blur: Array,
    timed: Bool[Array, " s"] | None = None,
) -> DirectRows:
    """Direct light of all sensors with its derivatives at a `time` [ns] of each; `blur` [ns] widens all times.

    Where `timed` is false, the charge and its derivatives are all that is worked out: the rest of their rows is 0.

    **Gradients**: these are them; they are right in all parameters of the source.
    """
    count = sensors.count
    work = _Work(emitters, motion, sensors, table, time - sensors.time_offset, blur)
    order, part = jnp.arange(count), work.whole
    if timed is not None:
        order = jnp.argsort(~timed)

        def part(index: Array) -> DirectRows:
            return jax.lax.cond(timed[index].any(), work.whole, work.charges, index)

    index = order[chunks_of(count, ROUND * CHUNK)].reshape(-1, ROUND, CHUNK)
    found = jax.tree.map(lambda few: few.reshape(index.size, *few.shape[3:])[:count], jax.lax.map(part, index))
    return found if timed is None else jax.tree.map(lambda column: column[jnp.argsort(order)], found)


class _Work(NamedTuple):
    """What is worked on, some rows of channels (rows, CHUNK) at a time."""

    emitters: Emitters
    motion: Motion
    sensors: Sensors
    table: DistanceTable
    time: Float[Array, " s"]
    """[ns] by the clocks of the channels"""
    blur: Array

    def whole(self, index: Int[Array, "rows chunk"]) -> DirectRows:
        """Charges and times."""
        shine = self._shine(index)
        pairs = jax.lax.map(self._paired, (index, shine))
        return jax.lax.map(self._chained, (index, pairs, shine.changes))

    def charges(self, index: Int[Array, "rows chunk"]) -> DirectRows:
        """Charges alone."""
        shine = self._shine(index)
        lit = jax.lax.map(self._lit, (index, shine))
        return jax.lax.map(self._charged, (index, lit, shine.changes))

    def _shine(self, index: Array) -> _Shine:
        pattern = self.emitters.pattern
        cells = jax.lax.map(lambda channels: pattern.cells(self._covered(channels)), index)
        found = jax.lax.map(lambda part: self._looked_up(part[1]), (index, cells))
        return jax.lax.map(lambda part: _shine(pattern, self._covered(part[0]), part[1]), (index, found))

    def _covered(self, channels: Array) -> Covered:
        """What sensors cover of the light of each point."""
        few = self.sensors.take(channels)
        view, _ = look(self.emitters.position, self.emitters.axis, few)
        return covering(view, few.radius, solid_angles(view, few.radius))

    def _looked_up(self, cells: Any) -> tuple[Any, list[Any]]:
        """What the pattern holds, and how that changes with each parameter that shapes it."""
        pattern, changes = self.emitters.pattern, []
        for number in range(len(self.motion.shaping)):
            pushed = jax.tree.map(lambda leaf: leaf[number], self.motion.pattern)  # noqa: B023
            changes.append(jax.jvp(lambda p: p.looked_up(cells), (pattern,), (pushed,))[1])
        return pattern.looked_up(cells), changes

    def _lit(self, part: tuple[Array, _Shine]) -> _Lit:
        channels, shine = part
        return _lit(self.emitters, self.sensors.take(channels), self.table, shine)

    def _paired(self, part: tuple[Array, _Shine]) -> _Pairs:
        channels, shine = part
        found = _pairs(self.emitters, self.sensors.take(channels), self.table, self.blur, shine)
        return found._replace(late=found.late - self.time[channels, None])

    def _chained(self, part: tuple[Array, _Pairs, list[Array]]) -> DirectRows:
        channels, pairs, changes = part
        few = self.sensors.take(channels)
        timing = _timing(pairs)
        slopes = (_columns(pairs, timing, self.emitters, few) @ self.motion.columns()).reshape(CHUNK, 4, -1)
        shaped = jnp.stack([((c * pairs.lit.share)[:, None] * timing).sum(axis=-1) for c in changes], axis=-1)
        rows = (pairs.lit.light[:, None] * timing).sum(axis=-1)
        fixed = self._fixed(few)
        variance = _variance(pairs, rows, fixed) + fixed
        return DirectRows(rows, slopes.at[..., jnp.asarray(self.motion.shaping)].add(shaped), variance)

    def _charged(self, part: tuple[Array, _Lit, list[Array]]) -> DirectRows:
        channels, lit, changes = part
        few = self.sensors.take(channels)
        view, way = look(self.emitters.position, self.emitters.axis, few)
        columns = jnp.concatenate([*_moved(lit, view, way, self.emitters, few), *_turned(lit, way, few)], axis=1)
        slopes = columns @ self.motion.columns()[: columns.shape[1]]
        shaped = jnp.stack([(change * lit.share).sum(axis=-1) for change in changes], axis=-1)
        slopes = slopes.at[:, jnp.asarray(self.motion.shaping)].add(shaped)
        charge = lit.light.sum(axis=-1)
        rows, whole = jnp.zeros((CHUNK, 4)), jnp.zeros((CHUNK, 4, slopes.shape[-1]))
        return DirectRows(rows.at[:, 0].set(charge), whole.at[:, 0].set(slopes), self._fixed(few))

    def _fixed(self, few: Sensors) -> Array:
        """Variance of the times that all light of a channel has [ns^2]."""
        return few.time_spread**2 + self.blur**2


def _shine(pattern: Pattern, covered: Covered, looked_up: tuple[Any, list[Any]]) -> _Shine:
    """The first round: the pattern at what each sensor covers."""
    found, changes = looked_up

    def mean(at: Covered) -> Array:
        return pattern.intensity(at, found)

    def change(of: Any) -> Array:
        return jax.jvp(lambda numbers: pattern.intensity(covered, numbers), (found,), (of,))[1]

    by_covered = Covered(*(_slope(mean, covered, name) for name in Covered._fields))
    return _Shine(mean(covered), by_covered, [change(of) for of in changes])


def _lit(emitters: Emitters, sensors: Sensors, table: DistanceTable, shine: _Shine) -> _Lit:
    """The second round: light with its derivatives in the view."""
    view, _ = look(emitters.position, emitters.axis, sensors)
    middle = covering(view, sensors.radius, solid_angles(view, sensors.radius))

    def share(seen: View) -> Array:
        return solid_angles(seen, sensors.radius) * transmission(seen, sensors, table)

    def light(seen: View) -> Array:
        covered = solid_angles(seen, sensors.radius)
        return shine.about(middle, covering(seen, sensors.radius, covered)) * share(seen)

    by_view = View(*(_slope(light, view, name) for name in View._fields))
    return _Lit(shine.value * share(view), share(view), by_view)


def _pairs(emitters: Emitters, sensors: Sensors, table: DistanceTable, blur: Array, shine: _Shine) -> _Pairs:
    """The same with times and their derivatives."""
    view, _ = look(emitters.position, emitters.axis, sensors)

    def delayed(seen: View) -> tuple[Array, Array]:
        return delays(seen, sensors, table)

    delay, variance = delayed(view)
    further, steeper = (_slope(delayed, view, name) for name in ("distance", "incidence"))
    rms = jnp.sqrt(sensors.time_spread[:, None] ** 2 + emitters.time_rms**2 + variance + blur**2)
    return _Pairs(
        _lit(emitters, sensors, table, shine),
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


def _moved(lit: _Lit, view: View, way: Array, emitters: Emitters, sensors: Sensors) -> list[Array]:
    """Derivatives of the light of each pair in the place of its point."""
    slope = lit.by_view
    along_way = -slope.distance + (slope.along * view.along + slope.incidence * view.incidence) / view.distance
    along_axis, along_normal = -slope.along / view.distance, slope.incidence / view.distance
    return [
        along_way * way[..., i] + along_axis * emitters.axis[:, i] + along_normal * sensors.normal[:, i : i + 1]
        for i in range(3)
    ]


def _turned(lit: _Lit, way: Array, sensors: Sensors) -> list[Array]:
    """Derivatives of the light of each pair in the axis of its point."""
    slope = lit.by_view
    return [slope.along * way[..., i] + slope.lean * sensors.normal[:, i : i + 1] for i in range(3)]


def _columns(pairs: _Pairs, timing: Array, emitters: Emitters, sensors: Sensors) -> Float[Array, "s4 k8"]:
    """Derivatives of the rows in place (3), axis (3), time and rms of each point."""
    view, way = look(emitters.position, emitters.axis, sensors)
    z, density, light = pairs.late / pairs.rms, timing[:, 1], pairs.lit.light[:, None]
    none = jnp.zeros_like(z)
    by_time = light * jnp.stack([none, -z / pairs.rms * density, -density, jnp.ones_like(z)], axis=1)
    by_rms = light * jnp.stack([none, (z**2 - 1.0) / pairs.rms * density, z * density, none], axis=1)
    steeper = by_rms * pairs.rms_by_incidence[:, None] + by_time * pairs.late_by_incidence[:, None]
    nearer = -(by_time * pairs.late_by_distance[:, None] + by_rms * pairs.rms_by_distance[:, None])
    columns = []
    for i, moved in enumerate(_moved(pairs.lit, view, way, emitters, sensors)):
        tilted = (view.incidence * way[..., i] + sensors.normal[:, i : i + 1]) / view.distance
        columns.append(timing * moved[:, None] + nearer * way[:, None, :, i] + steeper * tilted[:, None])
    columns += [timing * turned[:, None] for turned in _turned(pairs.lit, way, sensors)]
    columns += [by_time, by_rms * (emitters.time_rms / pairs.rms)[:, None]]
    return jnp.concatenate(columns, axis=-1).reshape(4 * len(z), -1)


def _variance(pairs: _Pairs, rows: Array, fixed: Float[Array, " s"]) -> Array:
    """Variance of the times that the points of the source give each channel beyond the `fixed` one [ns^2]."""
    total = jnp.maximum(rows[:, 0], 1e-20)
    mean = rows[:, 3] / total
    spread = (pairs.late - mean[:, None]) ** 2 + pairs.rms**2 - fixed[:, None]
    return (pairs.lit.light * spread).sum(axis=1) / total
