"""Hybrid against the Monte Carlo referee, in units of its statistical error."""

from itertools import permutations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from _cases import EFFICIENCY, strong_box

import lampyris as lp
from lampyris.layout import box_panels
from lampyris.medium import Scatterer
from lampyris.phase import HenyeyGreenstein
from lampyris.surface import Lambertian, Mixture
from lampyris.transport.mirrored import mirrored_arrival, mirrored_at_sensors, mirrored_light, reflected
from lampyris.transport.reference import Coverage, Reference
from lampyris.transport.resolution import basis_bias, expectation
from lampyris.transport.scattered import scattered_at_sensors, scattered_light, scattered_rays
from lampyris.transport.wall_grid import WallGrid
from lampyris.transport.waves import Waves

pytestmark = pytest.mark.slow


@eqx.filter_jit
def charge(transport, position, detector):
    return transport.indirect(lp.Isotropic(position, photons=1e6), detector).charge


def test_indirect_light_that_moves_over_an_edge_has_its_derivative(small_tank):
    """Charge of each face against the height of the source: light must leave one face for another under a derivative."""
    face = small_tank.shape.face(small_tank.sensors.position)
    height = jnp.array([0.0, 0.0, 1.0])

    def faces(z, transport):
        seen = charge(transport, jnp.array([0.8, -0.5, 1.2]) + z * height, small_tank)
        return jnp.stack([jnp.sum(jnp.where(face == number, seen, 0.0)) for number in range(3)])

    value, slope, step = eqx.filter_jit(faces), eqx.filter_jit(jax.jacfwd(faces)), 0.25
    off, differences = [], []
    for seed in range(8):
        transport = lp.Hybrid(rays=32768, seed=10 * seed)
        differences.append((value(step, transport) - value(-step, transport)) / (2.0 * step))
        off.append(slope(0.0, transport) - differences[-1])
    off, difference = np.asarray(off, float), np.mean(differences, axis=0)
    sigma = off.std(axis=0, ddof=1) / np.sqrt(len(off))
    assert (np.abs(off.mean(axis=0)) < 4.0 * sigma).all()
    assert (sigma < 0.4 * np.abs(difference)).all()  # else the test could not fail


def test_few_steps_and_the_estimated_rest_give_what_many_steps_give(small_tank):
    position = jnp.array([0.8, -0.5, 1.2])
    few, many = (float(charge(lp.Hybrid(rays=16384, steps=k), position, small_tank).sum()) for k in (4, 10))
    # each total has 0.4 % of sampling error
    assert few == pytest.approx(many, rel=4.0 * 0.004 * np.sqrt(2.0))


@pytest.mark.parametrize(
    "source",
    [
        lp.Isotropic([0.8, -0.5, 1.2], photons=4e5),
        lp.Laser([0.2, 0.1, 3.0], [0.0, 0.0, -1.0], photons=4e5, width=0.25),
    ],
    ids=["isotropic", "laser"],
)
def test_direct_and_indirect_light_agree_with_monte_carlo(small_tank, source):
    arrivals, balance = lp.MonteCarlo()(source, small_tank, key=jax.random.key(7))
    expectation = lp.expect(small_tank, source, transport=lp.Hybrid(rays=32768, steps=10))
    efficiency = 0.2
    for part, chosen in ((expectation.direct, arrivals.direct), (expectation.indirect, ~arrivals.direct)):
        seen = np.bincount(arrivals.channel[chosen], minlength=small_tank.sensors.count).astype(float)
        expected = np.asarray(part.charge, float) / efficiency
        # the Monte Carlo total fluctuates as Poisson; the sampled indirect light has 1.5 % of its own
        own = 0.0 if part is expectation.direct else 0.015 * expected.sum()
        assert abs(seen.sum() - expected.sum()) < 4.0 * np.hypot(np.sqrt(expected.sum()), own)
    direct = np.asarray(expectation.direct.charge, float) / efficiency
    lit = direct > 5.0
    seen = np.bincount(arrivals.channel[arrivals.direct], minlength=direct.size)[lit]
    chi_square = ((seen - direct[lit]) ** 2 / direct[lit]).mean()
    assert abs(chi_square - 1.0) < 4.0 * np.sqrt(2.0 / lit.sum())
    assert balance.error() == 0.0


def test_gradient_is_a_detector(small_tank):
    source = lp.Isotropic([0.8, -0.5, 1.2], photons=1e5)
    transport = lp.Hybrid(rays=1024, steps=4, degree=4)

    def total(detector):
        return lp.expect(detector, source, transport=transport).charge.sum()

    value, gradient = jax.jit(jax.value_and_grad(total))(small_tank)
    assert isinstance(gradient, lp.Detector)
    # every channel's light is proportional to its efficiency, so their slopes add up to the total
    assert float(gradient.sensors.relative_efficiency.sum()) == pytest.approx(float(value), rel=1e-3)
    assert float(gradient.medium.absorption_length.value) > 0
    assert float(gradient.wall.reflectance.value) > 0


