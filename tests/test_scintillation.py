"""Scintillation: numbers of the literature, samplers against their densities, photons of steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lampyris import catalog
from lampyris._checks import LampyrisError
from lampyris.describe import table
from lampyris.emission.scintillation import BATCH, scintillation_photons, visible_energy
from lampyris.medium import Medium
from lampyris.particle.steps import Steps
from lampyris.scintillation import Emission, Pulse, Scintillation
from lampyris.source import StepLight
from lampyris.spectrum import Tabulated

WBLS = {percent: catalog.water_based_scintillator(percent).scintillation for percent in (1.0, 5.0, 10.0)}
PULSE = Pulse([2.7, 27.05], [0.94, 0.06], 0.13)
EMISSION = Emission([380.0, 400.0, 430.0, 470.0, 520.0], [0.0, 0.4, 1.0, 0.3, 0.0])


def scintillator(light_yield=1000.0, birks=1.65e-5, chou=1.33e-9) -> Scintillation:
    return Scintillation(light_yield, PULSE, EMISSION, birks, chou)


def straight_steps(deposit, length, beta_end=0.9, time=3.0) -> Steps:
    """Steps side by side along x, each of its own deposit [MeV] and length [m]."""
    deposit, length = np.atleast_1d(np.asarray(deposit, float)), np.atleast_1d(np.asarray(length, float))
    count = len(deposit)
    start = np.zeros((count, 3))
    start[:, 1] = np.arange(count)
    ones = np.ones(count)
    return Steps(
        start=start, end=start + length[:, None] * [1.0, 0.0, 0.0], time=time * ones, beta_start=0.95 * ones,
        beta_end=beta_end * ones, length=length, charge=-ones, energy_deposit=deposit, pdg=11 * ones, track=ones,
        parent=0 * ones,
    )  # fmt: skip


def test_water_based_yields_and_times_are_those_of_the_measurement():
    yields = [float(WBLS[percent].light_yield) for percent in (1.0, 5.0, 10.0)]
    np.testing.assert_allclose(yields, [236.2, 747.8, 1387.3], rtol=1e-5)
    assert float(WBLS[10.0].pulse.mean()) == pytest.approx(4.291, abs=0.001)
    assert float(WBLS[1.0].pulse.rise_time) == 0.0


def test_quenching_of_water_based_scintillator():
    # 2 and 160 MeV/cm
    np.testing.assert_allclose(WBLS[5.0].quenching(jnp.array([200.0, 16000.0])), [0.9967, 0.623], atol=5e-4)


def test_a_juno_electron_of_1_mev_keeps_98_percent():
    medium = catalog.lab_scintillator()
    # kB = 6.5e-3 g/cm2/MeV at 2 MeV cm2/g
    loss = 200.0 * medium.material.density
    expected = 1.0 / (1.0 + 6.5e-3 * 2.0 + 1.5e-6 * 4.0)
    assert float(medium.scintillation.quenching(jnp.asarray(loss))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("pulse", [PULSE, Pulse([4.0], [1.0]), Pulse([3.0, 60.0], [0.7, 0.3], 3.0)])
def test_times_follow_their_density(pulse):
    count = 20_000
    drawn = np.asarray(pulse.sample(count, key=jax.random.key(3)), float)
    edges = np.concatenate([np.linspace(0.0, 12.0, 25), np.geomspace(14.0, 300.0, 8)])
    fine = np.linspace(edges[:-1], edges[1:], 201)
    density = np.exp(np.asarray(pulse.log_prob(jnp.asarray(fine.ravel())), float)).reshape(fine.shape)
    share = np.trapezoid(density, fine, axis=0)
    cumulative = np.diff(np.asarray(pulse.cumulative(jnp.asarray(edges)), float))
    np.testing.assert_allclose(share, cumulative, atol=1e-3)
    seen, expected = np.histogram(drawn, edges)[0], count * cumulative
    good = expected > 10
    chi2 = ((seen - expected)[good] ** 2 / expected[good]).sum()
    assert stats.chi2.sf(chi2, good.sum()) > 1e-4
    sigma = drawn.std() / np.sqrt(count)
    assert drawn.mean() == pytest.approx(float(pulse.mean()), abs=4.0 * sigma)


def test_wavelengths_follow_their_density():
    count, edges = 20_000, np.linspace(380.0, 520.0, 36)
    drawn = np.asarray(EMISSION.sample(count, key=jax.random.key(4)), float)
    fine = np.linspace(edges[:-1], edges[1:], 101)
    density = np.exp(np.asarray(EMISSION.log_prob(jnp.asarray(fine.ravel())), float)).reshape(fine.shape)
    share = np.trapezoid(density, fine, axis=0)
    assert share.sum() == pytest.approx(1.0, abs=1e-4)
    seen = np.histogram(drawn, edges)[0]
    assert stats.chi2.sf((((seen - count * share) ** 2) / (count * share)).sum(), 34) > 1e-4
    assert np.isneginf(EMISSION.log_prob(jnp.array([379.0, 521.0]))).all()


def test_densities_have_right_gradients(double_precision):
    time = jnp.array([0.3, 2.0, 9.0, 40.0])

    def value(parameters):
        pulse = Pulse(parameters[:2], parameters[2:4], parameters[4])
        return pulse.log_prob(time).sum() + pulse.cumulative(time).sum()

    start, step = jnp.array([2.7, 27.05, 0.94, 0.06, 0.13]), 1e-5
    slope = jax.grad(value)(start)
    shifts = step * start * jnp.eye(5)
    numeric = [(value(start + shift) - value(start - shift)) / (2.0 * shift.sum()) for shift in shifts]
    np.testing.assert_allclose(slope, numeric, rtol=1e-6, atol=1e-8)


def test_photons_of_steps_balance_and_fluctuate_as_poisson():
    scintillation = scintillator()
    steps = straight_steps([2.0, 0.5, 8.0], [0.01, 0.0025, 0.0005])
    visible = visible_energy(steps, scintillation)
    loss = np.array([200.0, 200.0, 16000.0])
    np.testing.assert_allclose(
        visible, [2.0, 0.5, 8.0] * np.asarray(scintillation.quenching(jnp.asarray(loss))), rtol=1e-5
    )
    medium = Medium(1.5, 30.0, (), scintillation)
    mean = 1000.0 * visible.sum()
    (rays, emitted), *more = scintillation_photons(steps, medium, key=jax.random.key(1))
    assert not more
    assert emitted == float(rays.weight.sum())
    assert emitted == pytest.approx(mean, abs=4.0 * np.sqrt(mean))
    real = np.asarray(rays.weight) > 0
    direction, row = np.asarray(rays.direction)[real], np.rint(np.asarray(rays.position)[real, 1]).astype(int)
    assert np.abs(direction.mean(axis=0)).max() < 4.0 / np.sqrt(3.0 * emitted)
    per_step = np.bincount(row, minlength=3)
    np.testing.assert_array_less(np.abs(per_step - 1000.0 * visible), 4.0 * np.sqrt(1000.0 * visible))
    assert np.asarray(rays.time)[real].mean() == pytest.approx(
        3.0 + float(PULSE.mean()), abs=4.0 * 8.0 / np.sqrt(emitted)
    )


def test_thinning_keeps_what_a_quantum_efficiency_would_accept():
    medium = Medium(1.5, 30.0, (), scintillator(5000.0))
    steps = straight_steps(20.0, 0.1)
    keep = Tabulated([300.0, 420.0, 700.0], [0.05, 0.35, 0.0])
    mean = 5000.0 * visible_energy(steps, medium.scintillation).sum()
    ((rays, emitted),) = scintillation_photons(steps, medium, key=jax.random.key(2), keep=keep)
    assert emitted == pytest.approx(mean, abs=4.0 * np.sqrt(mean))
    wavelength = jnp.linspace(380.0, 520.0, 2001)
    density = jnp.exp(EMISSION.log_prob(wavelength))
    share = float(jnp.trapezoid(density * keep(wavelength), wavelength))
    kept = float(rays.weight.sum())
    assert kept == pytest.approx(share * mean, abs=4.0 * np.sqrt(share * mean))
    colour = float(jnp.trapezoid(density * keep(wavelength) * wavelength, wavelength)) / share
    seen = np.asarray(rays.wavelength)[np.asarray(rays.weight) > 0]
    assert seen.mean() == pytest.approx(colour, abs=4.0 * seen.std() / np.sqrt(kept))


def test_batches_are_bounded_and_nothing_is_made_without_deposits():
    medium = Medium(1.5, 30.0, (), scintillator(1e5, 0.0, 0.0))
    batches = list(scintillation_photons(straight_steps(6.0, 0.03), medium, key=jax.random.key(5)))
    assert len(batches) == 3
    assert max(rays.count for rays, _ in batches) == BATCH
    total = sum(emitted for _, emitted in batches)
    assert total == pytest.approx(6e5, abs=4.0 * np.sqrt(6e5))
    ((rays, emitted),) = scintillation_photons(straight_steps(0.0, 0.03), medium, key=jax.random.key(5))
    assert (emitted, float(rays.weight.sum())) == (0.0, 0.0)
    assert not list(scintillation_photons(straight_steps(1.0, 0.03), Medium(1.5, 30.0), key=jax.random.key(5)))


def test_the_end_of_a_track_is_quenched_more_than_its_mean():
    scintillation = scintillator(1.0, 1e-4, 0.0)
    passing, stopping = (visible_energy(straight_steps(0.25, 6e-4, end), scintillation)[0] for end in (0.5, 0.0))
    # E^(-0.77) / 1.77 of the mean dE/dx against the energy left, integrated on a fine grid
    left = (np.arange(200_000) + 0.5) / 200_000
    exact = 0.25 * np.mean(1.0 / (1.0 + 1e-4 * 0.25 / 6e-4 * left**-0.77 / 1.77))
    assert stopping == pytest.approx(exact, rel=2e-4)
    assert stopping < passing


def test_step_light_adds_scintillation_to_cherenkov_light():
    steps = straight_steps(2.0, 0.01, beta_end=0.95)
    source = StepLight(steps, [0.0, 0.0, 0.0], [0.0, 0.0, 1.0])
    keep = Tabulated([200.0, 800.0], [1.0, 1.0])
    plain, both = (
        [emitted for _, emitted in source.event(medium, key=jax.random.key(7), keep=keep)]
        for medium in (Medium(1.5, 30.0), Medium(1.5, 30.0, (), scintillator()))
    )
    assert len(plain) == 1
    assert both[0] == plain[0]
    mean = 1000.0 * visible_energy(steps, scintillator()).sum()
    assert sum(both[1:]) == pytest.approx(mean, abs=4.0 * np.sqrt(mean))


def test_every_number_of_a_scintillator_is_listed():
    text = table(catalog.lab_scintillator())
    for path in ("scintillation.light_yield", "scintillation.birks", "scintillation.pulse.decay_times"):
        assert path in text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: scintillator(-1.0), r"`Scintillation\(light_yield=...\)` must be > 0"),
        (lambda: scintillator(1.0, -1.0), r"`Scintillation\(birks=...\)` must be >= 0"),
        (lambda: Pulse([1.0, 2.0], [0.5, 0.6]), r"`Pulse\(shares=...\)` must be of the sum 1"),
        (lambda: Pulse([1.0, 2.0], [1.0]), r"`Pulse\(shares=...\)` must be of the shape"),
        (lambda: Emission([400.0, 390.0], [1.0, 1.0]), r"`Emission\(wavelength=...\)` must be at least two increasing"),
        (
            lambda: Emission([400.0, 410.0], [0.0, 0.0]),
            r"`Emission\(value=...\)` must be of shape .* somewhere above 0",
        ),
        (lambda: catalog.water_based_scintillator(3.0), r"percent=...\)` must be 1, 5 or 10 %, but is 3 %"),
    ],
)
def test_bad_input_is_told(make, message):
    with pytest.raises(LampyrisError, match=message):
        make()
