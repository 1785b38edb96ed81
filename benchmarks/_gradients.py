"""A small world in which every family of parameters matters, and derivatives of what its sensors see.

Seen are, channel by channel, the photoelectrons before and after a fixed time. Tests and the benchmark of gradients
compare derivatives of predictions with finite differences of the prediction and of Monte Carlo.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

import lampyris as lp
from lampyris.layout import barrel, caps, join
from lampyris.medium import Medium, Scatterer
from lampyris.phase import HenyeyGreenstein
from lampyris.sensors import CosineAcceptance, make_sensors
from lampyris.surface import Mixture
from lampyris.transport.contract import Family

INDEX, SPEED = 1.34, 0.299792458
VERTEX, AIM = np.array([0.3, -0.2, -0.5]), np.array([0.6, 0.0, 0.8])


def tank() -> lp.Detector:
    shape = lp.Cylinder(1.5, 3.0)
    placed = join(barrel(shape, columns=16, rows=5, pitch=0.5, first_row=0.5), caps(shape, count=16, pitch=0.55))
    medium = Medium(INDEX, 5.0, (Scatterer(5.0, HenyeyGreenstein(0.3)),))
    sensors = make_sensors(*placed, 0.18, 0.3, surface=Mixture(0.2, 0.4), acceptance=CosineAcceptance(0.3))
    return lp.Detector(shape, medium, Mixture(0.3, 0.4), sensors, name="gradient tank")


def laser(photons: float = 4e5) -> lp.Laser:
    return lp.Laser(VERTEX, AIM, photons=photons, width=0.6)


class Move(NamedTuple):
    """One parameter: its family, the step of finite differences, and source and detector after a move."""

    family: Family
    step: float
    source: object = None
    detector: object = None


def _times(where):
    return lambda tree, x: eqx.tree_at(where, tree, where(tree) * jnp.exp(x))


def _plus(where, pattern=1.0):
    return lambda tree, x: eqx.tree_at(where, tree, where(tree) + x * pattern)


def _tilted(source, x):
    across = jnp.array([0.8, 0.0, -0.6])
    return eqx.tree_at(lambda s: s.direction, source, jnp.cos(x) * source.direction + jnp.sin(x) * across)


def _slid(detector, x):
    """Sensors of the barrel slide along it."""
    on_barrel = jnp.abs(detector.sensors.normal[:, 2:]) < 0.5
    return _plus(lambda d: d.sensors.position, on_barrel * np.array([0.0, 0.0, 1.0]))(detector, x)


def _checked(detector, x):
    pattern = np.where(np.arange(detector.sensors.count) % 2, 1.0, 0.5)
    return _plus(lambda d: d.sensors.relative_efficiency, pattern)(detector, x)


MOVES = {
    "absorption length": Move(Family.OPTICS, 0.2, detector=_times(lambda d: d.medium.absorption_length.value)),
    "scattering length": Move(Family.OPTICS, 0.2, detector=_times(lambda d: d.medium.scatterers[0].length.value)),
    "wall reflectance": Move(Family.OPTICS, 0.1, detector=_plus(lambda d: d.wall.reflectance.value)),
    "wall specular share": Move(Family.OPTICS, 0.3, detector=_plus(lambda d: d.wall.specular_fraction)),
    "sensor reflectance": Move(Family.OPTICS, 0.1, detector=_plus(lambda d: d.sensors.surface.reflectance.value)),
    "asymmetry": Move(Family.PHASE, 0.2, detector=_plus(lambda d: d.medium.scatterers[0].phase.asymmetry)),
    "acceptance": Move(Family.EFFICIENCIES, 0.2, detector=_plus(lambda d: d.sensors.acceptance.falloff)),
    "relative efficiencies": Move(Family.EFFICIENCIES, 0.2, detector=_checked),
    "sensor height": Move(Family.SENSORS, 0.1, detector=_slid),
    "sensor radius": Move(Family.SENSORS, 0.1, detector=_times(lambda d: d.sensors.radius)),
    "source x": Move(Family.POSITION, 0.15, source=_plus(lambda s: s.position, np.array([1.0, 0.0, 0.0]))),
    "source z": Move(Family.POSITION, 0.15, source=_plus(lambda s: s.position, np.array([0.0, 0.0, 1.0]))),
    "source direction": Move(Family.DIRECTION, 0.15, source=_tilted),
    "beam width": Move(Family.FORM, 0.15, source=_times(lambda s: s.width)),
    "source time": Move(Family.TIME, 1.0, source=_plus(lambda s: s.time)),
    "photons": Move(Family.LIGHT, 0.2, source=_times(lambda s: s.photons)),
}


def moved(name: str, x, source, detector):
    """Source and detector after a move; nothing else becomes part of a derivative."""
    move = MOVES[name]
    return (
        source if move.source is None else move.source(source, x),
        detector if move.detector is None else move.detector(detector, x),
    )


def cut(detector) -> np.ndarray:
    """The time of each channel that parts its light [ns]: soon after straight light of the laser."""
    away = np.linalg.norm(np.asarray(detector.sensors.position) - VERTEX, axis=1)
    return (away * INDEX / SPEED + 2.0).astype(np.float32)


@eqx.filter_jit
def seen(transport, names: tuple[str, ...], x, source, detector, time):
    """Photoelectrons of every channel before and after its time, (2, channels), after moves in several parameters."""
    for name, way in zip(names, x, strict=True):
        source, detector = moved(name, way, source, detector)
    expectation = transport(source, detector)
    _, before = expectation.density_and_cumulative(time)
    return jnp.stack([before, expectation.charge - before])


@eqx.filter_jit
def value_and_slopes(transport, names: tuple[str, ...], source, detector, time):
    """What is seen, and its derivatives in each parameter, (names, 2, channels)."""

    def sight(x):
        return seen(transport, names, x, source, detector, time)

    start = jnp.zeros(len(names))
    slopes = jax.lax.map(lambda way: jax.jvp(sight, (start,), (way,))[1], jnp.eye(len(names)))
    return sight(start), slopes


def counted(name, x, source, detector, time, weights, key) -> tuple[float, float]:
    """The weighted sum over what is seen, from Monte Carlo, and its variance."""
    source, detector = moved(name, x, source, detector)
    arrivals, _ = lp.MonteCarlo()(source, detector, key=key)
    sensors, channel = detector.sensors, arrivals.channel
    chance = np.asarray(sensors.relative_efficiency, float)[channel] * float(sensors.quantum_efficiency.value)
    chance *= np.asarray(sensors.acceptance(jnp.asarray(arrivals.cosine)), float)
    before = norm.cdf((time[channel] - arrivals.time) / float(sensors.transit_time_spread))
    score = chance * (weights[0, channel] * before + weights[1, channel] * (1.0 - before))
    return float(score.sum()), float((score**2).sum())


def sharpest(value: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Weights of the channels that show a slope best above Poisson noise."""
    return slope / np.maximum(value, 0.01 * value.mean())


def monte_carlo_slope(name, source, detector, time, weights, key, events: int = 1) -> tuple[float, float]:
    """Central difference of the weighted sum, the mean of some events on either side, and its standard error."""
    step, slope, variance = MOVES[name].step, 0.0, 0.0
    for sign, own in zip((1.0, -1.0), jax.random.split(key), strict=True):
        for one in jax.random.split(own, events):
            total, square = counted(name, sign * step, source, detector, time, weights, one)
            slope, variance = slope + sign * total, variance + square
    return slope / (2.0 * step * events), float(np.sqrt(variance)) / (2.0 * step * events)
