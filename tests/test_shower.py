"""Electromagnetic showers and decays of the built-in engine: cross-sections, samplers, balances, Geant4."""

import itertools
from dataclasses import replace

import jax
import numpy as np
import pytest

from lampyris.catalog.media import water_sk
from lampyris.emission.tabulate import YieldTable
from lampyris.particle import bremsstrahlung, knock_on, simulate_particle, simulate_particles
from lampyris.particle import energy_loss as loss
from lampyris.particle.bremsstrahlung import radiated_moments, radiated_spectrum, sample_photon_cosine, sample_photons
from lampyris.particle.decay import CAPTURED, sample_michel, sample_muon, sample_two_gammas
from lampyris.particle.engine import generator, particle_columns
from lampyris.particle.kind import NEUTRAL_PION_MASS
from lampyris.particle.material import ELECTRON_RADIUS, WATER
from lampyris.particle.photon import (
    compton_rate,
    pair_rate,
    photoelectric_rate,
    sample_compton,
    sample_pair_cosine,
    sample_pair_share,
)
from lampyris.units import ELECTRON_MASS, MUON_MASS

CUT = 0.25


def chi_square(drawn, edges, density) -> float:
    """Chi-square per degree of freedom of a sample against a density, integrated finely in each bin."""
    fine = np.concatenate([np.linspace(a, b, 60)[:-1] for a, b in itertools.pairwise(edges)] + [edges[-1:]])
    values = density(fine)
    pieces = 0.5 * (values[1:] + values[:-1]) * np.diff(fine)
    expected = pieces.reshape(len(edges) - 1, 59).sum(axis=1)
    expected *= len(drawn) / expected.sum()
    found = np.histogram(drawn, edges)[0]
    assert found.sum() == len(drawn)
    return float(((found - expected) ** 2 / expected).sum() / (len(edges) - 2))


def test_ranges_of_electrons():
    # NIST's ESTAR for liquid water (I = 75 eV, with its own density effect) [cm]; the table has four digits
    energy = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 300.0, 1000.0]
    table = [0.4367, 0.9785, 2.550, 4.975, 9.320, 19.83, 32.58, 61.16, 100.2]
    water = replace(WATER, excitation=75e-6, sternheimer=(0.09116, 3.4773, 0.2400, 2.8004, 3.5017))

    def whole(energy):
        low = np.full(len(energy), 1e-6)
        return loss.electron_collision(water, energy) + radiated_moments(water, energy, low, energy)[1]

    ranges = 100.0 * loss.range_table(whole, 0.01, 1500.0).range(np.array(energy))
    np.testing.assert_allclose(ranges, table, rtol=0.004)


def test_radiation_of_electrons():
    # radiative stopping powers of liquid water in NIST's ESTAR [MeV cm2/g], at energies between the nodes of our factor
    energy = np.array([1.25, 2.5, 4.0, 6.0, 10.0, 20.0, 40.0, 70.0, 200.0, 600.0])
    table = [1.600e-2, 3.468e-2, 6.058e-2, 9.854e-2, 0.1814, 0.4086, 0.8955, 1.656, 5.078, 15.89]
    radiated = radiated_moments(WATER, energy, np.full(len(energy), 1e-6), energy)[1]
    np.testing.assert_allclose(radiated / 100.0, table, rtol=0.006)


def test_density_effect_belongs_to_the_excitation_energy():
    # at high energy matter screens itself and the loss no longer knows the excitation energy
    published = replace(WATER, excitation=75e-6, sternheimer=(0.09116, 3.4773, 0.2400, 2.8004, 3.5017))
    high = np.array([1e4])
    np.testing.assert_allclose(
        loss.electron_collision(WATER, high), loss.electron_collision(published, high), rtol=1e-4
    )
    # the parameters of Geant4 11.4 for G4_WATER
    np.testing.assert_allclose(WATER.sternheimer, (0.09115, 3.4773, 0.25703, 2.81743, 3.58014), rtol=2e-4)


