"""The log-likelihood of an event of one track or more, with its gradient and information.

Direct and indirect light and dark noise add up, channel by channel, in all that the likelihood asks of a prediction:
charge, density at the observed time, and charge before it. Direct light carries nearly all that is known of a track and is
differentiated in all parameters. Indirect light is smooth over the wall: it is evaluated at a reference track, follows the
energy and the time of the track from there, and is evaluated anew when the track has moved.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from lampyris.detector import Detector
from lampyris.fit.lanes import in_lanes, lanes_of
from lampyris.fit.model import State, TrackModel
from lampyris.fit.newton import Local
from lampyris.fit.parameters import SCALES
from lampyris.likelihood import Charges, Dispersion, Observation, Prompt, Quadratic, quadratic
from lampyris.likelihood.event import Rows
from lampyris.source import Track
from lampyris.transport import Hybrid
from lampyris.transport.direct import DistanceTable
from lampyris.transport.direct_slopes import DirectRows, motion_of, rows_and_slopes
from lampyris.transport.expectation import Arrival, Uniform


class Scattered(NamedTuple):
    """Indirect light of a reference track."""

    light: Arrival
    track: Track


class Lit(NamedTuple):
    """A track of an event with its light."""

    model: TrackModel
    state: State
    direct: DirectRows
    scattered: Scattered


@eqx.filter_jit
def scattered_light(track: Track, detector: Detector, transport: Hybrid) -> Scattered:
    """The indirect light of a track, to be used for tracks near it."""
    return Scattered(transport.indirect(track, detector), track)


class Asked(NamedTuple):
    """The tracks of an event, and what they are held against."""

    models: tuple[TrackModel, ...]
    states: tuple[State, ...]
    scattered: tuple[Any, ...]
    """indirect light: `Scattered`, or what a fit of another kind keeps of it"""
    seen: Observation
    dispersion: Dispersion
    blur: Array
    """[ns] by which times are widened for a rough fit"""


class Value(NamedTuple):
    """A log-likelihood without its derivatives."""

    terms: Float[Array, " terms"]
    expected: Charges


class Evaluator:
    """Works out what a fit asks for, one thing after the other."""

    def __init__(self, detector: Detector, transport: Hybrid):
        self.detector, self.transport = detector, transport

    def work(self, function: Callable, own: Any, *shared: Any) -> Any:
        """`function(own, *shared)`; `own` belongs to one event, `shared` to all."""
        return function(own, *shared)

    def scattered(self, track: Track) -> Scattered:
        """The indirect light of a track."""
        return self.work(scattered_light, track, self.detector, self.transport)

    def quadratic(self, asked: Asked) -> Quadratic:
        """The log-likelihood of an event with its derivatives."""
        return event_quadratic(asked, self.detector, on_cores)

    def value(self, asked: Asked) -> Value:
        """The log-likelihood of an event alone."""
        return self.work(event_value, asked, self.detector)


def in_one(model: TrackModel, state: State, seen: Observation, detector: Detector, blur: Array) -> DirectRows:
    """Direct light and its derivatives in all parameters, in one piece."""
    return direct_part(model, state, seen.time, detector, blur)


def on_cores(model: TrackModel, state: State, seen: Observation, detector: Detector, blur: Array) -> DirectRows:
    """As `in_one`, by all cores, and of channels without a hit, whose times nothing asks for, the charges alone."""
    count = detector.sensors.count

    def part(lane: Array) -> DirectRows:
        return direct_part(model, state, seen.time, detector, blur, seen.hit, lane)

    return in_lanes(part, lanes_of(count), count)


def event_quadratic(asked: Asked, detector: Detector, direct: Callable[..., DirectRows] = in_one) -> Quadratic:
    """The log-likelihood with its derivatives in the parameters of all tracks, one track after the other."""
    models, states, scattered, seen, dispersion, blur = asked
    lights = tuple(direct(model, state, seen, detector, blur) for model, state in zip(models, states, strict=True))
    return event_likelihood(tuple(map(Lit, models, states, lights, scattered)), seen, detector, dispersion)


@eqx.filter_jit
def event_value(asked: Asked, detector: Detector) -> Value:
    """The log-likelihood at a quarter of the cost: compilers leave out derivatives that nothing asks for."""
    whole = event_quadratic(asked, detector)
    return Value(whole.terms, whole.expected)


def asked_of(
    models: Sequence[TrackModel],
    states: Sequence[State],
    scattered: Sequence[Any],
    seen: Observation,
    dispersion: Dispersion,
    blur: float = 0.0,
) -> Asked:
    """The tracks of an event as compiled functions take them."""
    parts = tuple(models), tuple(states), tuple(scattered), seen, dispersion.as_arrays()
    return Asked(*parts, jnp.asarray(blur, float))


def local_of(numbers: Quadratic) -> Local:
    """The same in double precision, its terms added up."""
    terms, gradient, curvature, expected = jax.tree.map(lambda part: np.asarray(part, float), tuple(numbers))
    return Local(float(terms.sum()), gradient, curvature, expected)


def value_of(numbers: Value) -> float:
    """Its terms added up in double precision."""
    return float(np.asarray(numbers.terms, float).sum())


@eqx.filter_jit
def direct_part(
    model: TrackModel,
    state: State,
    time: Array,
    detector: Detector,
    blur: Array,
    timed: Bool[Array, " channels"] | None = None,
    lane: Int[Array, " s"] | None = None,
) -> DirectRows:
    """Direct light and its derivatives in all parameters, at all channels or at those of a `lane`; where not `timed`, charges."""
    sensors = detector.sensors
    if lane is not None:
        sensors, time = sensors.take(lane), time[lane]
        timed = None if timed is None else timed[lane]
    emitters, motion = motion_of(
        lambda step: model.source(model.step(state, step)).emitters(detector.medium, sensors.quantum_efficiency),
        jnp.zeros(model.size),
        model.shaping,
    )
    table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
    return rows_and_slopes(emitters, motion, sensors, table, time, blur, timed)


def indirect_part(state: State, scattered: Scattered, time: Array) -> tuple[Rows, Array, Array]:
    """Indirect light scaled with the yield and moved with the time of the track, and its slopes in both."""
    track, light = state.track, scattered.light

    def rows(log_energy: Array, start: Array) -> Rows:
        scale = track.profile.photons(jnp.exp(log_energy)) / track.profile.photons(scattered.track.energy)
        return scale * light_rows(light, time - (start - scattered.track.time))

    at = (jnp.log(track.energy), track.time)
    value, by_energy = jax.jvp(lambda e: rows(e, at[1]), (at[0],), (jnp.asarray(SCALES[0]),))
    _, by_time = jax.jvp(lambda t: rows(at[0], t), (at[1],), (jnp.asarray(SCALES[6]),))
    return value, by_energy, by_time


def prompt_of(direct: DirectRows, rows: Rows) -> Prompt:
    """What the direct light says of the time of the first hit."""
    charge = jnp.maximum(direct.rows[:, 0], 1e-20)
    late = direct.rows[:, 3] / charge
    slopes = (direct.slopes[:, 3] - late[:, None] * direct.slopes[:, 0]) / charge[:, None]
    growth = direct.slopes[:, 0] / charge[:, None]
    # rounding may leave a density just below none
    chance = jnp.maximum(direct.rows[:, 1], 0.0) / rows[:, 1]
    return Prompt(slopes, growth, direct.variance, chance, charge / rows[:, 0])


def light_rows(light: Arrival, time: Array) -> Rows:
    """Charge, density and cumulative of one kind of light."""
    density, cumulative = light.density_and_cumulative(time)
    return jnp.stack([light.charge, density, cumulative], axis=-1)


@eqx.filter_jit
def event_likelihood(
    tracks: tuple[Lit, ...], seen: Observation, detector: Detector, dispersion: Dispersion
) -> Quadratic:
    """The log-likelihood of all light and the normal priors of the latent numbers."""
    sensors = detector.sensors
    dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
    local_time = seen.time - sensors.time_offset
    rows, slopes = light_rows(dark, local_time), []
    for track in tracks:
        indirect, by_energy, by_time = indirect_part(track.state, track.scattered, local_time)
        rows = rows + track.direct.rows[:, :3] + indirect
        slopes.append(track.direct.slopes[:, :3].at[..., 0].add(by_energy).at[..., 6].add(by_time))
    sizes = [track.model.size for track in tracks]
    first = np.cumsum([0, *sizes])
    prompts = [
        _placed(prompt_of(track.direct, rows), int(first[number]), int(first[-1]))
        for number, track in enumerate(tracks)
    ]
    light = quadratic(rows, jnp.concatenate(slopes, axis=-1), prompts, seen, dispersion)
    gradient, information, latents = light.gradient, light.information, []
    for number, track in enumerate(tracks):
        latent, latent_slopes = track.state.latent, track.model.latent_slopes(track.state)
        own = slice(int(first[number]), int(first[number + 1]))
        gradient = gradient.at[own].add(-latent @ latent_slopes)
        information = information.at[own, own].add(latent_slopes.T @ latent_slopes)
        latents.append(-0.5 * (latent**2).sum())
    return Quadratic(jnp.append(light.terms, jnp.stack(latents)), gradient, information, light.expected)


def _placed(prompt: Prompt, first: int, count: int) -> Prompt:
    """The prompt light of one track with its derivatives in the parameters of all, `count`, of which its own begin at `first`."""
    around = (0, 0), (first, count - first - prompt.slopes.shape[1])
    return prompt._replace(slopes=jnp.pad(prompt.slopes, around), growth=jnp.pad(prompt.growth, around))