def test_channels_that_are_worked_on_together_do_not_mix(tube_tank):
    """The direct light of a track is the same in whatever company a channel is, and so is its backward derivative."""
    track = lp.Track("mu-", 400.0, [0.4, -0.3, -1.5], [0.6, 0.0, 0.8], 2.0)

    def charge(sensors):
        return lp.Hybrid(rays=512).direct(track, eqx.tree_at(lambda d: d.sensors, tube_tank, sensors)).charge

    every = np.arange(0, tube_tank.sensors.count, 7)
    whole, some = jax.jit(charge)(tube_tank.sensors), jax.jit(charge)(tube_tank.sensors.take(every))
    np.testing.assert_allclose(some, whole[every], rtol=1e-5)
    slopes = jax.jit(jax.grad(lambda sensors: charge(sensors).sum()))(tube_tank.sensors)
    np.testing.assert_allclose(slopes.relative_efficiency, whole, rtol=1e-5)


def mirror_box():
    """A box of mirrors with a lamp."""
    shape, mirror = lp.Box([6.0, 8.0, 10.0]), Mixture(0.4, 1.0)
    position, normal = box_panels(shape, 0.8, 0.6)
    sensors = lp.make_sensors(position, normal, 0.1, 0.2, surface=mirror, transit_time_spread=1.0)
    detector = lp.Detector(shape, lp.Medium(1.33, np.inf), mirror, sensors, name="mirrors")
    return detector, lp.Isotropic([0.7, -1.1, 0.4], photons=1e6)


def image_of(point, face, size):
    """The mirror image of a point behind a face of a box."""
    axis, side = face // 2, 1 - 2 * (face % 2)
    image = np.array(point)
    image[axis] = side * size[axis] - image[axis]
    return image


def light_of_image(image, detector):
    """Photoelectrons that the sensors of such a box would see of a lamp at an image, and when they would [ns]."""
    way = np.asarray(detector.sensors.position, float) - image
    distance = np.linalg.norm(way, axis=1)
    cosine = np.maximum(-(way * np.asarray(detector.sensors.normal, float)).sum(axis=1) / distance, 0.0)
    return 1e6 * 0.2 * (1.0 - 0.4) * 0.1**2 * cosine / (4.0 * distance**2), distance * 1.33 / 0.299792458


@eqx.filter_jit
def arrival_of_images(count, detector, lamp):
    transport, grid = lp.Hybrid(mirror_rays=2**18), WallGrid.of(detector.shape, 32)
    waves = Waves.of(lamp.emitters(detector.medium, detector.sensors.quantum_efficiency), detector)
    rays = lamp.emit(transport.mirror_numbers, detector.medium)
    for _ in range(count):
        rays = reflected(rays, detector, Coverage.of(detector))
    light = mirrored_at_sensors(mirrored_light(rays, None, detector, waves, grid), detector, grid, 0)
    return mirrored_arrival(light, detector, waves.reference)


def told_of_images(count, detector, lamp):
    """Light of `count` mirror reflections, sensor by sensor, for each last face and wave: weight, time, rms."""
    found = arrival_of_images(count, detector, lamp)
    return tuple(np.asarray(x, float).reshape(len(x), 6, -1) for x in (found.weight, found.time, found.rms))


def test_mirror_images_are_those_of_closed_form():
    """In a box of mirrors the light from each face comes from behind it, when the way from there says."""
    detector, lamp = mirror_box()
    size, on = np.asarray(detector.shape.size, float), np.asarray(detector.shape.face(detector.sensors.position))
    weight, time, rms = told_of_images(1, detector, lamp)
    for face in range(6):
        lit = on != face
        seen, due = (
            part[lit] for part in light_of_image(image_of(np.asarray(lamp.position, float), face, size), detector)
        )
        # some hundred rays tell the light of a sensor, whose cells of 0.3 m smooth it by a few percent
        assert weight[lit, face].sum() == pytest.approx(0.4 * seen.sum(), rel=0.01)
        share = weight[lit, face] / weight[lit, face].sum(axis=-1, keepdims=True)
        late = (share * time[lit, face]).sum(axis=-1) - due
        width = np.sqrt((share * (rms[lit, face] ** 2 + (time[lit, face] - due[:, None]) ** 2)).sum(axis=-1) - late**2)
        # waves and straight light are taken as plane over a cell: half of its squared diagonal (0.5 m) over the distance
        # is 3 cm each, or 0.14 ns; a cell itself would blur times by 1 ns
        assert np.abs(late).max() < 0.28
        # light of one wave that two stages share comes at two means, each within those 0.28 ns: at most 0.4 ns in squares
        assert np.abs(width - 1.0).max() < 0.1


