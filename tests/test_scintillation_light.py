"""Mean scintillation of tracks against simulated particles, and predictions against Monte Carlo."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import lampyris as lp
from lampyris import catalog
from lampyris._checks import LampyrisError
from lampyris.emission.mean_light import CHERENKOV_EDGES, mean_cherenkov, mean_scintillation
from lampyris.emission.scintillation import visible_energy
from lampyris.emission.step_table import load_step_table
from lampyris.emission.tabulate import YieldTable, sample_flashes
from lampyris.particle import simulate_particles
from lampyris.particle.engine import particle_columns
from lampyris.particle.material import LAB
from lampyris.scintillation import Emission, Pulse, Scintillation
from lampyris.source import BentTrack
from lampyris.source.bent_track import JOINTS
from lampyris.source.track_light import CherenkovLight, ProfileLight, ScintillationLight
from lampyris.spectrum import Constant
from lampyris.transport.expectation import GaussianMixture
from lampyris.transport.pulse import PulsedArrival, PulsedMixture

PULSE = Pulse([4.0, 30.0], [0.8, 0.2], 0.5)


@pytest.fixture(scope="module")
def scintillating_tank(small_tank):
    """The small tank filled with a scintillator of LAB with little light; the sensors detect every photon with 0.2."""
    scintillation = Scintillation(600.0, PULSE, Emission([380.0, 420.0, 500.0], [0.0, 1.0, 0.0]), 7.6e-5)
    medium = lp.Medium(1.49, 30.0, small_tank.medium.scatterers, scintillation, LAB)
    return lp.Detector(small_tank.shape, medium, small_tank.wall, small_tank.sensors, name="scintillating tank")


@pytest.mark.parametrize(("particle", "energy", "count"), [("e-", 3.0, 100), ("mu-", 400.0, 60), ("e-", 400.0, 24)])
def test_mean_light_is_that_of_many_simulated_particles(particle, energy, count):
    medium = catalog.lab_scintillator()
    steps = load_step_table(particle, LAB).steps(jnp.asarray(energy))
    events = simulate_particles(particle, np.full(count, energy), key=jax.random.key(11), material=LAB)
    visible = np.array([visible_energy(event, medium.scintillation).sum() for event in events])
    own = float(mean_scintillation(steps, medium.scintillation).sum() / medium.scintillation.light_yield)
    # the table was made of more particles; its knots of dE/dx change the quenching by less than 2e-4
    assert own == pytest.approx(visible.mean(), abs=5.0 * visible.std() / np.sqrt(count) + 2e-4 * energy)
    assert float(steps.deposit.sum()) == pytest.approx(energy, rel=1e-3)
    columns = particle_columns(particle, np.full(count, energy), key=jax.random.key(12), material=LAB)
    table = YieldTable.of(medium)
    light = np.bincount(columns["event"], table.light(columns), minlength=count)
    mean = np.asarray(mean_cherenkov(steps, medium), float)
    # between the energies of the table the cubic is good to 1 %
    assert mean.sum() == pytest.approx(light.mean(), abs=5.0 * light.std() / np.sqrt(count) + 0.01 * light.mean())
    flashes = sample_flashes(columns, table, 2e5, np.random.default_rng(0))
    edges = np.radians([0.0, 20.0, 40.0, 44.0, 50.0, 60.0, 90.0, 180.0])
    seen = np.histogram(flashes.angle, edges)[0] / len(flashes.angle)
    share = np.diff(np.interp(edges, CHERENKOV_EDGES, np.append(0.0, np.cumsum(mean.sum(axis=0))))) / mean.sum()
    # rings of two samples of 300 muons differ by 1 to 2 %
    assert np.abs(seen - share).sum() / 2.0 < 0.035


@pytest.mark.parametrize(
    ("particle", "energy", "events"), [("e-", 40.0, 12), ("mu-", 250.0, 6)], ids=["electron", "muon"]
)
def test_expected_charge_and_times_agree_with_monte_carlo(scintillating_tank, particle, energy, events):
    track = lp.Track(particle, energy, [0.5, -1.0, -0.6], [0.6, 0.0, 0.8], 5.0)
    charge, times, straight = [], [], []
    for number in range(events):
        key = jax.random.key(number)
        arrivals, balance = lp.MonteCarlo()(track, scintillating_tank, key=key, keep=Constant(0.2))
        assert balance.error() < 1e-6
        charge.append(len(arrivals.time))
        times.append(arrivals.time)
        straight.append(arrivals.direct)
    charge, times, straight = np.array(charge, float), np.concatenate(times), np.concatenate(straight)
    expectation = lp.expect(scintillating_tank, track)
    expected = float(expectation.charge.sum())
    # sampled indirect light has 1 % of its own
    allowed = 4.0 * charge.std(ddof=1) / np.sqrt(events) + 0.01 * float(expectation.indirect.charge.sum())
    assert charge.mean() == pytest.approx(expected, abs=allowed)
    draw = np.random.default_rng(1)
    times = times + draw.normal(0.0, float(scintillating_tank.sensors.transit_time_spread), len(times))
    moments = np.array([20.0, 30.0, 45.0, 60.0, 90.0, 150.0])
    every = jnp.broadcast_to(jnp.asarray(moments)[:, None], (6, scintillating_tank.sensors.count))
    # direct light has its pulse exactly; one particle spreads its light a little unlike the mean of many.
    # The shape of indirect light in time is that of three moments of its optical delay: good to a few percent
    for part, chosen, allowed in ((expectation.direct, straight, 0.01), (expectation, straight | True, 0.04)):
        passed = np.asarray(jax.jit(jax.vmap(lambda t, p=part: p.density_and_cumulative(t)[1].sum()))(every), float)
        seen = np.searchsorted(np.sort(times[chosen]), moments) / chosen.sum()
        passed = passed / float(part.charge.sum())
        np.testing.assert_array_less(np.abs(passed - seen), allowed + 4.0 * np.sqrt(0.25 / chosen.sum()))


def test_a_pulse_delays_light_exactly():
    mixture = GaussianMixture(jnp.ones((1, 2)) * 0.5, jnp.array([[10.0, 14.0]]), jnp.array([[2.0, 0.7]]))
    exact, pieces = PulsedMixture(mixture, PULSE), PulsedArrival(mixture, PULSE)
    moments = np.array([5.0, 9.0, 11.0, 13.0, 15.0, 18.0, 25.0, 40.0, 80.0, 300.0])
    count = 200_000
    draw = np.random.default_rng(2)
    late = np.asarray(PULSE.sample(count, key=jax.random.key(8)), float)
    first = draw.random(count) < 0.5
    time = np.where(first, draw.normal(10.0, 2.0, count), draw.normal(14.0, 0.7, count)) + late
    for light, allowed in ((exact, 0.0), (pieces, 0.01)):
        cumulative = np.array([float(light.density_and_cumulative(jnp.array([t]))[1][0]) for t in moments])
        seen = np.searchsorted(np.sort(time), moments) / count
        sigma = np.sqrt(cumulative.clip(1e-6) * (1.0 - cumulative).clip(1e-6) / count)
        np.testing.assert_array_less(np.abs(cumulative - seen), 4.0 * sigma + allowed + 1e-5)
    edges = np.linspace(4.0, 120.0, 59)
    fine = np.linspace(edges[:-1], edges[1:], 21)
    density = jax.vmap(lambda t: exact.density_and_cumulative(t[None])[0][0])(jnp.asarray(fine.ravel()))
    expected = count * np.trapezoid(np.asarray(density, float).reshape(fine.shape), fine, axis=0)
    counts = np.histogram(time, edges)[0]
    good = expected > 10
    chi2 = ((counts - expected)[good] ** 2 / expected[good]).sum()
    assert stats.chi2.sf(chi2, good.sum()) > 1e-4


def test_direct_light_has_right_gradients(small_tank, double_precision):
    where = lambda d: jax.tree.map(lambda leaf: leaf.astype(float) if eqx.is_inexact_array(leaf) else leaf, d)  # noqa: E731
    tank = where(small_tank)
    sensors = tank.sensors.take(jnp.arange(0, 400, 40))
    time = jnp.linspace(25.0, 60.0, 10)

    def value(p):
        scintillation = Scintillation(
            p[0], Pulse(p[2:4], [0.8, 0.2], p[4]), Emission([380.0, 420.0, 500.0], [0.0, 1.0, 0.0]), p[1]
        )
        medium = lp.Medium(1.49, 30.0, (), scintillation, LAB)
        detector = eqx.tree_at(lambda d: (d.medium, d.sensors), tank, (medium, sensors))
        track = ScintillationLight("mu-", p[5], [0.5, -1.0, -0.6], [0.6, 0.0, 0.8], 5.0)
        density, cumulative = lp.Hybrid(rays=512).direct(track, detector).density_and_cumulative(time)
        return density.sum() + 0.1 * cumulative.sum()

    start = jnp.array([600.0, 7.6e-5, 4.0, 30.0, 0.5, 250.0])
    value = jax.jit(value)
    slope = jax.grad(value)(start)
    shifts = 1e-5 * start * jnp.eye(6)
    numeric = [(value(start + shift) - value(start - shift)) / (2.0 * shift.sum()) for shift in shifts]
    np.testing.assert_allclose(slope, numeric, rtol=2e-5)


def test_other_matter_has_its_own_light():
    ice, track = catalog.ice_south_pole(), lp.Track("mu-", 500.0, [0.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    (light,) = track.parts(ice)
    assert isinstance(light, CherenkovLight)
    water, oil = track.parts(catalog.water_sk()), track.parts(catalog.mineral_oil())
    assert isinstance(water[0], ProfileLight)
    assert len(water) == 1
    emitters = light.emitters(ice, Constant(0.2))
    total = float(emitters.pattern.cumulative(jnp.full((1, emitters.position.shape[0]), jnp.pi)).sum())
    columns = particle_columns("mu-", np.full(20, 500.0), key=jax.random.key(13), material=ice.material)
    photons = np.bincount(columns["event"], YieldTable.of(ice).light(columns), minlength=20)
    assert total == pytest.approx(photons.mean(), abs=4.0 * photons.std() / np.sqrt(20) + 0.01 * photons.mean())
    assert isinstance(oil[0], CherenkovLight)
    assert len(oil) == 1


def test_what_cannot_be_predicted_is_told(scintillating_tank):
    medium, at = scintillating_tank.medium, ([0.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    with pytest.raises(LampyrisError, match="`Track` gives Cherenkov light alone, but this medium scintillates"):
        lp.Track("mu-", 500.0, *at).emitters(medium, Constant(0.2))
    bent = BentTrack("mu-", 500.0, *at, 0.0, np.zeros((len(JOINTS) - 1, 3)), 0.0)
    with pytest.raises(LampyrisError, match="`BentTrack` gives Cherenkov light alone, but this medium scintillates"):
        bent.emitters(medium, Constant(0.2))
    with pytest.raises(LampyrisError, match="needs a medium that scintillates"):
        ScintillationLight("mu-", 500.0, *at).emitters(catalog.water_sk(), Constant(0.2))
    with pytest.raises(LampyrisError, match="gives predictions"):
        ScintillationLight("mu-", 500.0, *at).event(medium, key=jax.random.key(0), keep=Constant(0.2))
    ones = np.ones(scintillating_tank.sensors.count, np.float32)
    with pytest.raises(LampyrisError, match="by their Cherenkov light alone, but the medium of scintillating tank"):
        lp.reconstruct_rings(scintillating_tank, lp.Hits(ones, ones, ones > 0), ["mu-", "e-"])
    eos = catalog.load("Eos")
    with pytest.raises(LampyrisError, match=r"`Track\(energy=...\)` must be between 10 and 3000 .* but is 2 MeV"):
        lp.expect(eos, lp.Track("e-", 2.0, *at))
