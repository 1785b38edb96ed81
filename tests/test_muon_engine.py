"""The built-in muon engine against Geant4 11.4 (150 events, 0.3 mm cut), closed forms and its own rules.

The numbers marked g4 are those of the Geant4 run whose tables ship with the project.
"""

import jax
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris.particle import PARTICLES, Steps, scattering, simulate_particle
from lampyris.particle import energy_loss as loss
from lampyris.particle.delta import emission_cosine, sample_delta_energies, track_electrons
from lampyris.particle.muon import generator, simulate_muon
from lampyris.units import ELECTRON_MASS, MUON_MASS, SPEED_OF_LIGHT

EVENTS = 40
GEANT4_LOSS = {
    10: 7.917,
    20: 4.825,
    50: 2.871,
    100: 2.258,
    200: 2.019,
    300: 1.987,
    500: 2.011,
    1000: 2.105,
    2000: 2.224,
}
INDEX_ENERGY = [1.84, 2.07, 2.48, 2.76, 3.10, 3.31, 3.54, 3.81, 4.13, 4.51]
INDEX = [1.333, 1.334, 1.335, 1.337, 1.338, 1.339, 1.340, 1.342, 1.343, 1.345]


def light(steps: Steps) -> np.ndarray:
    """Expected Cherenkov photons of each step over 1.84 to 4.51 eV."""
    energy = np.linspace(1.84, 4.51, 268)
    middle, width = 0.5 * (energy[1:] + energy[:-1]), energy[1] - energy[0]
    beta = np.linspace(0.7, 1.0, 1001)
    index = np.interp(middle, INDEX_ENERGY, INDEX)
    yield_per_metre = 36981.0 * width * np.clip(1.0 - 1.0 / (index * beta[:, None]) ** 2, 0.0, None).sum(axis=1)
    return steps.length * np.interp(0.5 * (steps.beta_start + steps.beta_end), beta, yield_per_metre)


@pytest.fixture(scope="module")
def events() -> list[Steps]:
    keys = jax.random.split(jax.random.key(1), EVENTS)
    return [simulate_particle("mu-", 1000.0, key=key) for key in keys]


@pytest.mark.parametrize(("energy", "expected"), GEANT4_LOSS.items())
def test_loss_of_muons(energy, expected):
    assert loss.muon_loss(loss.WATER, float(energy)) / 100.0 == pytest.approx(expected, rel=0.005)


def test_range_of_muons_is_inverted():
    table = loss.muon_range_table(loss.WATER)
    energy = np.geomspace(1.0, 3000.0, 50)
    np.testing.assert_allclose(table.energy(table.range(energy)), energy, rtol=1e-9)
    slope = (table.range(1010.0) - table.range(990.0)) / 20.0
    assert slope == pytest.approx(1.0 / loss.muon_loss(loss.WATER, 1000.0), rel=1e-3)


def test_restricted_loss_and_its_electrons_are_the_whole_loss():
    number, energy = loss.delta_moments(loss.WATER, 1000.0, 0.25)
    transfer = np.geomspace(0.25, loss.largest_transfer(1000.0), 20001)
    spectrum = loss.delta_spectrum(loss.WATER, 1000.0, transfer)
    assert number == pytest.approx(np.trapezoid(spectrum, transfer), rel=1e-5)
    assert energy == pytest.approx(np.trapezoid(spectrum * transfer, transfer), rel=1e-5)
    restricted = loss.restricted_loss(loss.WATER, 1000.0, 0.25)
    assert restricted + energy == pytest.approx(loss.muon_loss(loss.WATER, 1000.0))


def test_loss_of_electrons():
    # collision part of a 1 and a 10 MeV electron in liquid water [MeV cm2/g]: NBSIR 82-2550 has 1.849 and 1.968 with
    # I = 75 eV; 78 eV lowers them by about .5 %
    collision = loss.electron_collision(loss.WATER, np.array([1.0, 10.0])) / 100.0
    np.testing.assert_allclose(collision, [1.849, 1.968], rtol=0.025)
    # far above the screening energy an electron loses 1/X0 of its energy
    assert loss.electron_radiative(loss.WATER, 1e6) * 0.3608 / 1e6 == pytest.approx(1.0, rel=0.01)


