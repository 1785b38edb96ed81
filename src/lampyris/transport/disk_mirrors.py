"""The light of one point that the disks of sensors mirror: integrated over every disk, and seen by every sensor."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._math import dot, mirror, normalise
from lampyris.detector import Detector
from lampyris.sensors import Sensors
from lampyris.source import Emitters
from lampyris.transport.direct import DistanceTable, View, chunks_of, intensity, look, solid_angles
from lampyris.transport.disk_points import points_of
from lampyris.transport.flight import detected
from lampyris.transport.mirrored import MOMENTS, moments
from lampyris.transport.sensor_search import SensorGrid
from lampyris.transport.waves import Waves
from lampyris.units import SPEED_OF_LIGHT

WIDTH = 1.0
"""Of the soft disk of a sensor that mirrored light meets: it evens out the points of the disk that mirrored it."""
SPREAD = 1.0 + WIDTH**2 / 5.0
"""How much larger the mean square of the soft disk is than that of its sensor; a soft disk that is smaller by it meets light that
a curved wall throws together as the sensor does."""
STRETCH = float(np.sqrt(1.0 + WIDTH))
"""How much larger than its sensor that disk is"""


class Glints(NamedTuple):
    """Light [photons] on points of disks, and where it comes from."""

    point: Float[Array, "n 3"]
    normal: Float[Array, "n 3"]
    """of the wall there"""
    direction: Float[Array, "n 3"]
    distance: Float[Array, " n"]
    """from the source [m]"""
    photons: Float[Array, " n"]


def mirrored_by_disks(
    emitters: Emitters, detector: Detector, grid: SensorGrid, waves: Waves, points: int
) -> Float[Array, "channels waves 3"]:
    """Photoelectrons of every sensor from what the disks mirror more than the wall would, apart for each wave.

    The numbers are the sum of the light, its delay, and its squared delay. Every disk is `points` points, and as curved as
    the wall that it lies on. The photons on a disk are those of the direct light; where they go no number is drawn.
    **Gradients**: right.
    """
    table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
    sensors = detector.sensors

    @jax.checkpoint
    def add(total: Array, chunk: tuple[Array, Array]) -> tuple[Array, None]:
        index, counts = chunk
        few = sensors.take(index)
        glints = _glints(emitters, few, detector, points)
        glints = glints._replace(photons=glints.photons * jnp.repeat(counts, points))
        face = jnp.repeat(detector.shape.face(few.position), points)
        (channel, pair), rows = _seen(glints, detector, grid, table, (emitters.time[0], face, waves))
        return total.at[channel, pair[:, None]].add(rows), None

    index = chunks_of(sensors.count)
    counts = (jnp.arange(index.size) < sensors.count).astype(sensors.radius.dtype).reshape(index.shape)
    nothing = jnp.zeros((sensors.count, waves.pairs, 2, MOMENTS), sensors.radius.dtype)
    return waves.apart(jax.lax.scan(add, nothing, (index, counts))[0])


def _glints(emitters: Emitters, sensors: Sensors, detector: Detector, points: int) -> Glints:
    """The light on points of some disks: that of the direct light, shared among them as it falls on small disks about them."""
    centre, shape = emitters.position[0], detector.shape
    whole, _ = look(emitters.position, emitters.axis, sensors)
    covered = solid_angles(whole, sensors.radius)
    aimed = intensity(emitters.pattern, whole, sensors.radius, covered) * covered
    place = points_of(sensors, shape, points).reshape(-1, 3)
    direction = normalise(place - centre)
    distance, normal = shape.intersect(jnp.broadcast_to(centre, place.shape), direction)
    incidence, axis = -dot(direction, normal), emitters.axis[0]
    view = View(*(value[:, None] for value in (distance, direction @ axis, incidence, normal @ axis)))
    small = jnp.repeat(sensors.radius / np.sqrt(points), points)
    cap = jnp.pi * (small**2 * jnp.clip(incidence, 0.0, 1.0) / distance**2)[:, None]
    light = (intensity(emitters.pattern, view, small, cap) * cap).reshape(-1, points)
    total = light.sum(axis=1, keepdims=True)
    # a beam may be so narrow that it meets a disk between its points: no light is lost
    share = jnp.where(total > 0.0, light / jnp.where(total > 0.0, total, 1.0), 1.0 / points)
    point = shape.on_wall(centre + distance[:, None] * direction)
    return Glints(point, normal, direction, distance, (aimed * share).ravel())


def _seen(
    glints: Glints, detector: Detector, grid: SensorGrid, table: DistanceTable, told: tuple[Array, Array, Waves]
) -> tuple[tuple[Array, Array], Array]:
    """Channels (n, some) that the mirrored light meets, its pairs of waves (n,), and what each sees, (n, some, 2, 3).

    These are the light, its delay and squared delay. `told` are the time at the source, the face of each glint, and the waves.
    """
    time, face, waves = told
    sensors, shape = detector.sensors, detector.shape
    wavelength = jnp.broadcast_to(table.wavelength, glints.distance.shape)
    cosine = jnp.clip(-dot(glints.direction, glints.normal), 0.0, 1.0)
    _, of_sensor = sensors.surface.parts_at(cosine, wavelength)
    _, of_wall = detector.wall.parts_at(cosine, wavelength)
    back = mirror(glints.direction, glints.normal)
    further, normal = shape.intersect(glints.point, back)
    point = shape.on_wall(glints.point + further[:, None] * back)
    distance = glints.distance + further
    arriving, lag, _ = table.at(distance)
    weight = glints.photons * (of_sensor - of_wall) * arriving
    weight = weight * detected(detector, jnp.clip(-dot(back, normal), 0.0, 1.0), wavelength)
    smaller = eqx.tree_at(lambda s: s.radius, sensors, sensors.radius / np.sqrt(SPREAD))
    channel, share = grid.overlap(point, smaller, WIDTH)
    pair, part = waves.pair(face, point, time + lag)
    # when its wave comes by the sensor
    ahead = dot(sensors.position[channel] - point[:, None], back[:, None])
    arrival = time + lag[:, None] + ahead * waves.reference.index / SPEED_OF_LIGHT
    light = weight[:, None] * SPREAD * share * sensors.relative_efficiency[channel]
    rows = light[..., None] * moments(waves.reference.delay(sensors.position[channel], arrival))
    return (channel, pair), rows[:, :, None] * part[:, None, :, None]
