"""Light after mirror reflections alone: sharp images of the direct light, by rays that only this may happen to."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._math import mirror, safe_sqrt
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.transport.disk_points import points_of
from lampyris.transport.expectation import GaussianMixture
from lampyris.transport.flight import detected, land, wall_parts
from lampyris.transport.reference import Coverage, Reference
from lampyris.transport.sensor_search import SoftDisks
from lampyris.transport.wall_grid import WallGrid
from lampyris.transport.waves import Waves
from lampyris.units import SPEED_OF_LIGHT

MOMENTS = 3
DARK = 1e-10
"""Photoelectrons below which their times mean nothing; squares of smaller numbers vanish in single precision."""


def moments(delay: Float[Array, "..."]) -> Float[Array, "... 3"]:
    """Powers of a delay that light is weighted with."""
    return jnp.stack([delay**power for power in range(MOMENTS)], axis=-1)


def reflected(rays: Rays, detector: Detector, coverage: Coverage | SoftDisks | None) -> Rays:
    """Rays as they leave the mirror that they meet first: wall and sensors by the share that these cover there.

    Without `coverage` it is bare wall all over.
    """
    landing = land(rays, detector.medium.optics(rays.wavelength), detector)
    covered = jnp.zeros_like(landing.time) if coverage is None else coverage.at(landing.point, detector)
    _, specular = wall_parts(detector, covered, landing.cosine, rays.wavelength)
    back = mirror(rays.direction, landing.normal)
    return Rays(landing.point, back, landing.time, rays.wavelength, landing.weight * specular)


def mirrored_light(
    once: Rays, twice: Rays | None, detector: Detector, waves: Waves, grid: WallGrid
) -> Float[Array, "nodes waves 3"]:
    """Detected light of rays that leave their first or second mirror, where they meet the wall next, apart for each wave.

    The numbers are the sum of the light, its delay, and its squared delay about the mean of the node. A ray tells each node
    when its wave would come by there, so that cells do not blur the time.
    """
    kind, rays = detector.shape.face(once.position), once
    if twice is not None:
        kind = jnp.concatenate([kind, jnp.full(twice.count, waves.kinds - 1, kind.dtype)])
        rays = jax.tree.map(lambda *parts: jnp.concatenate(parts), once, twice)
    optics, shape = detector.medium.optics(rays.wavelength), detector.shape
    landing = land(rays, optics, detector)
    arrived = landing.weight * detected(detector, landing.cosine, rays.wavelength)
    arrived = arrived * detector.sensors.quantum_efficiency(rays.wavelength)
    node, weight = grid.hats(landing.point / shape.half_extent())
    place = jnp.asarray(grid.place)[node] * shape.half_extent()
    way = ((place - landing.point[:, None]) * rays.direction[:, None]).sum(axis=-1)
    ahead = way * optics.index[:, None] / SPEED_OF_LIGHT
    delay = waves.reference.delay(place, landing.time[:, None] + ahead)
    pair, share = waves.pair(kind, landing.point, landing.time)
    rows = ((arrived[:, None] * weight)[..., None] * moments(delay))[:, :, None] * share[:, None, :, None]
    sums = grid.gathered(rows.reshape(*node.shape, -1), node * waves.pairs + pair[:, None], waves.pairs)
    sums = waves.apart(sums.reshape(-1, waves.pairs, 2, MOMENTS))
    charge, delayed, squared = jnp.moveaxis(sums, -1, 0)
    return jnp.stack([charge, delayed, jnp.maximum(squared - _squared_mean(charge, delayed), 0.0)], axis=-1)


def mirrored_at_sensors(
    light: Float[Array, "nodes waves 3"], detector: Detector, grid: WallGrid, points: int
) -> Float[Array, "sensors waves 3"]:
    """Photoelectrons of every sensor after mirror reflections, apart for each wave: their sum, delay and squared delay.

    The cells are read at `points` points of each disk: a curved wall may throw the light of a lamp together on less than a
    disk. With 0 they are read at its centre alone, which is as good where cells are larger than disks.
    """
    sensors, shape, waves = detector.sensors, detector.shape, light.shape[1]
    columns = light.reshape(len(light), -1)

    def read(place: Float[Array, "sensors 3"]) -> Array:
        values = grid.density_at(columns, place, shape)
        charge, delayed, about = values.reshape(-1, waves, MOMENTS).transpose(2, 0, 1)
        return jnp.stack([charge, delayed, about + _squared_mean(charge, delayed)], axis=-1)

    if points == 0:
        density = read(sensors.position)
    else:
        places = jnp.moveaxis(points_of(sensors, shape, points, grid.blur(shape)), 1, 0)
        # one point of all disks after another: memory stays that of one
        density = jax.lax.map(jax.checkpoint(read), places).mean(axis=0)
    return density * (sensors.area * sensors.relative_efficiency)[:, None, None]


def mirrored_arrival(
    light: Float[Array, "sensors waves 3"], detector: Detector, reference: Reference
) -> GaussianMixture:
    """The mirrored light, with a Gaussian of times for each wave.

    Where disks mirror less than the wall about them the light is a difference, whose noise may leave less than none: that is 0.
    """
    sensors = detector.sensors
    charge, delayed, squared = jnp.moveaxis(light, -1, 0)
    bright = charge > DARK
    weight = jnp.where(bright, charge, 1.0)
    mean = jnp.where(bright, delayed / weight, 0.5)
    variance = jnp.where(bright, jnp.maximum(squared / weight - mean**2, 1e-6), 1e-2)
    return GaussianMixture(
        jnp.maximum(charge, 0.0),
        reference.time_at(sensors.position)[:, None] + 100.0 * mean,
        jnp.sqrt((100.0 * safe_sqrt(variance)) ** 2 + sensors.time_spread[:, None] ** 2),
    )


def _squared_mean(charge: Array, delayed: Array) -> Array:
    """Light times the square of its mean delay."""
    return jnp.where(charge > DARK, delayed**2 / jnp.where(charge > DARK, charge, 1.0), 0.0)