def test_delta_energies_follow_their_spectrum():
    drawn = sample_delta_energies(40_000, 1000.0, 0.25, generator(jax.random.key(3)))
    top = float(loss.largest_transfer(1000.0))
    assert drawn.min() >= 0.25
    assert drawn.max() <= top
    edges = np.geomspace(0.25, top, 13)
    fine = np.geomspace(0.25, top, 12 * 400 + 1)
    density = loss.delta_spectrum(loss.WATER, 1000.0, fine)
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(fine))])
    expected = len(drawn) * np.diff(cumulative[::400]) / cumulative[-1]
    found = np.histogram(drawn, edges)[0]
    used = expected > 5.0
    chi2 = ((found - expected)[used] ** 2 / expected[used]).sum()
    assert chi2 < 35.0  # 11 degrees of freedom: chance 2e-4


def test_delta_angle_conserves_energy_and_momentum():
    muon, delta = 1000.0, np.array([0.3, 3.0, 30.0])
    momentum = np.sqrt(muon * (muon + 2 * MUON_MASS))
    kick = np.sqrt(delta * (delta + 2 * ELECTRON_MASS))
    left2 = momentum**2 + kick**2 - 2 * momentum * kick * emission_cosine(delta, muon)
    np.testing.assert_allclose(np.sqrt(left2 + MUON_MASS**2), muon - delta + MUON_MASS, rtol=1e-12)
    assert emission_cosine(loss.largest_transfer(muon), muon) == pytest.approx(1.0)


def test_photons_of_a_muon(events):
    photons = np.array([light(steps).sum() for steps in events])
    # g4: 201,300 with rms .8 %; the error of this mean is .13 %, that of the rms 11 %
    assert photons.mean() == pytest.approx(201_300, rel=0.01)
    assert 0.005 < photons.std() / photons.mean() < 0.012
    fraction = np.mean([light(steps)[steps.pdg == 11].sum() for steps in events]) / photons.mean()
    assert 0.07 < fraction < 0.11


def test_path_of_a_muon(events):
    path = np.array([steps.length[steps.pdg == 13].sum() for steps in events])
    # g4: 4.71 m, rms .14 m from 60 events (so +-.018, +-.013); here +-.02, +-.015
    assert path.mean() == pytest.approx(4.71, abs=0.08)
    assert path.std() == pytest.approx(0.14, abs=0.055)


def test_where_the_light_is_emitted(events):
    weights = [light(steps) for steps in events]
    middle = [0.5 * (steps.start[:, 2] + steps.end[:, 2]) for steps in events]
    mean = np.array([np.average(z, weights=weight) for z, weight in zip(middle, weights, strict=True)])
    # g4: 2.113 m; one per cent and two standard errors of this sample (.6 % each)
    assert mean.mean() == pytest.approx(2.113, abs=0.021 + 2.0 * mean.std() / np.sqrt(EVENTS))


def test_energy_deposits_add_up(events):
    for steps in events:
        assert steps.energy_deposit.sum(dtype=float) == pytest.approx(1000.0, rel=1e-6)
        assert (steps.energy_deposit >= 0.0).all()


def test_the_form_of_the_steps(events):
    steps = events[0]
    muon = steps.pdg == 13
    count = muon.sum()
    assert muon[:count].all()
    assert (np.diff(steps.track) >= 0).all()
    assert set(steps.track[~muon]) == set(range(2, steps.track.max() + 1))
    assert (steps.parent == np.where(muon, 0, 1)).all()
    np.testing.assert_allclose(steps.start[1:count], steps.end[: count - 1], atol=1e-6)
    assert steps.beta_end[count - 1] == 0.0
    # single precision of positions: a few 1e-7 of metres
    assert (np.linalg.norm(steps.end - steps.start, axis=1) <= steps.length + 2e-6).all()
    duration = np.diff(steps.time[:count])
    speed = steps.length[: count - 1] / duration / SPEED_OF_LIGHT
    np.testing.assert_allclose(speed, 0.5 * (steps.beta_start + steps.beta_end)[: count - 1], rtol=5e-3, atol=0.02)


