"""Sensors that stand out of the wall: domes, balls and tilted tubes on housings, in Monte Carlo."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.form import Ball, Dome, Flush
from lampyris.layout import box_panels, domed_modules, fibonacci_sphere
from lampyris.medium import Medium, Scatterer
from lampyris.phase import Rayleigh
from lampyris.sensors import make_sensors
from lampyris.shape import Box, Sphere
from lampyris.source import Isotropic, Photons
from lampyris.surface import Lambertian
from lampyris.transport import Hybrid, MonteCarlo
from lampyris.transport.bodies import Bodies
from lampyris.transport.history import PathEvent
from lampyris.transport.paths import draw_paths

TRANSPORT = MonteCarlo(lanes=4096)
CLEAR = Medium(1.33, np.inf)


def box(form, position, normal, radius, *, reflectance=0.0, medium=CLEAR, housing=None, size=(10.0, 10.0, 10.0)):
    sensors = make_sensors(
        np.asarray(position, float), np.asarray(normal, float), radius, 1.0, surface=Lambertian(reflectance), form=form
    )
    sensors = eqx.tree_at(lambda s: s.housing, sensors, housing, is_leaf=lambda x: x is None)
    return Detector(Box(list(size)), medium, Lambertian(reflectance), sensors)


def floor_dome(rise, radius=0.5, normal=(0.0, 0.0, 1.0), base=(0.0, 0.0, -5.0)):
    return box(Dome(rise), [base], [normal], radius)


def beam(count, direction, half=1.0, centre=(0.0, 0.0, -4.6), seed=1):
    """Parallel photons that fill a square of side 2 half across the beam, about a centre that they pass."""
    draw, direction = np.random.default_rng(seed), np.asarray(direction, float) / np.linalg.norm(direction)
    first = np.cross(direction, [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first)
    across = draw.uniform(-half, half, (count, 2)) @ np.stack([first, np.cross(direction, first)])
    start = np.asarray(centre) + across - 3.0 * direction
    return Photons(start, np.tile(direction, (count, 1)), np.zeros(count), np.full(count, 400.0))


def seen(detector, source, key=0):
    arrivals, balance = TRANSPORT(source, detector, key=jax.random.key(key))
    assert balance.error() == 0.0
    assert balance.cut_off == 0.0
    return arrivals, balance


def projected(rise, radius, cosine):
    """Area of a cap of a sphere as seen at an angle to its axis [m^2], by quadrature over its surface."""
    curvature = 0.5 * (radius**2 + rise**2) / rise
    sine = np.sqrt(1.0 - cosine**2)
    lowest = 1.0 - rise / curvature
    z = lowest + (1.0 - lowest) * (np.arange(4000) + 0.5) / 4000
    azimuth = 2.0 * np.pi * (np.arange(1000) + 0.5) / 1000
    facing = cosine * z[:, None] + sine * np.sqrt(1.0 - z[:, None] ** 2) * np.cos(azimuth)
    return curvature**2 * 2.0 * np.pi * (1.0 - lowest) * np.maximum(facing, 0.0).mean()


@pytest.mark.parametrize(
    ("rise", "degrees"), [(0.5, 0.0), (0.5, 60.0), (0.2, 40.0), (0.2, 65.0), (0.02, 30.0), (0.8, 50.0)]
)
def test_a_dome_is_seen_by_its_projected_area(rise, degrees):
    count, angle = 40_000, np.radians(degrees)
    arrivals, _ = seen(floor_dome(rise), beam(count, [np.sin(angle), 0.0, -np.cos(angle)]))
    share = projected(rise, 0.5, np.cos(angle)) / 4.0
    assert len(arrivals.time) == pytest.approx(count * share, abs=4.0 * np.sqrt(count * share * (1.0 - share)))


def test_a_half_sphere_has_its_closed_form():
    for degrees in (0.0, 60.0):
        cosine = np.cos(np.radians(degrees))
        assert projected(0.5, 0.5, cosine) == pytest.approx(0.5 * np.pi * 0.25 * (1.0 + cosine), rel=1e-4)


def test_a_tilted_tube_blocks_light_behind_it():
    tilted = floor_dome(0.05, normal=(np.sin(1.0), 0.0, np.cos(1.0)), base=(0.0, 0.0, -4.5))
    towards, away = [-np.sin(1.0), 0.0, -np.cos(1.0)], [np.sin(1.0), 0.0, -0.2]
    arrivals, _ = seen(tilted, beam(20_000, towards))
    share = np.pi * 0.25 / 4.0
    assert len(arrivals.time) == pytest.approx(20_000 * share, abs=4.0 * np.sqrt(20_000 * share))
    assert np.quantile(arrivals.cosine, 0.01) > 0.95
    arrivals, balance = seen(tilted, beam(20_000, away))
    assert len(arrivals.time) == 0
    assert balance.in_wall == 20_000


def test_balls_shadow_each_other_in_the_volume():
    ball = box(Ball(), [[0.0, 0.0, 2.0], [0.0, 0.0, 4.0]], [[0.0, 0.0, -1.0]] * 2, np.array([0.5, 0.6]))
    count = 200_000
    arrivals, balance = seen(ball, Isotropic([0.0, 0.0, 0.0], photons=float(count)))
    near = 0.5 * (1.0 - np.sqrt(1.0 - (0.5 / 2.0) ** 2))
    hits = np.bincount(arrivals.channel, minlength=2)
    assert hits[0] == pytest.approx(balance.emitted * near, abs=4.0 * np.sqrt(count * near))
    assert hits[1] == 0  # 0.6 / 4 is behind 0.5 / 2
    distance = np.sqrt(4.0 - 0.25)
    times = arrivals.time * 299.792458e-3 / 1.33
    assert 1.5 <= times.min() < times.max() <= distance * (1.0 + 1e-4)


def modules_in_a_box(reflectance=0.3, medium=CLEAR):
    centre, normal = box_panels(Box([4.0, 4.0, 4.0]), pitch=0.9, margin=0.5)
    placed, housing = domed_modules(centre, normal, 0.04, (0.25, 0.12))
    return box(
        Dome(0.012), *placed, 0.04, reflectance=reflectance, medium=medium, housing=housing, size=(4.0, 4.0, 4.0)
    )


def first(search, position, direction, limit):
    return search.first(position, direction, limit)


def nearest_of_all(caps, position, direction):
    """Path to the nearest body and its number, tried one by one in double precision; -1 for none."""
    base, axis, centre = (np.asarray(column, float) for column in (caps.base, caps.axis, caps.centre))
    rim, curvature = np.asarray(caps.rim, float), np.asarray(caps.curvature, float)
    to_centre = centre - position[:, None]
    along = (to_centre * direction[:, None]).sum(2)
    inside = curvature**2 - ((to_centre**2).sum(2) - along**2)
    front = along - np.sqrt(np.maximum(inside, 0.0))
    height = ((position[:, None] + front[..., None] * direction[:, None] - base) * axis).sum(2)
    front = np.where((inside > 0) & (front > 0) & (height > 0), front, np.inf)
    speed = direction @ axis.T
    back = ((base - position[:, None]) * axis).sum(2) / np.where(speed > 0, speed, 1.0)
    across = position[:, None] + back[..., None] * direction[:, None] - base
    back = np.where((speed > 0) & (back > 0) & ((across**2).sum(2) < rim**2), back, np.inf)
    path = np.minimum(front, back)
    body = path.argmin(1)
    each = np.arange(len(body))
    is_front = (front <= back)[each, body] & np.isfinite(path[each, body])
    return path[each, body], np.where(is_front, np.asarray(caps.channel)[body], -1)


@pytest.mark.parametrize("kind", ["modules", "balls", "domes"])
def test_the_search_finds_what_a_full_search_finds(kind):
    if kind == "modules":
        world = modules_in_a_box()
    elif kind == "balls":
        string = np.stack([np.zeros(9), np.zeros(9), np.linspace(-4.0, 4.0, 9)], axis=1)
        centre = np.concatenate([string + np.array([x, y, 0.1 * x]) for x in (-3.0, 0.0, 3.0) for y in (-2.0, 2.0)])
        world = box(Ball(), centre, np.tile([0.0, 0.0, -1.0], (len(centre), 1)), 0.2)
    else:
        shape = Sphere(5.0)
        sensors = make_sensors(*fibonacci_sphere(shape, 250), 0.3, 1.0, form=Dome(0.25))
        world = Detector(shape, CLEAR, Lambertian(0.0), sensors)
    draw, count = np.random.default_rng(3), 4000
    position = draw.uniform(-1.0, 1.0, (count, 3)) * np.asarray(world.shape.half_extent()) / np.sqrt(3.0)
    direction = draw.normal(size=(count, 3))
    direction[np.arange(50), draw.integers(0, 3, 50)] = 0.0  # some along planes and axes of the cells
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    position, direction = position.astype(np.float32), direction.astype(np.float32)
    limit, _ = on_host(type(world.shape).intersect, world.shape, position, direction)
    caps, search = world.sensors.bodies(), Bodies.of(world)
    expected, channel = nearest_of_all(caps, position.astype(float), direction.astype(float))
    met = expected < limit
    path, found, at_body = np.zeros(count, np.float32), np.full(count, -1), np.zeros(count, bool)
    going = np.ones(count, bool)
    for _ in range(200):
        stop = on_host(first, search, position + path[:, None] * direction, direction, limit - path)
        path = np.where(going, path + stop.path, path)
        found, at_body = np.where(going, stop.channel, found), np.where(going, stop.at_body, at_body)
        going &= stop.passing
    assert not going.any()
    assert 0.05 < met.mean() < 1.0
    # a way that starts inside of a body or grazes one within the rounding may differ
    same = (at_body == met) & (~met | ((np.abs(path - expected) < 1e-3) & (found == channel)))
    assert (~same).sum() <= 3


def test_reflections_follow_their_law_among_bodies():
    """The chance of exactly k reflections is (1 - r) r^k, whatever light meets, where all takes light alike."""
    reflectance, count = 0.6, 4000
    world, source = modules_in_a_box(reflectance), Isotropic([0.3, 0.2, -0.4], photons=30_000.0)
    arrivals, balance = seen(world, source, key=2)
    assert balance.at_sensors + balance.in_wall == balance.traced
    assert balance.at_sensors == len(arrivals.time) > 1000
    history = TRANSPORT.history(source, world, key=jax.random.key(5), photons=count)
    reflections = np.isin(history.events, (PathEvent.WALL_REFLECTION, PathEvent.SENSOR_REFLECTION)).sum(axis=1)
    mean = reflectance / (1.0 - reflectance)
    assert reflections.mean() == pytest.approx(mean, abs=4.0 * np.sqrt(mean / (1.0 - reflectance) / count))
    touched = history.events == PathEvent.SENSOR_REFLECTION
    assert touched.any()
    # a way ends at what it met: sensors stand out of the walls of the box
    depth = on_host(type(world.shape).signed_distance, world.shape, history.points[:, 1:][touched])
    assert (depth > 0.01).all()


def test_the_mean_chord_is_4_volumes_over_the_surface():
    """Of diffuse light in a cavity, whatever stands in it: bodies take volume away and add surface."""
    shape, radius, rise = Box([2.0, 2.0, 2.0]), 0.3, 0.2
    placed = box_panels(shape, pitch=0.8, margin=0.4)
    world = box(Dome(rise), *placed, radius, reflectance=0.95, size=(2.0, 2.0, 2.0))
    history = TRANSPORT.history(Isotropic([0.0, 0.1, 0.0], photons=4000.0), world, key=jax.random.key(6), photons=2000)
    length = np.linalg.norm(np.diff(history.points, axis=1), axis=2)
    late = (np.arange(length.shape[1]) >= 4) & (history.events != PathEvent.NONE)  # even by then
    pieces = length[late]
    number = world.sensors.count
    cap = np.pi * rise**2 * (3.0 * 0.5 * (radius**2 + rise**2) / rise - rise) / 3.0
    surface = 24.0 - number * np.pi * radius**2 + number * np.pi * (radius**2 + rise**2)
    expected = 4.0 * (8.0 - number * cap) / surface
    assert len(pieces) > 10_000
    # pieces of one way are correlated a little: twice the error of independent ones is their 4 sigma over 2
    assert pieces.mean() == pytest.approx(expected, abs=6.0 * pieces.std() / np.sqrt(len(pieces)))


def test_flat_domes_count_as_flush_disks():
    shape = Box([4.0, 4.0, 4.0])
    placed = box_panels(shape, pitch=0.5, margin=0.3)
    medium = Medium(1.33, 20.0, (Scatterer(5.0, Rayleigh()),))
    source, counts = Isotropic([0.5, -0.4, 0.8], photons=60_000.0), []
    for form, key in ((Flush(), 1), (Dome(1e-3), 2)):
        world = box(form, *placed, 0.2, reflectance=0.4, medium=medium, size=(4.0, 4.0, 4.0))
        arrivals, balance = seen(world, source, key)
        counts.append(np.bincount(arrivals.channel, minlength=world.sensors.count).astype(float))
        assert balance.in_medium > 0
    chi_square = ((counts[0] - counts[1]) ** 2 / (counts[0] + counts[1])).sum()
    assert chi_square == pytest.approx(len(counts[0]), abs=4.0 * np.sqrt(2.0 * len(counts[0])))


def test_sensors_that_cannot_stand_there_are_refused():
    with pytest.raises(LampyrisError, match="depth of channel 0 in the wall"):
        floor_dome(0.2, base=(0.0, 0.0, -5.2))
    with pytest.raises(LampyrisError, match="depth of channel 0 in the wall"):
        floor_dome(0.2, normal=(0.0, 0.0, -1.0))
    with pytest.raises(LampyrisError, match="depth of channel 1 in the wall"):
        box(Ball(), [[0.0, 0.0, 0.0], [0.0, 0.0, 4.8]], [[0.0, 0.0, 1.0]] * 2, 0.5)
    with pytest.raises(LampyrisError, match="must not overlap, but 0 and 1"):
        box(Ball(), [[0.0, 0.0, 0.0], [0.0, 0.0, 0.9]], [[0.0, 0.0, 1.0]] * 2, 0.5)
    with pytest.raises(LampyrisError, match="must not overlap, but 0 and 1"):
        box(Flush(), [[0.0, 0.0, -5.0], [0.3, 0.0, -5.0]], [[0.0, 0.0, 1.0]] * 2, 0.2)
    with pytest.raises(LampyrisError, match="over an edge"):
        box(Flush(), [[4.9, 0.0, -5.0]], [[0.0, 0.0, 1.0]], 0.2)
    centre, normal = box_panels(Box([4.0, 4.0, 4.0]), pitch=0.9, margin=0.5)
    placed, housing = domed_modules(centre, normal, 0.04, (0.25, 0.12))
    with pytest.raises(LampyrisError, match="channel 0 is inside of housing 0"):
        box(Dome(0.001), *placed, 0.04, housing=housing, size=(4.0, 4.0, 4.0))
    with pytest.raises(LampyrisError, match="domed_modules"):
        domed_modules(centre, normal, 0.04, (0.2, 0.12))


def test_other_transports_say_what_they_do_not_take(small_tank):
    domes = eqx.tree_at(lambda d: d.sensors.form, small_tank, Dome(0.1), is_leaf=lambda x: isinstance(x, Flush))
    source = Isotropic([0.0, 0.0, 0.0], photons=1e4)
    with pytest.raises(LampyrisError, match="Dome"):
        Hybrid()(source, domes)
    with pytest.raises(LampyrisError, match="Dome"):
        draw_paths(source, domes, count=100, steps=3, key=jax.random.key(0))


def test_a_channel_that_is_taken_keeps_its_own_rise():
    rises = jnp.asarray([0.1, 0.2])
    sensors = make_sensors([[0.0, 0.0, -5.0], [2.0, 0.0, -5.0]], [[0.0, 0.0, 1.0]] * 2, 0.3, 1.0, form=Dome(rises))
    np.testing.assert_allclose(sensors.take(np.array([1])).bodies().rise, [0.2])
