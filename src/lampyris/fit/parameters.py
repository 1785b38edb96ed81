"""The seven numbers of a track in a fit: log energy, vertex, direction on its tangent plane, time."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._host import on_host
from lampyris._math import normalise, orthonormal_frame
from lampyris.source import Track
from lampyris.units import SPEED_OF_LIGHT

NAMES = ("energy", "x", "y", "z", "theta", "phi", "time")
SCALES = np.array([0.05, 0.2, 0.2, 0.2, 0.02, 0.02, 0.5])
"""Sizes of a typical step, which make the parameters alike: relative, m, m, m, rad, rad, ns."""
DIRECTION = np.array([4, 5])
"""Places of the direction among the steps of a track."""


def moved(track: Track, step: Float[Array, "7"]) -> Track:
    """The track after a step in units of `SCALES`; its direction moves on the tangent plane of where it is."""
    step = step * jnp.asarray(SCALES, step.dtype)
    first, second = orthonormal_frame(track.direction)
    direction = normalise(track.direction + step[4] * first + step[5] * second)
    return eqx.tree_at(
        lambda t: (t.energy, t.position, t.direction, t.time),
        track,
        (track.energy * jnp.exp(step[0]), track.position + step[1:4], direction, track.time + step[6]),
    )


def values(track: Track) -> np.ndarray:
    """Energy [MeV], vertex [m], polar angle and azimuth of the direction [rad], time [ns]."""
    x, y, z = np.asarray(track.direction, float)
    angles = [np.arccos(np.clip(z, -1.0, 1.0)), np.arctan2(y, x)]
    return np.array([float(track.energy), *np.asarray(track.position, float), *angles, float(track.time)])


def jacobian(track: Track) -> np.ndarray:
    """Derivatives of `values` with respect to the step of `moved`, (7, 7)."""
    direction = np.asarray(track.direction, float)
    first, second = (v.astype(float) for v in on_host(orthonormal_frame, track.direction))
    x, y, z = direction
    across = max(float(np.hypot(x, y)), 1e-6)
    matrix = np.eye(7)
    matrix[0, 0] = float(track.energy)
    polar = np.array([x * z / across, y * z / across, -across])
    azimuth = np.array([-y, x, 0.0]) / across**2
    matrix[4:6, 4:6] = [[polar @ first, polar @ second], [azimuth @ first, azimuth @ second]]
    return matrix * SCALES


def differences(fitted: Track, truth: Track) -> np.ndarray:
    """Fitted minus true values, the azimuth wrapped to +-pi."""
    away = values(fitted) - values(truth)
    away[5] = (away[5] + np.pi) % (2.0 * np.pi) - np.pi
    return away


def place_step(before: Track, now: Track) -> np.ndarray:
    """Step of the logarithm of the energy and of the vertex from one track to another, in units of `SCALES`."""
    energy = np.log(float(now.energy) / float(before.energy))
    return np.append(energy, np.asarray(now.position, float) - np.asarray(before.position, float)) / SCALES[:4]


def further_along(track: Track) -> np.ndarray:
    """Change of `values` when the light starts a metre further along the track, and as much later."""
    return np.array([0.0, *np.asarray(track.direction, float), 0.0, 0.0, 1.0 / SPEED_OF_LIGHT])


def slipped(track: Track, slip: float) -> np.ndarray:
    """Change of `values` by one rms of where the light of a track starts: by the `slip` [m^1/2] times the root of its length.

    The more knocked-out electrons and hard scatters there are, the further the light about a vertex may be off.
    """
    return slip * np.sqrt(on_host(track.profile.length, track.energy)) * further_along(track)


def with_turn(steps: np.ndarray, turn: float, places: np.ndarray = DIRECTION) -> np.ndarray:
    """The covariance of steps, the directions at `places` open by at least the rms `turn` [rad] in the mean of both axes."""
    own = np.ix_(places, places)
    lacking = (turn / SCALES[4]) ** 2 - 0.5 * np.trace(steps[own])
    if lacking <= 0.0:
        return steps
    steps = steps.copy()
    steps[own] += lacking * np.eye(2)
    return steps
