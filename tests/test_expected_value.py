"""Expected value against the Monte Carlo referee, in units of the statistical error of both."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import lampyris as lp
from lampyris.layout import box_panels, fibonacci_sphere
from lampyris.medium import Medium, Scatterer
from lampyris.phase import HenyeyGreenstein, Rayleigh
from lampyris.surface import Lambertian, Mixture

QUANTUM_EFFICIENCY = 0.2
PHOTONS = 4e5
SEEDS = 4


def strong_sphere():
    shape = lp.Sphere(3.0)
    medium = Medium(1.33, 15.0, (Scatterer(8.0, Rayleigh()), Scatterer(20.0, HenyeyGreenstein(0.8))))
    sensors = lp.make_sensors(
        *fibonacci_sphere(shape, 200), 0.25, QUANTUM_EFFICIENCY, surface=Mixture(0.3, 0.5), dark_rate=3.0
    )
    return lp.Detector(shape, medium, Mixture(0.6, 0.4), sensors)


def strong_box():
    shape = lp.Box([3.0, 4.0, 5.0])
    medium = Medium(1.33, 15.0, (Scatterer(8.0, Rayleigh()),))
    sensors = lp.make_sensors(
        *box_panels(shape, pitch=0.7, margin=0.35), 0.25, QUANTUM_EFFICIENCY, surface=Lambertian(0.3)
    )
    return lp.Detector(shape, medium, Lambertian(0.6), sensors)


def flash(photons=PHOTONS):
    return lp.Isotropic([0.8, -0.5, 1.2], photons=photons)


@pytest.fixture(scope="module")
def counted(small_tank):
    """Photons of one flash in the small tank, absorbed in sensors, and what hit-or-miss rays expect of them."""
    arrivals, balance = lp.MonteCarlo()(flash(), small_tank, key=jax.random.key(3))
    drawn = [expected(small_tank, flash(), seed) for seed in range(SEEDS)]
    return arrivals, balance, drawn


def expected(detector, source, seed, **options):
    options = {"rays": 2**16, "steps": 10, "width": 0.0} | options
    return lp.expect(detector, source, transport=lp.ExpectedValue(seed=seed, **options))


def agree(seen, drawn):
    """Chi-square over sensors and total of counted photons and of expectations with several seeds."""
    mean = drawn.mean(axis=0)
    lit = mean > 5.0
    own = drawn.var(axis=0, ddof=1)[lit].sum() / mean[lit].sum() / len(drawn)  # variance of the rays over the charge
    chi_square = ((seen - mean)[lit] ** 2 / (mean[lit] * (1.0 + own))).mean()
    assert lit.sum() > 50
    assert abs(chi_square - 1.0) < 4.0 * np.sqrt(2.0 / lit.sum())
    spread = drawn.sum(axis=1).std(ddof=1) / np.sqrt(len(drawn))
    # the spread of four totals is itself uncertain: never below what the independent deposits would have
    sigma = np.hypot(np.sqrt(mean.sum()), max(spread, np.sqrt(own * mean.sum())))
    assert abs(seen.sum() - mean.sum()) < 4.0 * sigma


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cylinder", "sphere", "box"])
def test_hard_limit_agrees_with_monte_carlo(name, small_tank, counted):
    detector = {"cylinder": lambda: small_tank, "sphere": strong_sphere, "box": strong_box}[name]()
    source = lp.Laser([0.2, 0.1, 2.0], [0.0, 0.0, -1.0], photons=PHOTONS, width=0.4) if name == "box" else flash()
    if name == "cylinder":
        arrivals, _, drawn = counted
    else:
        arrivals, _ = lp.MonteCarlo()(source, detector, key=jax.random.key(7))
        drawn = [expected(detector, source, seed) for seed in range(SEEDS)]
    for part, chosen in (("direct", arrivals.direct), ("indirect", ~arrivals.direct)):
        seen = np.bincount(arrivals.channel[chosen], minlength=detector.sensors.count).astype(float)
        charge = np.stack([np.asarray(getattr(e, part).charge, float) for e in drawn]) / QUANTUM_EFFICIENCY
        agree(seen, charge)


@pytest.mark.slow
def test_times_agree_with_monte_carlo(small_tank, counted):
    """Cumulative probability at the arrival times of each sensor's photons, blurred as sensors do, is uniform."""
    arrivals, _, drawn = counted
    generator = np.random.default_rng(5)
    blurred = arrivals.time + generator.normal(size=len(arrivals.time)) * float(small_tank.sensors.transit_time_spread)
    order = generator.permutation(len(blurred))
    channel, first = np.unique(arrivals.channel[order], return_index=True)
    time = np.zeros(small_tank.sensors.count, np.float32)
    time[channel] = blurred[order][first]
    cumulative = np.mean([np.asarray(e.distribution(jnp.asarray(time))[1]) for e in drawn], axis=0)[channel]
    assert stats.kstest(cumulative, "uniform").pvalue > 1e-4
    late = np.mean([np.asarray(e.distribution(jnp.asarray(time + 1.0))[1]) for e in drawn], axis=0)[channel]
    assert stats.kstest(late, "uniform").pvalue < 1e-4  # a nanosecond is seen


