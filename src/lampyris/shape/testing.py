"""The contract of a shape as a test: for the shapes of this package and for those of its users."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from lampyris._host import on_host
from lampyris._math import safe_sqrt, turn
from lampyris._random import generator
from lampyris.shape._shape import Shape

RAYS = 8192
PER_FACE = 16_384


def check_shape(shape: Shape, key: PRNGKeyArray) -> None:
    """Raise `AssertionError`, with what is wrong, unless the shape keeps the contract of `Shape`.

    Rays from inside and from the wall must end on the wall, with inward normals; faces, areas, volume, samples of the
    faces, nearest points and derivatives must agree with each other. Lengths are held to float32, means to 4 sigma.
    """
    draw = generator(key)
    _check_faces(shape, draw)
    _check_flights(shape, draw)
    _check_slopes(shape, draw)


def _expect(good, what: str) -> None:
    if not np.all(good):
        raise AssertionError(f"A shape breaks its contract: {what}.")


def _isotropic(draw: np.random.Generator, count: int) -> np.ndarray:
    vector = draw.normal(size=(count, 3))
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def _inside(shape: Shape, draw: np.random.Generator, count: int) -> np.ndarray:
    """Points of the whole volume: the shape is convex about the origin."""
    wall = np.concatenate(type(shape).face_samples(count)) * np.asarray(shape.half_extent())
    return draw.choice(wall, count) * 0.999 * draw.random((count, 1)) ** (1 / 3)


def _onwards(normal: Array, uniform: Array) -> Array:
    """Directions with a cosine law about the normal."""
    return turn(normal, safe_sqrt(1.0 - uniform[:, 0]), 2.0 * jnp.pi * uniform[:, 1])


def _walls(shape: Shape, points: Array, uniform: Array) -> dict[str, Array]:
    """What the shape says of wall points, and the chords that start there with a cosine law."""
    length = jnp.linalg.norm(points, axis=1)
    reach, normal = shape.intersect(jnp.zeros_like(points), points / length[:, None])
    chord, _ = shape.intersect(points, _onwards(normal, uniform))
    flat = jnp.stack(shape.unroll(points), axis=1)
    said = {"face": shape.face(points), "off": reach - length, "normal": normal, "chord": chord, "flat": flat}
    return said | {"areas": shape.face_areas(), "volume": shape.volume(), "distances": shape.face_distances(points)}


def _check_faces(shape: Shape, draw: np.random.Generator) -> None:
    samples = type(shape).face_samples(PER_FACE)
    _expect(
        [part.shape == samples[0].shape for part in samples], "`face_samples` must give as many points on each face"
    )
    points, number = np.concatenate(samples) * np.asarray(shape.half_extent()), len(samples)
    size = float(np.max(np.asarray(shape.half_extent())))
    walls = on_host(_walls, shape, points, draw.random((len(points), 2)))
    areas, volume = walls["areas"].astype(float), float(walls["volume"])
    own = np.repeat(np.arange(number), len(samples[0]))
    _expect(areas.shape == (number,), "`face_areas` and `face_samples` must have the same faces")
    _expect(walls["distances"].shape == (len(points), number), "`face_distances` must have a column for each face")
    _expect(walls["face"] == own, "`face` must name the face that `face_samples` puts a point on")
    _expect(np.abs(walls["off"]) < 1e-5 * size, "`face_samples` times `half_extent` must lie on the wall")
    _expect(np.isfinite(walls["flat"]), "`unroll` must be finite on the wall")
    _expect(np.abs(points).max(axis=0) <= np.asarray(shape.half_extent()) * 1.00001, "`half_extent` must hold the wall")
    height = -(walls["normal"].astype(float) * points).sum(axis=1)
    by_face = height.reshape(number, -1).mean(axis=1)
    # divergence theorem: the volume is a third of the integral of the height of the wall above the origin
    _expect(abs((areas * by_face).sum() / 3.0 / volume - 1.0) < 1e-3, "`volume` must be that inside areas and normals")
    flux = (areas[:, None] * walls["normal"].astype(float).reshape(number, -1, 3).mean(axis=1)).sum(axis=0)
    _expect(np.abs(flux) < 1e-3 * areas.sum(), "`face_areas` and normals must close the wall")
    chord = walls["chord"].astype(float).reshape(number, -1)
    mean = (areas * chord.mean(axis=1)).sum() / areas.sum()
    sigma = np.sqrt((areas**2 * chord.var(axis=1) / chord.shape[1]).sum()) / areas.sum()
    # Cauchy: the mean chord of isotropic uniform inflow is 4 V / S
    _expect(abs(mean - 4.0 * volume / areas.sum()) < 4.0 * sigma, "the mean chord must be 4 volume / area")


def _flights(shape: Shape, position: Array, direction: Array, uniform: Array) -> dict[str, Array]:
    """A flight from inside to the wall, and the next from there with a cosine law."""
    first, normal = shape.intersect(position, direction)
    wall = position + first[:, None] * direction
    onwards = _onwards(normal, uniform)
    second, next_normal = shape.intersect(wall, onwards)
    across = wall + second[:, None] * onwards
    near = wall + 0.005 * shape.half_extent().min() * direction
    back = shape.on_wall(near)
    return {
        "inside": shape.contains(position),
        "normals": jnp.concatenate([normal, next_normal]),
        "walls": jnp.concatenate([wall, across]),
        "against": jnp.sum(normal * direction, axis=1),
        "second": second,
        "off": jnp.abs(shape.signed_distance(jnp.concatenate([wall, across, back]))),
        "middle": shape.signed_distance(0.5 * (wall + across)),
        "back": back,
        "again": shape.on_wall(back),
        "moved": jnp.linalg.norm(back - near, axis=1),
        "before": jnp.abs(shape.signed_distance(near)),
    }


def _check_flights(shape: Shape, draw: np.random.Generator) -> None:
    f = on_host(_flights, shape, _inside(shape, draw, RAYS), _isotropic(draw, RAYS), draw.random((RAYS, 2)))
    size = float(np.max(np.asarray(shape.half_extent())))
    fine = 1e-5 * size
    _expect(f["inside"], "`contains` must say of points inside that they are")
    _expect(f["off"] < fine, "`intersect` and `on_wall` must end on the wall")
    _expect(np.abs(np.linalg.norm(f["normals"], axis=1) - 1.0) < 1e-4, "normals must be unit vectors")
    _expect((f["normals"] * f["walls"]).sum(axis=1) < 0, "normals must point inwards")
    _expect(f["against"] < 1e-5, "normals must face the light")
    # a flight from the wall inwards crosses the volume: rounding never ends it where it starts
    _expect(f["second"] > 0, "a ray from the wall inwards must fly")
    _expect(f["middle"] > -fine, "the shape must be convex")
    _expect(np.median(f["middle"]) > 0.01 * size, "a ray from the wall inwards must cross the volume")
    _expect(np.abs(f["again"] - f["back"]) < fine, "`on_wall` must leave points of the wall where they are")
    _expect(f["moved"] < 2.0 * f["before"] + fine, "`on_wall` must find a near point of the wall")


def _check_slopes(shape: Shape, draw: np.random.Generator) -> None:
    """Derivatives of distances in place, direction and size, against differences; rays that meet an edge are left out."""
    size = float(np.min(np.asarray(shape.half_extent())))
    step = 2e-3

    def slopes(shape: Shape, position: Array, direction: Array, turned: Array) -> tuple[Array, Array, Array]:
        def distance(t: Array) -> tuple[Array, Array]:
            larger = jax.tree.map(lambda length: length * (1.0 + 0.3 * t), shape)
            way = direction + 0.1 * t * turned[:, ::-1]
            return larger.intersect(position + size * t * turned, way)

        _, slope = jax.jvp(lambda t: distance(t)[0], (jnp.zeros(()),), (jnp.ones(()),))
        (after, normal_after), (before, normal_before) = distance(jnp.asarray(step)), distance(jnp.asarray(-step))
        return slope, (after - before) / (2.0 * step), jnp.sum(normal_after * normal_before, axis=1) > 0.9

    position = 0.7 * _inside(shape, draw, RAYS)
    slope, difference, same = on_host(slopes, shape, position, _isotropic(draw, RAYS), _isotropic(draw, RAYS))
    _expect(same.mean() > 0.95, "few rays may meet an edge")
    off = np.abs(slope - difference)[same]
    _expect(np.isfinite(slope), "derivatives of `intersect` must be finite")
    wrong = (off > 0.02 * (size + np.abs(difference[same]))).mean()
    _expect(wrong < 0.01, "derivatives of `intersect` must be those of its distances")
