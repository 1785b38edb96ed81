import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.shape import Box, Cylinder, Sphere
from lampyris.surface import lambertian_direction

SHAPES = {"cylinder": (Cylinder, (3.0, 8.0)), "sphere": (Sphere, (5.0,)), "box": (Box, ([4.0, 6.0, 10.0],))}
AREAS = {
    "cylinder": [48.0 * np.pi, 9.0 * np.pi, 9.0 * np.pi],
    "sphere": [100.0 * np.pi],
    "box": [60.0, 60.0, 40.0, 40.0, 24.0, 24.0],
}
VOLUMES = {"cylinder": 72.0 * np.pi, "sphere": 500.0 / 3.0 * np.pi, "box": 240.0}
PER_FACE = 16_384


@pytest.fixture(params=SHAPES)
def name(request):
    return request.param


def make(name):
    kind, sizes = SHAPES[name]
    return kind(*sizes)


def isotropic(generator, count):
    vector = generator.normal(size=(count, 3))
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def flights(shape, position, direction, uniform):
    """A flight from inside to the wall, and the next from there with a cosine law."""
    first, normal = shape.intersect(position, direction)
    wall = position + first[:, None] * direction
    onwards = lambertian_direction(normal, uniform)
    second, next_normal = shape.intersect(wall, onwards)
    across = wall + second[:, None] * onwards
    middle = 0.5 * (wall + across)
    near = wall + 0.02 * direction
    back = shape.on_wall(near)
    return {
        "inside": shape.contains(position),
        "normal": normal,
        "next_normal": next_normal,
        "wall": wall,
        "across": across,
        "second": second,
        "off": jnp.abs(shape.signed_distance(wall)),
        "next_off": jnp.abs(shape.signed_distance(across)),
        "middle": shape.signed_distance(middle),
        "back": back,
        "back_off": jnp.abs(shape.signed_distance(back)),
        "back_again": shape.on_wall(back),
        "moved": jnp.linalg.norm(back - near, axis=1),
    }


def test_flights_end_on_the_wall(name):
    shape, generator, count = make(name), np.random.default_rng(1), 8192
    direction = isotropic(generator, count)
    # points of the ball in the shape are enough: the second flights start everywhere on the wall
    position = 1.9 * isotropic(generator, count) * generator.random((count, 1)) ** (1 / 3)
    f = on_host(flights, shape, position, direction, generator.random((count, 2)))
    assert f["inside"].all()
    assert f["off"].max() < 2e-5
    assert f["next_off"].max() < 2e-5
    for normal, wall in ((f["normal"], f["wall"]), (f["next_normal"], f["across"])):
        np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1.0, atol=1e-5)
        assert ((normal * wall).sum(axis=1) < 0).all()  # the shape is convex about the origin
    assert ((f["normal"] * direction).sum(axis=1) < 1e-6).all()
    # a flight from the wall inwards crosses the volume: rounding never ends it where it starts
    assert (f["second"] > 0).all()
    assert f["middle"].min() > -1e-5
    assert np.median(f["middle"]) > 0.1


def test_nearest_wall_point_is_a_fixed_point(name):
    shape, generator, count = make(name), np.random.default_rng(1), 8192
    direction = isotropic(generator, count)
    position = 1.9 * isotropic(generator, count) * generator.random((count, 1)) ** (1 / 3)
    f = on_host(flights, shape, position, direction, generator.random((count, 2)))
    assert f["back_off"].max() < 2e-5
    np.testing.assert_allclose(f["back_again"], f["back"], atol=2e-5)
    assert f["moved"].max() < 0.03


def faces_of(shape, points, uniform):
    """Numbers of the faces of wall points, inward normals there, and the chords that start there with a cosine law."""
    length = jnp.linalg.norm(points, axis=1)
    reach, normal = shape.intersect(jnp.zeros_like(points), points / length[:, None])
    chord, _ = shape.intersect(points, lambertian_direction(normal, uniform))
    sizes = shape.face_areas(), shape.volume(), shape.area()
    return shape.face(points), reach - length, -(normal * points).sum(axis=1), chord, sizes


def test_face_samples_areas_volume_and_mean_chord(name):
    shape = make(name)
    samples = type(shape).face_samples(PER_FACE)
    points = np.concatenate(samples) * np.asarray(shape.half_extent())
    uniform = np.random.default_rng(2).random((len(points), 2))
    face, off, height, chord, (areas, volume, area) = on_host(faces_of, shape, points, uniform)
    np.testing.assert_array_equal(face, np.repeat(np.arange(len(samples)), PER_FACE))
    assert np.abs(off).max() < 2e-5
    np.testing.assert_allclose(areas, AREAS[name], rtol=1e-6)
    assert volume == pytest.approx(VOLUMES[name], rel=1e-6)
    assert area == pytest.approx(np.sum(AREAS[name]), rel=1e-6)
    # divergence theorem: the volume is a third of the integral of the height of the wall above the origin
    by_face = height.astype(float).reshape(len(samples), -1)
    assert (areas * by_face.mean(axis=1)).sum() / 3.0 == pytest.approx(volume, rel=1e-4)
    # Cauchy: the mean chord of isotropic uniform inflow is 4 V / S
    by_face = chord.astype(float).reshape(len(samples), -1)
    mean = (areas * by_face.mean(axis=1)).sum() / area
    sigma = np.sqrt((areas**2 * by_face.var(axis=1) / PER_FACE).sum()) / area
    assert mean == pytest.approx(4.0 * VOLUMES[name] / area, abs=4.0 * sigma)


def test_mean_chord_of_super_kamiokande():
    shape = Cylinder(16.9, 36.2)
    assert float(4.0 * shape.volume() / shape.area()) == pytest.approx(23.0426, rel=1e-5)


def slope_and_difference(shape, position, direction, turn, step):
    """Derivative of the distance along a move of position, direction and size, and its finite difference."""

    def distance(t):
        larger = jax.tree.map(lambda size: size * (1.0 + 0.3 * t), shape)
        length, normal = larger.intersect(position + t * turn, direction + 0.1 * t * turn[:, ::-1])
        return length, normal

    zero = jnp.zeros(())
    _, slope = jax.jvp(lambda t: distance(t)[0], (zero,), (jnp.ones(()),))
    (after, normal_after), (before, normal_before) = distance(step), distance(-step)
    same = (normal_after * normal_before).sum(axis=1) > 0.9
    return slope, (after - before) / (2.0 * step), same


def test_gradient_of_the_distance(name, double_precision):
    shape, generator, count = make(name), np.random.default_rng(3), 2048
    position, direction, turn = (
        1.5 * isotropic(generator, count),
        isotropic(generator, count),
        isotropic(generator, count),
    )
    slope, difference, same = on_host(slope_and_difference, shape, position, direction, turn, 1e-5)
    assert same.mean() > 0.99  # the others meet an edge
    np.testing.assert_allclose(slope[same], difference[same], rtol=1e-5, atol=1e-6)
