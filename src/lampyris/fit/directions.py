"""Even directions: on the sphere, or in a cone."""

import numpy as np

from lampyris._host import on_host
from lampyris._math import orthonormal_frame


def even_directions(count: int) -> np.ndarray:
    """Unit vectors (count, 3) that cover the sphere evenly."""
    return _spiral(np.pi, count)


def cone_about(axis: np.ndarray, angle: float, count: int) -> np.ndarray:
    """Even directions (count, 3) within an angle [rad] of an axis, the first next to it."""
    first, second = (np.asarray(v, float) for v in on_host(orthonormal_frame, np.asarray(axis, np.float32)))
    return _spiral(angle, count) @ np.stack([first, second, axis])


def _spiral(angle: float, count: int) -> np.ndarray:
    """The golden spiral about the third axis, out to an angle."""
    z = 1.0 - 0.5 * (1.0 - np.cos(angle)) * (2.0 * np.arange(count) + 1.0) / count
    azimuth = np.pi * (1.0 + np.sqrt(5.0)) * np.arange(count)
    across = np.sqrt(1.0 - z**2)
    return np.stack([across * np.cos(azimuth), across * np.sin(azimuth), z], axis=1)