def test_the_key_decides():
    first, again, other = (simulate_muon(300.0, key=jax.random.key(seed)) for seed in (5, 5, 6))
    for name, column in first.arrays().items():
        np.testing.assert_array_equal(column, again.arrays()[name])
    assert len(other) != len(first) or not np.array_equal(other.end, first.end)


def test_scattering_does_not_depend_on_the_steps():
    """The variance of a path is the Highland angle of the whole, however it is cut."""
    whole = scattering.highland_variance(*scattering.scattering_depth(1000.0, MUON_MASS, 0.7, 0.3608))
    beta2 = loss.beta_of(1000.0, MUON_MASS) ** 2
    momentum = np.sqrt(1000.0 * (1000.0 + 2.0 * MUON_MASS))
    highland = 13.6 / (np.sqrt(beta2) * momentum) * np.sqrt(0.7 / 0.3608)
    highland *= 1.0 + 0.038 * np.log(0.7 / 0.3608 / beta2)
    assert np.sqrt(whole) == pytest.approx(highland)
    depth, power = scattering.scattering_depth(1000.0, MUON_MASS, np.full(70, 0.01), 0.3608)
    variance = np.diff(scattering.highland_variance(np.cumsum(depth), np.cumsum(power)), prepend=0.0)
    assert (variance > 0.0).all()
    assert variance.sum() == pytest.approx(whole)


def test_bending_of_a_muon_does_not_depend_on_the_steps():
    """Transverse spread at half the path of 300 MeV muons, with steps of up to 2 and 10 cm."""
    spread = []
    for max_step in (0.02, 0.1):
        sides = []
        for key in jax.random.split(jax.random.key(9), 40):
            steps = simulate_muon(300.0, key=key, max_step=max_step, cut=1000.0)
            at = np.searchsorted(np.cumsum(steps.length), 0.65)
            sides.append(steps.end[at, :2] / np.cumsum(steps.length)[at] ** 1.5)
        spread.append(np.sqrt(np.mean(np.square(sides))))
    # 80 numbers each: 8 % each, 11 % of the ratio
    assert spread[0] / spread[1] == pytest.approx(1.0, abs=0.3)


def test_cosine_and_turning():
    random = generator(jax.random.key(2))
    for variance in (1e-6, 0.01, 0.3, 2.0):
        cosine = scattering.sample_cosine(np.full(40_000, variance), random)
        scale = (1.0 - cosine).std() / 200.0
        assert (1.0 - cosine).mean() == pytest.approx(-np.expm1(-variance), rel=0.001, abs=4.0 * scale)
    direction = random.normal(size=(200, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    cosine = random.uniform(-1.0, 1.0, 200)
    azimuth = random.uniform(0.0, 6.28, 200)
    turned = scattering.turn(direction, cosine, azimuth)
    np.testing.assert_allclose((turned * direction).sum(axis=1), cosine, atol=1e-12)
    matrix = scattering.rotations(cosine, azimuth)
    np.testing.assert_allclose(matrix @ matrix.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (200, 3, 3)), atol=1e-9)


def test_electrons_slow_down_to_the_threshold():
    energy = np.array([0.26, 1.0, 20.0])
    start = np.zeros((3, 3))
    along = np.tile([0.0, 0.0, 1.0], (3, 1))
    random = generator(jax.random.key(4))
    columns = track_electrons(loss.WATER, energy, start, along, np.zeros(3), cut=0.25, random=random)
    np.testing.assert_allclose(np.bincount(columns["electron"], columns["energy_deposit"]), energy)
    table = loss.electron_range_table(loss.WATER, radiative=False)
    path = np.bincount(columns["electron"], columns["length"])
    np.testing.assert_allclose(path, table.range(energy) - table.range(0.25))


def test_bad_input_is_named():
    assert PARTICLES == ("mu-",)
    with pytest.raises(LampyrisError, match=r"Unknown particle 'tau-'; there are: mu-"):
        simulate_particle("tau-", 1000.0, key=jax.random.key(0))
    for energy in (119.0, 3001.0, float("nan")):
        with pytest.raises(LampyrisError, match=r"must be between 120 and 3000 MeV, but is"):
            simulate_particle("mu-", energy, key=jax.random.key(0))
