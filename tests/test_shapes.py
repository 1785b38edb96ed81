import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.shape import Box, Cylinder, Sphere
from lampyris.shape.testing import check_shape

SHAPES = {"cylinder": (Cylinder, (3.0, 8.0)), "sphere": (Sphere, (5.0,)), "box": (Box, ([4.0, 6.0, 10.0],))}
AREAS = {
    "cylinder": [48.0 * np.pi, 9.0 * np.pi, 9.0 * np.pi],
    "sphere": [100.0 * np.pi],
    "box": [60.0, 60.0, 40.0, 40.0, 24.0, 24.0],
}
VOLUMES = {"cylinder": 72.0 * np.pi, "sphere": 500.0 / 3.0 * np.pi, "box": 240.0}


@pytest.fixture(params=SHAPES)
def name(request):
    return request.param


def make(name):
    kind, sizes = SHAPES[name]
    return kind(*sizes)


def isotropic(generator, count):
    vector = generator.normal(size=(count, 3))
    return vector / np.linalg.norm(vector, axis=1, keepdims=True)


def test_shape_keeps_the_contract(name):
    check_shape(make(name), jax.random.key(1))


def test_areas_and_volume(name):
    shape = make(name)
    areas, volume, area = on_host(lambda s: (s.face_areas(), s.volume(), s.area()), shape)
    np.testing.assert_allclose(areas, AREAS[name], rtol=1e-6)
    assert volume == pytest.approx(VOLUMES[name], rel=1e-6)
    assert area == pytest.approx(np.sum(AREAS[name]), rel=1e-6)


class InsideOut(Sphere):
    def intersect(self, position, direction):
        distance, normal = super().intersect(position, direction)
        return distance, -normal


class NearRoot(Sphere):
    """Takes the root that a ray from the wall starts at."""

    def intersect(self, position, direction):
        distance, normal = super().intersect(position, direction)
        on_wall = jnp.abs(self.signed_distance(position)) < 1e-4
        return jnp.where(on_wall, 0.0, distance), normal


class TooLarge(Sphere):
    def volume(self):
        return 1.01 * super().volume()


class Frozen(Sphere):
    def intersect(self, position, direction):
        return jax.tree.map(jax.lax.stop_gradient, super().intersect(position, direction))


@pytest.mark.parametrize(
    ("broken", "rule"),
    [(InsideOut, "inwards|wall|volume"), (NearRoot, "fly|chord"), (TooLarge, "volume"), (Frozen, "derivatives")],
)
def test_broken_shapes_are_found(broken, rule):
    with pytest.raises(AssertionError, match=rule):
        check_shape(broken(5.0), jax.random.key(1))


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
