"""What is known of a point that glows when its Cherenkov light may have any direction."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from lampyris._host import on_host
from lampyris._math import orthonormal_frame
from lampyris.fit.glow import KNOWN
from lampyris.fit.glow_profile import GlowProfile
from lampyris.fit.newton import Local, covariance_of
from lampyris.fit.parameters import SCALES, moved
from lampyris.source import Track


class Weighed(NamedTuple):
    """The likelihood of a point for each direction of its Cherenkov light."""

    even: Local
    """that of even light"""
    directions: np.ndarray
    values: np.ndarray
    """above that of even light"""
    gradients: np.ndarray

    @property
    def mean(self) -> Local:
        """The logarithm of the mean likelihood. What directions disagree on is known less."""
        highest = self.values.max()
        chance = np.exp(self.values - highest)
        value = self.even.value + highest + np.log(chance.mean())
        chance /= chance.sum()
        away = self.steps - chance @ self.steps
        curvature = np.linalg.inv(self.inverse + (away * chance[:, None]).T @ away)
        return self.even._replace(value=float(value), gradient=chance @ self.gradients, curvature=curvature)

    @property
    def inverse(self) -> np.ndarray:
        """Covariance (5, 5) for a direction that is known."""
        return covariance_of(self.even.curvature, slice(None))

    @property
    def steps(self) -> np.ndarray:
        """To the best point of each direction (n, 5)."""
        return self.gradients @ self.inverse

    @property
    def chance(self) -> np.ndarray:
        """Probability of each direction, wherever the point is."""
        reached = self.values + 0.5 * (self.steps * self.gradients).sum(axis=1)
        chance = np.exp(reached - reached.max())
        return chance / chance.sum()

    @property
    def axis(self) -> np.ndarray:
        """Mean direction."""
        mean = self.chance @ self.directions
        return mean / max(float(np.linalg.norm(mean)), 1e-12)

    @property
    def angles(self) -> np.ndarray:
        """Angles of the directions to their mean [rad]."""
        return np.arccos(np.clip(self.directions @ self.axis, -1.0, 1.0))

    @property
    def angle(self) -> float:
        """Their rms."""
        return float(np.sqrt(self.chance @ self.angles**2))

    def vertex(self, track: Track, profile: GlowProfile) -> tuple[Track, np.ndarray]:
        """The mean track, its vertex behind the mean deposit, and the covariance (7, 7) of its steps."""
        chance, steps = self.chance, self.steps
        mean, step = chance @ self.directions, np.zeros(7)
        step[KNOWN] = chance @ steps
        distance, time = profile.middle(float(track.energy))
        track = moved(track, jnp.asarray(step, float))
        position = np.asarray(track.position, float) - distance * mean
        found = Track(track.particle, track.energy, position, self.axis, float(track.time) - time)
        frame = np.stack([np.asarray(v, float) for v in on_host(orthonormal_frame, found.direction)])
        across = self.directions @ frame.T
        away = np.zeros((len(chance), 7))
        away[:, KNOWN] = steps - chance @ steps
        away[:, 1:4] -= distance * (self.directions - mean) / SCALES[1:4]
        length = np.maximum(np.linalg.norm(across, axis=1), 1e-12)
        away[:, 4:6] = (self.angles / length)[:, None] * across / SCALES[4:6]
        covariance = (away * chance[:, None]).T @ away
        covariance[np.ix_(KNOWN, KNOWN)] += self.inverse
        # the cells between directions are as wide as their number says
        covariance[4:6, 4:6] += np.diag(_cell(self.directions) ** 2 / SCALES[4:6] ** 2)
        return found, covariance


def _cell(directions: np.ndarray) -> float:
    """Rms in each axis of the place within the cell of one direction [rad], for an even cone about the first one."""
    opening = 1.0 - (directions @ directions[0]).min()
    return float(np.sqrt(0.5 * opening / len(directions)))