def test_loss_of_electrons_in_geant4():
    # 144 whole events have 1.8259 and 1.9591 MeV/cm between 1.5 and 2 and between 4 and 6 MeV, with radiation
    for low, high, expected in ((1.5, 2.0, 1.8259), (4.0, 6.0, 1.9591)):
        middle = np.array([0.5 * (low + high)])
        radiated = radiated_moments(WATER, middle, np.array([1e-5]), middle)[1]
        total = (loss.electron_collision(WATER, middle) + radiated)[0] / 100.0
        assert total == pytest.approx(expected, rel=0.009)  # these numbers have errors of .3 %


def test_knock_on_electrons_make_up_the_collision_loss():
    """The restricted loss must vary with its cut exactly as the energy of the electrons between two cuts."""
    energy = np.array([5.0, 50.0])
    for charge in (-1, 1):
        soft, hard = (knock_on.knock_on_moments(WATER, energy, cut, charge)[1] for cut in (0.25, 0.5))
        middle = np.geomspace(0.25, 0.5, 400)
        spectrum = knock_on.knock_on_spectrum(WATER, energy[:, None], middle, charge)
        np.testing.assert_allclose(soft - hard, np.trapezoid(spectrum * middle, middle, axis=1), rtol=1e-4)


def test_radiation_length():
    # far above the screening energy an electron radiates 1.012 / X0 of its energy: the 1 / 9 term of Tsai's formula
    energy = np.array([1e5])
    radiated = radiated_moments(WATER, energy, np.array([1e-3]), energy)[1]
    assert radiated[0] * WATER.radiation_length / energy[0] == pytest.approx(1.012 * 0.979, rel=0.01)
    assert pair_rate(WATER, np.array([1e5]))[0] * WATER.radiation_length == pytest.approx(7.0 / 9.0, rel=0.04)


def test_attenuation_of_gammas():
    # NIST's mass attenuation coefficients of water [cm2/g]; coherent scattering, left out here, is .4 % of the first
    energy = np.array([0.5, 1.0, 2.0, 4.0, 6.0, 10.0, 20.0])
    table = [0.09687, 0.07072, 0.04942, 0.03403, 0.02770, 0.02219, 0.01813]
    rate = compton_rate(WATER, energy) + pair_rate(WATER, energy) + photoelectric_rate(WATER, energy)
    np.testing.assert_allclose(rate / 100.0, table, rtol=0.008)
    # at low energy Compton scattering is Thomson's 8 pi r^2 / 3
    thomson = 8.0 * np.pi / 3.0 * ELECTRON_RADIUS**2 * WATER.electrons
    assert compton_rate(WATER, np.array([1e-3]))[0] == pytest.approx(thomson, rel=5e-3)


def test_samplers_follow_their_densities():
    random, n = generator(jax.random.key(11)), 30_000
    photon = sample_photons(WATER, np.full(n, 40.0), CUT, random)
    edges = np.geomspace(CUT, 40.0, 16)
    assert chi_square(photon, edges, lambda k: radiated_spectrum(WATER, 40.0, k) / k) < 2.8
    for charge, top in ((-1, 5.0), (1, 10.0)):
        recoil = knock_on.sample_knock_on(WATER, np.full(n, 10.0), CUT, charge, random)
        edges = np.geomspace(CUT, top, 16)
        assert chi_square(recoil, edges, lambda t, c=charge: knock_on.knock_on_spectrum(WATER, 10.0, t, c)) < 2.8
    after, cosine = sample_compton(np.full(n, 2.0), random)
    np.testing.assert_allclose(1.0 / after - 1.0 / 2.0, (1.0 - cosine) / ELECTRON_MASS, rtol=1e-9)

    def klein_nishina(c):
        ratio = 1.0 / (1.0 + 2.0 / ELECTRON_MASS * (1.0 - c))
        return ratio**2 * (ratio + 1.0 / ratio - 1.0 + c**2)

    assert chi_square(cosine, np.linspace(-1.0, 1.0, 25), klein_nishina) < 2.5
    # dipole radiation in the frame of an electron at rest, and the pair in the frame of its electron: uniform
    still = sample_photon_cosine(np.full(n, 1e-9), random)
    assert chi_square(still, np.linspace(-1.0, 1.0, 21), lambda c: 1.0 + c**2) < 2.5
    total = 5.0
    beta = np.sqrt(1.0 - (ELECTRON_MASS / total) ** 2)
    pair = sample_pair_cosine(np.full(n, total), random)
    moving = (pair - beta) / (1.0 - beta * pair)
    assert chi_square(moving, np.linspace(-1.0, 1.0, 21), np.ones_like) < 2.5
    share = sample_pair_share(WATER, np.full(n, 100.0), random)
    assert share.mean() == pytest.approx(0.5, abs=4.0 * share.std() / np.sqrt(n))
    assert share.min() >= ELECTRON_MASS / 100.0


