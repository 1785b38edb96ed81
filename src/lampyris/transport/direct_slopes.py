"""Direct light at given times, with its derivatives in many parameters of the source at little cost.

What a sensor sees of a point depends on the point's place, axis and time through a few numbers of the pair. They are
differentiated, pair by pair; the chain rule to any number of parameters is then one product of matrices. So a track with
dozens of latent numbers costs little more than one with seven.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from lampyris.emission.pattern import Pattern
from lampyris.sensors import Sensors
from lampyris.source import Emitters
from lampyris.transport.direct import DistanceTable, View, intensity, look, solid_angles, transmission

Rows = Float[Array, "s 4"]
"""Of each channel: expected photoelectrons, their density at its time [pe/ns], their number before it, and the sum of
their times after it [pe ns]."""
Slopes = Float[Array, "p s 4"]


class Motion(NamedTuple):
    """Derivatives of the emitters in p parameters; `pattern` in those alone that `shaping` numbers."""

    position: Float[Array, "p k 3"]
    axis: Float[Array, "p k 3"]
    time: Float[Array, "p k"]
    time_rms: Float[Array, "p k"]
    pattern: Pattern
    shaping: tuple[int, ...]


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
) -> tuple[Rows, Slopes, Float[Array, " s"]]:
    """Direct light of these sensors with its derivatives, and the variance of its times [ns^2]; `blur` [ns] widens them.

    **Gradients**: these are them; they are right in all parameters of the source.
    """
    view, way = look(emitters.position, emitters.axis, sensors)

    def weight(seen: View, pattern: Pattern) -> Array:
        covered = solid_angles(seen, sensors.radius)
        return intensity(pattern, seen, sensors.radius, covered) * covered * transmission(seen, sensors, table)[0]

    def timing(seen: View, start: Array, spread: Array) -> tuple[Array, Array, Array]:
        _, delay, dispersion = transmission(seen, sensors, table)
        rms = jnp.sqrt(sensors.time_spread[:, None] ** 2 + spread**2 + dispersion**2 + blur**2)
        late = start + delay - time[:, None]
        return jnp.exp(-0.5 * (late / rms) ** 2) / (rms * jnp.sqrt(2.0 * jnp.pi)), ndtr(-late / rms), late

    def pairs(seen: View) -> Array:
        light = weight(seen, emitters.pattern)
        return jnp.stack([light, *(light * part for part in timing(seen, emitters.time, emitters.time_rms))], axis=1)

    def slope(number: str) -> Array:
        """Derivative of all pairs in one number of the view."""
        here = getattr(view, number)
        return jax.jvp(lambda value: pairs(view._replace(**{number: value})), (here,), (jnp.ones_like(here),))[1]

    light = weight(view, emitters.pattern)
    times = timing(view, emitters.time, emitters.time_rms)
    slopes = _chained(view, way, emitters.axis, sensors.normal, [slope(number) for number in View._fields], motion)
    changes = jax.vmap(lambda change: jax.jvp(lambda p: weight(view, p), (emitters.pattern,), (change,))[1])
    changed = changes(motion.pattern)
    shaped = jnp.stack([changed, *(changed * part for part in times)], axis=-1).sum(axis=2)
    slopes = slopes.at[jnp.asarray(motion.shaping)].add(shaped)
    slopes = slopes + _of_times(lambda start, spread: timing(view, start, spread), light, emitters, motion)
    rows = jnp.stack([light, *(light * part for part in times)], axis=-1).sum(axis=1)
    return rows, slopes, _variance(light, times[2], emitters.time_rms, rows) + sensors.time_spread**2 + blur**2


def _variance(light: Array, late: Array, spread: Array, rows: Array) -> Array:
    """Variance of the times that the points of the source give each channel [ns^2]."""
    total = jnp.maximum(rows[:, 0], 1e-20)
    mean = rows[:, 3] / total
    return (light * ((late - mean[:, None]) ** 2 + spread**2)).sum(axis=1) / total


def _of_times(timing: Callable, light: Array, emitters: Emitters, motion: Motion) -> Slopes:
    """Derivatives that come from the times of the points and their spreads."""
    start, spread = emitters.time, emitters.time_rms
    by_start = jax.jvp(lambda t: timing(t, spread), (start,), (jnp.ones_like(start),))[1]
    by_spread = jax.jvp(lambda r: timing(start, r), (spread,), (jnp.ones_like(spread),))[1]
    rows = [
        (light * a) @ motion.time.T + (light * b) @ motion.time_rms.T for a, b in zip(by_start, by_spread, strict=True)
    ]
    return jnp.stack([jnp.zeros_like(rows[0]), *rows], axis=-1).swapaxes(0, 1)


def _chained(view: View, way: Array, axis: Array, normal: Array, partial: list[Array], motion: Motion) -> Slopes:
    """Derivatives in the parameters from those in the view (s, rows, k each)."""
    distance, along, incidence, lean = (part[..., None] for part in partial)
    way, axis = way[:, None], axis[None, None]
    normal = normal[:, None, None, :]
    away = view.distance[:, None, :, None]
    cos_along, cos_in = view.along[:, None, :, None], view.incidence[:, None, :, None]
    in_place = -distance * way - along / away * (axis - cos_along * way) + incidence / away * (normal + cos_in * way)
    in_axis = along * way + lean * normal
    return jnp.einsum("srki,pki->psr", in_place, motion.position) + jnp.einsum("srki,pki->psr", in_axis, motion.axis)
