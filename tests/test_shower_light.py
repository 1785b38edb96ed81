"""The light of single showers: their yield and mean, their modes, and the derivatives of what sensors see of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris._host import on_host
from lampyris.catalog.media import water_sk
from lampyris.emission import load_profile
from lampyris.emission.shower_light import DEPTHS, NODES, SHOWERS, TURNS, load_shower_light
from lampyris.emission.tabulate import YieldTable
from lampyris.fit.model import BentMuon, OwnShower
from lampyris.fit.parameters import SCALES, with_turn
from lampyris.particle.engine import particle_columns
from lampyris.source import Shower
from lampyris.spectrum import Constant
from lampyris.transport.direct import DistanceTable, direct_light

DIRECTION = np.array([0.6, 0.0, 0.8])
ACROSS = np.stack([[0.8, 0.0, -0.6], [0.0, 1.0, 0.0]])


def shower(particle, energy, depths, turns, position=(0.0, 0.0, 0.0), direction=DIRECTION, time=5.0):
    return Shower(particle, energy, jnp.asarray(position), jnp.asarray(direction), time, depths, turns)


def shining(particle, energy, depths, turns):
    """Distances, axes, delays, spreads and light of the points of a shower in water."""
    emitters = shower(particle, energy, depths, turns).emitters(water_sk(), Constant(1.0))
    light = emitters.pattern.cumulative(jnp.full((1, NODES), jnp.pi - 1e-3))[0]
    along = emitters.position @ jnp.asarray(DIRECTION, float)
    late = emitters.time - 5.0 - along / 0.299792458
    return along, emitters.axis, late, emitters.time_rms, light


@pytest.mark.parametrize("particle", SHOWERS)
def test_typical_shower_has_the_light_of_its_energy_at_the_distance_of_the_profile(particle):
    profile, energies = load_profile(particle), np.array([20.0, 150.0, 600.0, 2500.0])

    def all_of(energy):
        form = load_shower_light(particle).at(profile.photons.scaled(energy), profile.distance(energy))
        draws = jnp.asarray(np.random.default_rng(0).normal(size=(400, DEPTHS)))
        mean = (
            jax.vmap(lambda depths: form.distance(depths, jnp.zeros((DEPTHS, DEPTHS))))(draws).mean(axis=0)
            * form.light.sum(axis=1)
        ).sum()
        typical = shining(particle, energy, jnp.zeros(DEPTHS), jnp.zeros((TURNS, 3)))
        return typical, mean, profile.distance(energy), profile.photons(energy)

    (along, axis, late, rms, light), mean, distance, photons = on_host(jax.vmap(all_of), energies)
    np.testing.assert_allclose(light.sum(axis=1), photons, rtol=1e-3)
    np.testing.assert_allclose(axis, np.broadcast_to(DIRECTION, axis.shape), atol=1e-6)
    # no gap is negative
    assert (np.diff(along, axis=1) >= 0.0).all()
    # nothing is ahead of light
    assert (late > -0.01).all()
    assert (rms > 0).all()
    # the showers that it was made from, and the 400 draws here, fix the mean distance to 1 to 3 % of itself each; real gaps
    # have longer tails than lognormal ones, and the light of slow electrons that turned back is put a centimetre ahead
    np.testing.assert_allclose(mean, distance, rtol=0.07, atol=0.015)


def test_unknown_depths_put_the_light_at_its_mean_place():
    """Of showers whose depths are known to a covariance, against the mean of draws from it."""
    profile, energy = load_profile("e-"), jnp.asarray(400.0)
    form = load_shower_light("e-").at(profile.photons.scaled(energy), profile.distance(energy))
    random = np.random.default_rng(7)
    root = np.diag(random.uniform(0.2, 1.0, DEPTHS)) @ np.linalg.qr(random.normal(size=(DEPTHS, DEPTHS)))[0]
    known = random.normal(size=DEPTHS)
    draws = known + random.normal(size=(4000, DEPTHS)) @ root.T
    places = on_host(jax.vmap(lambda depths: form.distance(depths, jnp.zeros((DEPTHS, DEPTHS)))), draws)
    there = np.asarray(form.distance(jnp.asarray(known, float), jnp.asarray(root @ root.T, float)))
    assert np.abs((there - places.mean(axis=0)) / (places.std(axis=0) / np.sqrt(len(draws)))).max() < 4.5
    sharp = np.asarray(form.distance(jnp.asarray(known, float), jnp.zeros((DEPTHS, DEPTHS))))
    assert sharp[-1] < 0.97 * there[-1]


def test_depths_fluctuate_as_those_of_simulated_showers():
    energy, count = 500.0, 150
    columns = particle_columns("e-", np.full(count, energy), key=jax.random.key(3))
    light = YieldTable.of(water_sk()).light(columns)
    middle = 0.5 * (columns["start"] + columns["end"])[:, 2]
    total = np.bincount(columns["event"], light, minlength=count)
    place = np.bincount(columns["event"], light * middle, minlength=count) / total
    draws = np.random.default_rng(1).normal(size=(2000, DEPTHS))
    make = jax.vmap(lambda depths: shining("e-", energy, depths, jnp.zeros((TURNS, 3)))[0::4])
    along, shine = on_host(make, draws)
    means = (along * shine).sum(axis=1) / shine.sum(axis=1)
    # the rms of 150 places is known to 6 to 9 %, depending on their tails
    assert means.std() == pytest.approx(place.std(), rel=4.0 * 0.08)
    assert means.mean() == pytest.approx(place.mean(), abs=4.0 * place.std() / np.sqrt(count))


def test_first_gaps_spread_as_those_of_simulated_showers():
    """Where the first tenth of the light of 1 GeV electrons ends, which the vertex of a fit hangs on."""
    energy, count = 1000.0, 120
    columns = particle_columns("e-", np.full(count, energy), key=jax.random.key(4))
    light = YieldTable.of(water_sk()).light(columns)
    middle, event = 0.5 * (columns["start"] + columns["end"])[:, 2], columns["event"]
    seen = np.zeros(count)
    for number in range(count):
        own = event == number
        order = np.argsort(middle[own])
        passed = np.cumsum(light[own][order])
        seen[number] = middle[own][order][np.searchsorted(passed, 0.1 * passed[-1])]
    draws = np.random.default_rng(1).normal(size=(2000, DEPTHS))
    make = jax.vmap(lambda depths: shining("e-", energy, depths, jnp.zeros((TURNS, 3)))[0::4])
    along, shine = on_host(make, draws)
    passed = (np.cumsum(shine, axis=1) - 0.5 * shine) / shine.sum(axis=1, keepdims=True)
    drawn = np.array([np.interp(0.1, p, a) for p, a in zip(passed, along, strict=True)])
    # medians of 120, and quantiles at the ends of the middle half, are known to 1.3 and 1.4 rms / sqrt(120)
    sigma = np.std(np.clip(seen, *np.quantile(seen, [0.05, 0.95]))) / np.sqrt(count)
    for share in (0.25, 0.5, 0.75):
        assert abs(np.quantile(seen, share) - np.quantile(drawn, share)) < 4.0 * 1.4 * sigma, share


def test_turns_lean_the_axis_more_and_more():
    def lean(number):
        _, axis, *_ = shining("e-", 1000.0, jnp.zeros(DEPTHS), number[:, None] * jnp.asarray(ACROSS[1]))
        return axis @ jnp.asarray(ACROSS.T)

    leans = on_host(jax.vmap(lean), np.eye(TURNS))
    np.testing.assert_allclose(leans[..., 0], 0.0, atol=1e-6)
    rms = np.degrees(np.sqrt((leans[..., 1] ** 2).sum(axis=0)))
    # an electron of 1 GeV turns by .7 degrees in a plane over its first .3 m (Highland), its shower by several
    assert (rms[:3] < 1.5).all()
    assert (rms[3:8] > 0.5).all()
    assert (rms[-8:] > 2.5).all()


def test_gradients_are_differences_in_every_number(small_tank, double_precision):
    tank = jax.tree.map(lambda leaf: leaf.astype(float), eqx.tree_at(lambda d: d.medium, small_tank, water_sk()))
    draw = np.random.default_rng(2)

    def charge(numbers):
        turns = numbers[DEPTHS + 8 :].reshape(TURNS, 3)
        direction = jnp.asarray(DIRECTION) + numbers[DEPTHS + 4] * ACROSS[0]
        energy, position = 300.0 * jnp.exp(numbers[DEPTHS]), numbers[DEPTHS + 1 : DEPTHS + 4]
        position, direction = position + jnp.array([-0.5, 0.3, -1.5]), direction / jnp.linalg.norm(direction)
        source = shower("e-", energy, numbers[:DEPTHS], turns, position, direction, numbers[DEPTHS + 5])
        emitters = source.emitters(tank.medium, tank.sensors.quantum_efficiency)
        light = direct_light(emitters, tank, DistanceTable.of(tank, emitters.wavelength, emitters.spectrum))
        time = jnp.linspace(5.0, 25.0, tank.sensors.count)
        return jnp.stack([light.charge, *light.density_and_cumulative(time)])

    at = np.concatenate([draw.normal(size=DEPTHS) * 0.7, np.zeros(8), draw.normal(size=3 * TURNS) * 0.7])
    towards = draw.normal(size=len(at)) * np.where(np.arange(len(at)) == DEPTHS, 0.1, 1.0)
    # along one random direction that moves every number, and along the first depth
    slopes = eqx.filter_jit(lambda a, d: jax.jvp(charge, (a,), (d,)))
    for direction in (towards, np.eye(len(at))[0]):
        value, slope = (np.asarray(part) for part in slopes(at, direction))
        ahead, behind = (np.asarray(slopes(at + sign * 1e-4 * direction, direction)[0]) for sign in (1.0, -1.0))
        difference = (ahead - behind) / 2e-4
        # the pattern is a piece of cubics: a kink may lie within the step of a few pairs
        scale = np.abs(difference).max(axis=1, keepdims=True)
        assert (np.abs(slope - difference) <= 2e-3 * scale).all()
        assert np.isfinite(value).all()


def test_a_turn_that_no_fit_can_know_opens_the_direction_and_nothing_else():
    model = OwnShower()
    turn = model.turn(100.0)
    # (Lynch, Dahl 1991) half a radiation length: 13.6 MeV / 100 MeV sqrt(.5) (1 + .038 ln .5)
    assert turn == pytest.approx(0.0936, rel=1e-3)
    assert model.turn(1000.0) == pytest.approx(0.1 * turn)
    assert BentMuon().turn(100.0) == 0.0
    draw = np.random.default_rng(1).normal(size=(7, 7))
    steps = draw @ draw.T * 1e-2
    opened = with_turn(steps, turn)
    assert np.trace(opened[4:6, 4:6]) == pytest.approx(2.0 * (turn / SCALES[4]) ** 2)
    assert np.count_nonzero(opened - steps) == 2
    assert np.linalg.eigvalsh(opened - steps).min() > -1e-12
    np.testing.assert_array_equal(with_turn(opened, 0.5 * turn), opened)


def test_what_a_shower_cannot_do_is_said():
    with pytest.raises(LampyrisError, match="gives predictions, not data"):
        shower("e-", 500.0, np.zeros(DEPTHS), np.zeros((TURNS, 3))).event(water_sk())
    with pytest.raises(LampyrisError, match="mu-"):
        load_shower_light("mu-")
    with pytest.raises(LampyrisError, match=r"depths"):
        shower("e-", 500.0, np.zeros(DEPTHS + 1), np.zeros((TURNS, 3)))