def test_annihilation_conserves_energy_and_momentum():
    energy = np.full(5000, 3.0)
    first, cosine = knock_on.sample_annihilation(energy, generator(jax.random.key(2)))
    momentum = np.sqrt(energy * (energy + 2.0 * ELECTRON_MASS))
    second = np.sqrt(momentum**2 + first**2 - 2.0 * momentum * first * cosine)
    np.testing.assert_allclose(first + second, energy + 2.0 * ELECTRON_MASS, rtol=1e-9)
    # Heitler's cross-section is S(x) + S(1 - x) over the share x of one gamma; the first is drawn from S
    g, edge = 1.0 + 3.0 / ELECTRON_MASS, 0.5 * np.sqrt(3.0 / (3.0 + 2.0 * ELECTRON_MASS))
    edges = np.linspace(0.5 - edge, 0.5 + edge, 16)
    share = first / (3.0 + 2.0 * ELECTRON_MASS)
    density = lambda x: -((g + 1.0) ** 2) + (g**2 + 4.0 * g + 1.0) / x - 1.0 / x**2  # noqa: E731
    assert (
        chi_square(share, np.concatenate([edges[:1], np.linspace(edges[0], edges[1], 9)[1:], edges[2:]]), density) < 2.6
    )


@pytest.mark.parametrize(
    ("name", "extra"), [("e-", 0.0), ("gamma", 0.0), ("e+", 2.0 * ELECTRON_MASS), ("pi0", NEUTRAL_PION_MASS)]
)
def test_deposits_add_up(name, extra):
    for steps in simulate_particles(name, np.array([3.0, 60.0, 300.0]), key=jax.random.key(1)):
        total = steps.energy_deposit.sum(dtype=float)
        expected = min((3.0, 60.0, 300.0), key=lambda energy: abs(energy + extra - total)) + extra
        assert total == pytest.approx(expected, rel=1e-5)
        assert (steps.energy_deposit >= 0.0).all()
        assert (np.linalg.norm(steps.end - steps.start, axis=1) <= steps.length + 5e-6).all()
        assert (steps.beta_end <= steps.beta_start + 1e-6).all()


def test_path_of_electrons_in_steps():
    """Steps of one track hang together, and its clock runs with its velocity."""
    steps = simulate_particle("e-", 100.0, key=jax.random.key(4))
    own = steps.track == 1
    np.testing.assert_allclose(steps.start[own][1:], steps.end[own][:-1], atol=2e-6)
    assert (np.diff(steps.time[own]) >= 0.0).all()
    assert steps.parent[own].max() == 0
    assert (steps.pdg[own] == 11).all()
    assert set(np.unique(steps.pdg)) <= {11, -11}


@pytest.mark.parametrize(
    ("energy", "expected", "sigma"), [(70.0, 4.89, 0.04), (300.0, 4.76, 0.02), (1500.0, 4.76, 0.01)]
)
def test_path_of_showers(energy, expected, sigma):
    """Path of steps that end above 0.9 c [mm/MeV] against whole Geant4 events of 50 to 3000 MeV.

    Steps of other lengths cross that velocity elsewhere, which is worth .06 mm/MeV on each side.
    """
    count = int(6000 / energy)
    columns = particle_columns("e-", np.full(count, energy), key=jax.random.key(3))
    fast = columns["beta_end"] > 0.9
    path = 1e3 * np.bincount(columns["event"][fast], columns["length"][fast], minlength=count) / energy
    assert path.mean() == pytest.approx(expected, abs=0.12 + 3.0 * sigma + 3.0 * path.std() / np.sqrt(count))


