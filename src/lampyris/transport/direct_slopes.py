"""Direct light at given times, with its derivatives in many parameters of the source at little cost.

What a sensor sees of a point depends on the point's place, axis and time through a few numbers of the pair. They are
differentiated, pair by pair; the chain rule to any number of parameters is then one product of matrices. So a track with
dozens of latent numbers costs little more than one with seven.

The work goes in rounds over the channels, each a loop of its own whose results are kept: a compiler that sees them as one
repeats the first within the last. So the pattern of the light is looked up in three: where, what is there, and what comes of it.
Most channels of an event have no hit, and their times are not asked for: they come last, and of them the charge alone is worked
out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lampyris.emission.pattern import Covered, Pattern
from lampyris.sensors import Sensors
from lampyris.source import Emitters
from lampyris.transport.direct import CHUNK, DistanceTable, chunks_of, covering, look, solid_angles
from lampyris.transport.pair_light import (
    Lit,
    Shine,
    Times,
    by_axis,
    by_place,
    columns_of,
    lit_of,
    shine_of,
    times_of,
    timing_of,
    variance_of,
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
        """The derivatives of all but the pattern as one matrix, in the order of `columns_of`."""
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

    Of channels that are not `timed` the charge and its derivatives alone are to be used: the rest may be left out, and is 0 then.

    **Gradients**: these are them; they are right in all parameters of the source.
    """
    count = sensors.count
    work = _Work(emitters, motion, sensors, table, time - sensors.time_offset, blur)
    order = jnp.arange(count) if timed is None else jnp.argsort(~timed)
    index = order[chunks_of(count, ROUND * CHUNK)].reshape(-1, ROUND, CHUNK)
    found = jax.lax.map(lambda some: work.done(some, None if timed is None else timed[some].any()), index)
    found = jax.tree.map(lambda few: few.reshape(index.size, *few.shape[3:])[:count], found)
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

    def done(self, index: Int[Array, "rows chunk"], timed: Bool[Array, ""] | None) -> DirectRows:
        """Charges, and unless no channel is `timed`, times."""
        shine = self._shine(index)
        lit = jax.lax.map(self._lit, (index, shine))
        if timed is None:
            return self._whole(index, lit, shine.changes)
        return jax.lax.cond(timed, self._whole, self._charges, index, lit, shine.changes)

    def _whole(self, index: Array, lit: Lit, changes: list[Array]) -> DirectRows:
        times = jax.lax.map(self._times, index)
        return jax.lax.map(self._chained, (index, lit, times, changes))

    def _charges(self, index: Array, lit: Lit, changes: list[Array]) -> DirectRows:
        return jax.lax.map(self._charged, (index, lit, changes))

    def _shine(self, index: Array) -> Shine:
        pattern = self.emitters.pattern
        cells = jax.lax.map(lambda channels: pattern.cells(self._covered(channels)), index)
        found = jax.lax.map(lambda part: self._looked_up(part[1]), (index, cells))
        return jax.lax.map(lambda part: shine_of(pattern, self._covered(part[0]), part[1]), (index, found))

    def _covered(self, channels: Array) -> Covered:
        """What sensors cover of the light of each point."""
        few = self.sensors.take(channels)
        view, _ = look(self.emitters.position, self.emitters.axis, few)
        return covering(view, few.radius, solid_angles(view, few.radius))

    def _looked_up(self, cells: Any) -> tuple[Any, list[Any]]:
        """What the pattern holds, and how that changes with each parameter that shapes it."""
        pattern, shaping = self.emitters.pattern, range(len(self.motion.shaping))

        def change(number: int) -> Any:
            pushed = jax.tree.map(lambda leaf: leaf[number], self.motion.pattern)
            return jax.jvp(lambda of: of.looked_up(cells), (pattern,), (pushed,))[1]

        return pattern.looked_up(cells), [change(number) for number in shaping]

    def _lit(self, part: tuple[Array, Shine]) -> Lit:
        channels, shine = part
        return lit_of(self.emitters, self.sensors.take(channels), self.table, shine)

    def _times(self, channels: Array) -> Times:
        return times_of(self.emitters, self.sensors.take(channels), self.table, self.time[channels], self.blur)

    def _chained(self, part: tuple[Array, Lit, Times, list[Array]]) -> DirectRows:
        channels, lit, times, changes = part
        few = self.sensors.take(channels)
        timing = timing_of(times)
        slopes = (columns_of(lit, times, timing, self.emitters, few) @ self.motion.columns()).reshape(CHUNK, 4, -1)
        shaped = jnp.stack([((change * lit.share)[:, None] * timing).sum(axis=-1) for change in changes], axis=-1)
        rows = (lit.light[:, None] * timing).sum(axis=-1)
        fixed = self._fixed(few)
        variance = variance_of(lit, times, rows, fixed) + fixed
        return DirectRows(rows, slopes.at[..., jnp.asarray(self.motion.shaping)].add(shaped), variance)

    def _charged(self, part: tuple[Array, Lit, list[Array]]) -> DirectRows:
        channels, lit, changes = part
        few = self.sensors.take(channels)
        view, way = look(self.emitters.position, self.emitters.axis, few)
        columns = jnp.concatenate([*by_place(lit, view, way, self.emitters, few), *by_axis(lit, way, few)], axis=1)
        slopes = columns @ self.motion.columns()[: columns.shape[1]]
        shaped = jnp.stack([(change * lit.share).sum(axis=-1) for change in changes], axis=-1)
        slopes = slopes.at[:, jnp.asarray(self.motion.shaping)].add(shaped)
        charge = lit.light.sum(axis=-1)
        rows, whole = jnp.zeros((CHUNK, 4)), jnp.zeros((CHUNK, 4, slopes.shape[-1]))
        return DirectRows(rows.at[:, 0].set(charge), whole.at[:, 0].set(slopes), self._fixed(few))

    def _fixed(self, few: Sensors) -> Array:
        """Variance of the times that all light of a channel has [ns^2]."""
        return few.time_spread**2 + self.blur**2