@pytest.mark.slow
def test_density_is_the_slope_of_the_cumulative(small_tank, counted):
    expectation = counted[2][0]
    time = jnp.linspace(-20.0, 300.0, 641)[:, None] * jnp.ones(small_tank.sensors.count)
    density, cumulative = jax.vmap(expectation.density_and_cumulative)(time)
    rise = 0.5 * 0.5 * (density[1:] + density[:-1])  # by trapezoids half a nanosecond wide
    np.testing.assert_allclose(np.diff(cumulative, axis=0).sum(axis=1), rise.sum(axis=1), rtol=0.03, atol=0.5)
    np.testing.assert_allclose(cumulative[-1], expectation.charge, rtol=1e-3)


@pytest.mark.slow
def test_all_light_is_accounted_for(small_tank):
    """Where light ends within four free paths, and what then still flies."""
    _, truth = lp.MonteCarlo(most_steps=4)(flash(), small_tank, key=jax.random.key(4))
    transport = lp.ExpectedValue(rays=2**17, steps=4, width=0.5)
    balance = transport.balance(flash(), small_tank)
    sigma = 0.003  # 2^17 rays, whose weights spread by about as much as they are
    assert balance.error() < 4.0 * sigma
    for part in ("at_sensors", "in_medium", "in_wall", "cut_off"):
        share, true = getattr(balance, part) / balance.emitted, getattr(truth, part) / truth.emitted
        assert share == pytest.approx(true, abs=4.0 * min(sigma, 0.1 * true))
        assert share > 0
    assert transport.left_over(flash(), small_tank) == pytest.approx(balance.cut_off / balance.emitted)


@pytest.mark.slow
def test_soft_disks_tend_to_hard_ones(small_tank, counted):
    hard = np.asarray(counted[2][0].charge, float)
    soft = np.asarray(expected(small_tank, flash(), 0, width=1e-3).charge, float)
    other = np.asarray(counted[2][1].charge, float)
    near, far = (np.sqrt(((charge - hard) ** 2).mean()) for charge in (soft, other))
    assert near < 0.3 * far  # the same rays, so far nearer than another set of rays


def test_bad_input_is_named(small_tank):
    with pytest.raises(lp.LampyrisError, match=r"ExpectedValue\(width=...\)` must be >= 0"):
        lp.ExpectedValue(width=-1.0)
    with pytest.raises(lp.LampyrisError, match=r"ExpectedValue\(steps=...\)` must be >= 1, but is 0"):
        lp.ExpectedValue(steps=0)
    with pytest.raises(lp.LampyrisError, match="inside the detector"):
        lp.expect(small_tank, lp.Isotropic([0.0, 0.0, 9.0]), transport=lp.ExpectedValue(rays=512))
    with pytest.raises(lp.LampyrisError, match="prepared"):
        jax.jit(lambda radius: lp.ExpectedValue(rays=512)(flash(), moved_out(small_tank, radius)).charge)(0.2)


def moved_out(detector, radius):
    position = detector.sensors.position * (1.0 + 0.0 * radius)
    return eqx.tree_at(lambda d: d.sensors.position, detector, position)
