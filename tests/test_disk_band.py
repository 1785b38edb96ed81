"""The mean of a pattern over the disk of a sensor: against an integral over the disk, and without an edge on the axis."""

import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.emission.pattern import RingPattern
from lampyris.sensors import make_sensors
from lampyris.transport.direct import intensity, look, solid_angles

EDGES = np.linspace(0.0, np.pi, 241)
SLOPES = (1.5, -1.0, 0.8)
"""Of a light that is a cubic of the cosine: everywhere smooth, and strongly uneven on a disk that is near."""


def density(cosine):
    """Photons per steradian."""
    return 4.0 + sum(slope * cosine**power for power, slope in enumerate(SLOPES, start=1))


def pattern():
    cosine = np.cos(EDGES)
    within = -(4.0 * cosine + sum(s * cosine ** (p + 1) / (p + 1) for p, s in enumerate(SLOPES, start=1)))
    return RingPattern.of_bins(jnp.asarray(2.0 * np.pi * np.diff(within))[None], EDGES)


def seen(axis, normal, distance, radius):
    """Mean intensity at a sensor on the z axis, of a point at the origin."""
    sensors = make_sensors(jnp.zeros((1, 3)).at[0, 2].set(distance), normal[None], radius)
    view, _ = look(jnp.zeros((1, 3)), axis[None], sensors)
    return intensity(pattern(), view, sensors.radius, solid_angles(view, sensors.radius))[0, 0]


def integral(axis, normal, distance, radius):
    """The same from the points of the disk."""
    first = np.cross(normal, [0.3, 0.9, 0.1])
    first /= np.linalg.norm(first)
    at, turn = np.meshgrid(radius * np.sqrt((np.arange(200) + 0.5) / 200.0), 2.0 * np.pi * np.arange(96) / 96.0)
    across = np.cos(turn)[..., None] * first + np.sin(turn)[..., None] * np.cross(normal, first)
    points = np.array([0.0, 0.0, distance]) + at[..., None] * across
    length = np.linalg.norm(points, axis=-1)
    covers = -(points @ normal) / length**3
    return float((covers * density(points @ axis / length)).sum() / covers.sum())


def unit(polar, azimuth=0.4):
    return np.array([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)])


@pytest.mark.parametrize("angle", [0.0, 0.1, 0.3, 0.7, 1.5, 2.8, np.pi])
@pytest.mark.parametrize("tilt", [0.0, 0.8])
@pytest.mark.parametrize("distance", [0.5, 2.0])
def test_the_band_has_the_mean_of_the_disk(angle, tilt, distance):
    axis, normal, radius = unit(angle), -unit(tilt, -1.0), 0.25
    found = float(on_host(lambda a, n: seen(a, n, distance, radius), axis, normal))
    exact = integral(axis, normal, distance, radius)
    # near a tilted disk its nearer side covers more: a shift of the mean by 3 S r^2 / 4 d that no band about the middle has
    shift = 0.75 * np.sin(tilt) * (radius / distance) ** 2 * 5.9
    assert abs(found - exact) < 0.005 * density(1.0) + shift, (found, exact)


def test_nothing_has_an_edge_where_the_axis_meets_the_middle_of_a_disk():
    """A cone-shaped top would gain in proportion to the angle; a smooth one in proportion to its square."""
    turns = np.array([0.0, 0.02, 0.04])
    values = [float(on_host(lambda a: seen(a, jnp.array([0.0, 0.0, -1.0]), 2.0, 0.25), unit(turn))) for turn in turns]
    near, far = values[0] - values[1], values[0] - values[2]
    assert near > 1e-4  # ten times the rounding
    assert far / near == pytest.approx(4.0, rel=0.15)