def test_images_of_images_are_those_of_closed_form():
    """The same of two mirrors: those that meet at an edge show one image together, those that face each other two."""
    detector, lamp = mirror_box()
    size, on = np.asarray(detector.shape.size, float), np.asarray(detector.shape.face(detector.sensors.position))
    weight, time, _ = told_of_images(2, detector, lamp)
    due = np.zeros((2, len(on)))
    for first, last in permutations(range(6), 2):
        image = image_of(image_of(np.asarray(lamp.position, float), first, size), last, size)
        seen, when = light_of_image(image, detector)
        opposite = first // 2 == last // 2
        lit = (on != last) & (opposite | (on != first))
        due += (1.0 if opposite else 0.5) * 0.4**2 * np.where(lit, [seen, seen * when], 0.0)
    for face in range(6):
        assert weight[on == face].sum() == pytest.approx(due[0, on == face].sum(), rel=0.01)
    late = (weight * time).sum(axis=(1, 2)) / weight.sum(axis=(1, 2)) - due[1] / due[0]
    # ten images share a sensor, each known to some percent: their means differ by ten ns and more
    assert np.abs(late.mean()) < 0.05
    assert late.std() < 1.0


@eqx.filter_jit
def scattered_and_mirrored(transport, lamp, detector):
    """Light per area by sensor and delay, whichever came first; when delays start at the sensors, and what they are [ns]."""
    emitters = lamp.emitters(detector.medium, detector.sensors.quantum_efficiency)
    delays = transport._delays(emitters, Reference.of(emitters, detector), detector)
    rays, numbers = lamp.emit(transport.scatter_numbers[:, :4], detector.medium), transport.scatter_numbers[:, 4:].T
    coverage = Coverage.of(detector)
    groups = [
        reflected(scattered_rays(rays, numbers, detector), detector, coverage),
        scattered_rays(reflected(rays, detector, coverage), numbers, detector),
    ]
    grid = WallGrid.of(detector.shape, 16)
    light = scattered_at_sensors(scattered_light(groups, detector, delays, grid), detector, grid)
    return light, delays.earliest.at(detector.sensors.position), jnp.asarray(delays.nodes.delay)


def test_light_of_a_scatter_and_a_mirror_is_that_of_monte_carlo():
    """Sensor by sensor, and by its mean delay."""
    detector, lamp = mirror_box()
    water = (Scatterer(6.0, HenyeyGreenstein(0.5)),)
    detector = eqx.tree_at(lambda d: d.medium.scatterers, detector, water)
    light, start, delay = map(np.asarray, scattered_and_mirrored(lp.Hybrid(scatter_rays=2**18), lamp, detector))
    light = light.astype(float) * np.asarray(detector.sensors.area, float)[:, None]
    arrivals, _ = lp.MonteCarlo()(lamp, detector, key=jax.random.key(3))
    chosen = (arrivals.scatters == 1) & (arrivals.reflections == 1)
    # arrivals are of all photons that sensors take in, of which a fifth is detected
    count = np.bincount(arrivals.channel[chosen], minlength=len(light))
    told = light.sum(axis=1) / 0.2
    assert told.sum() == pytest.approx(count.sum(), abs=4.0 * np.sqrt(count.sum()))
    chi_square = ((count - told) ** 2 / told).mean()
    assert chi_square == pytest.approx(1.0, abs=4.0 * np.sqrt(2.0 / len(told)))
    late = arrivals.time[chosen] - start[arrivals.channel[chosen]]
    mean = (light.sum(axis=0) * delay).sum() / light.sum()
    # cells of half a metre blur the delay by a ns or so, evenly to both sides
    assert mean == pytest.approx(late.mean(), abs=4.0 * late.std() / np.sqrt(late.size))


def test_a_source_near_the_wall_is_warned_of():
    """The estimated bias against that which the counts of Monte Carlo show, beside a wall and in the middle."""
    shiny = strong_box()
    sensors = eqx.tree_at(lambda s: s.surface, shiny.sensors, Lambertian(0.3))
    box = lp.Detector(shiny.shape, shiny.medium, Lambertian(0.6), sensors)
    near, middle = lp.Isotropic([2.9, 0.5, -0.4], photons=2e6), lp.Isotropic([0.2, 0.5, -0.4], photons=2e6)
    with pytest.warns(lp.LampyrisWarning, match=r"is 0.1 m from the wall, .* too coarse: charges are off"):
        lp.expect(box, near)
    lp.expect(box, middle)  # a warning would be an error
    jax.eval_shape(lambda photons: lp.expect(box, lp.Isotropic(near.position, photons=photons)).charge, 1e5)
    bias, in_the_middle = (basis_bias(lp.Hybrid(), source, box) for source in (near, middle))
    assert bias > 2.0 * in_the_middle
    arrivals, _ = lp.MonteCarlo()(near, box, key=jax.random.key(3))
    count = np.bincount(arrivals.channel[~arrivals.direct], minlength=box.sensors.count)
    expected = expectation(lp.Hybrid(rays=32768, steps=10, scatter_rays=131072), near, box)
    mean, whole = (np.asarray(part, float) / EFFICIENCY for part in (expected.indirect.charge, expected.charge))
    true = np.sqrt((((count - mean) ** 2 - mean) / whole).sum() / whole.sum())
    # twice the resolution shows some of it
    assert 0.3 * true < bias < 1.5 * true