def test_light_of_electrons():
    """Yield per MeV is that of the Geant4 tables at all energies, 213.9, and the 0.42 % that their steps lose."""
    table = YieldTable.of(water_sk())
    energy = 1000.0
    columns = particle_columns("e-", np.full(12, energy), key=jax.random.key(4))
    light = np.bincount(columns["event"], table.light(columns), minlength=12) / energy
    assert light.mean() == pytest.approx(213.9 * 1.0042, rel=0.002 + 3.0 * light.std() / light.mean() / np.sqrt(12))


def test_soft_radiation_rises():
    # 18 +- 2 % more photons below 160 keV than in Tsai's formula that radiates the same energy
    energy, low = np.array([5.0]), np.array([0.02])
    soft = radiated_moments(WATER, energy, low, np.array([0.16]))[1] / radiated_moments(WATER, energy, low, energy)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bremsstrahlung, "SOFT_RISE", 0.0)
        tsai = (
            radiated_moments(WATER, energy, low, np.array([0.16]))[1] / radiated_moments(WATER, energy, low, energy)[1]
        )
    assert (soft / tsai)[0] == pytest.approx(1.16, abs=0.04)


def test_michel_electrons():
    random = generator(jax.random.key(5))
    total = np.array([sample_michel(random) for _ in range(8000)]) + ELECTRON_MASS
    end = (MUON_MASS**2 + ELECTRON_MASS**2) / (2.0 * MUON_MASS)
    assert end == pytest.approx(52.83, abs=0.005)
    assert total.max() <= end
    # <x> = 7 / 10 and <x^2> = 8 / 15 of x^2 (3 - 2 x)
    x = total / end
    assert x.mean() == pytest.approx(0.7, abs=4.0 * x.std() / np.sqrt(8000))
    assert chi_square(x, np.concatenate([[0.0], np.linspace(0.15, 1.0, 18)]), lambda y: y**2 * (3.0 - 2.0 * y)) < 2.7


def test_muons_decay_when_asked():
    plain = simulate_particles("mu+", np.full(30, 150.0), key=jax.random.key(1))
    assert max(steps.time.max() for steps in plain) < 50.0
    decayed = simulate_particles("mu+", np.full(60, 150.0), key=jax.random.key(1), decay=True)
    times = np.array([steps.time[steps.pdg == -11].min() for steps in decayed])
    # exponential of 2197 ns: the mean of 60 is known to 13 %
    assert times.mean() == pytest.approx(2197.0, rel=0.4)
    bound = simulate_particles("mu-", np.full(200, 12.0), key=jax.random.key(2), decay=True)
    lonely = np.mean([not np.any((steps.pdg == 11) & (steps.time > 20.0)) for steps in bound])
    assert lonely == pytest.approx(CAPTURED, abs=4.0 * np.sqrt(CAPTURED * (1.0 - CAPTURED) / 200))


def test_pions_decay_and_interact():
    random = generator(jax.random.key(6))
    kinetic, way = sample_muon(0.0, np.array([0.0, 0.0, 1.0]), random)
    assert kinetic == pytest.approx(4.12, abs=0.01)
    assert np.linalg.norm(way) == pytest.approx(1.0)
    energies, directions = sample_two_gammas(200.0, np.array([0.0, 0.6, 0.8]), random)
    assert energies.sum() == pytest.approx(200.0 + NEUTRAL_PION_MASS)
    pair_mass = np.sqrt(2.0 * energies.prod() * (1.0 - directions[0] @ directions[1]))
    assert pair_mass == pytest.approx(NEUTRAL_PION_MASS)
    events = simulate_particles("pi+", np.full(80, 250.0), key=jax.random.key(7), decay=True)
    muons = np.mean([np.any(steps.pdg == -13) for steps in events])
    # a path of 73 cm to the end of the range, one interaction length, which often ends the pion
    assert 0.2 < muons < 0.75
    for steps in events:
        assert steps.energy_deposit.sum(dtype=float) < 250.0 + 139.6


def test_a_batch_is_its_events():
    together = simulate_particles("e-", np.array([20.0, 40.0]), key=jax.random.key(0))
    assert [round(float(steps.energy_deposit.sum(dtype=float)), 3) for steps in together] == [20.0, 40.0]
    for steps in together:
        assert steps.track.min() == 1
        assert (steps.parent < steps.track).all()
