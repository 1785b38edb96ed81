import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.fit.objective import prompt_of
from lampyris.likelihood import Charges, Dispersion, Observation, Prompt, channel_log_likelihood, observe, quadratic
from lampyris.likelihood.channel import charge_log_likelihood
from lampyris.likelihood.event import rows_log_likelihood
from lampyris.response import Hits
from lampyris.sensors import make_sensors
from lampyris.transport.direct_slopes import DirectRows

# times on a scale where one photoelectron is uniform between 0 and 1 ns: any other density is a change of variable
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
TIME, TIME_WEIGHT = 0.5 * (1.0 + NODES), 0.5 * WEIGHTS


def charges(width):
    """Gauss nodes and weights of 30 panels of a width [pe] each."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    nodes = width * (np.arange(30)[:, None] + 0.5 * (1.0 + nodes))
    return nodes.ravel(), np.tile(0.5 * width * weights, 30)


def grid(width, dispersion):
    """An event whose channels are all pairs of charge and time, and the weights of the charges."""
    charge, weight = charges(width)
    count = charge.size * TIME.size
    hits = Hits(np.repeat(charge, TIME.size), np.tile(TIME, charge.size), np.ones(count, bool))
    sensors = make_sensors(np.zeros((count, 3)), np.tile([0.0, 0.0, 1.0], (count, 1)), 0.1)
    return observe(hits, sensors, dispersion), weight


def log_likelihood(seen: Observation, mean):
    """Log-likelihood of every channel for a mean number of photoelectrons that come between 0 and 1 ns."""
    expected = jnp.full_like(seen.time, mean)
    return channel_log_likelihood(jnp.stack([expected, expected, expected * seen.time], axis=1), seen)


def no_hit(mean, dispersion):
    return (1.0 + mean * dispersion**2) ** (-1.0 / dispersion**2)


@pytest.mark.parametrize("dispersion", [0.01, 0.25])
def test_channel_likelihood_is_that_of_the_first_hit_and_adds_up_to_one(dispersion):
    seen, weight = grid(1.0, dispersion)
    for mean in (0.1, 1.0, 4.0):
        density = np.exp(on_host(log_likelihood, seen, mean).astype(float)).reshape(weight.size, TIME.size)
        first_hit = weight @ density
        # mu f exp(-mu F), with the rate of the exponential spread by a Gamma distribution of relative width e
        expected = mean * (1.0 + mean * TIME * dispersion**2) ** (-1.0 / dispersion**2 - 1.0)
        np.testing.assert_allclose(first_hit, expected, rtol=1e-3)  # the quadrature in the charge
        if dispersion == 0.01:
            poisson = mean * np.exp(-mean * TIME)
            np.testing.assert_allclose(first_hit, poisson, rtol=1e-3 + (mean + mean**2) * dispersion**2)
        assert first_hit @ TIME_WEIGHT + no_hit(mean, dispersion) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("dispersion", [0.01, 0.25])
def test_large_charges_add_up_to_one(dispersion):
    # counts are summed on a coarser net here
    seen, weight = grid(6.0, dispersion)
    density = np.exp(on_host(log_likelihood, seen, 60.0).astype(float)).reshape(weight.size, TIME.size)
    assert weight @ density @ TIME_WEIGHT == pytest.approx(1.0, abs=3e-3)


def test_silent_channel():
    count = 3
    hits = Hits(np.array([0.0, 0.0, 2.0]), np.zeros(count), np.array([False, False, True]))
    sensors = make_sensors(np.zeros((count, 3)), np.tile([0.0, 0.0, 1.0], (count, 1)), 0.1)
    logs = on_host(log_likelihood, observe(hits, sensors, 0.25), 1.7)
    assert logs[0] == logs[1] == pytest.approx(np.log(no_hit(1.7, 0.25)), rel=1e-5)


def slope_and_difference(seen, step):
    """Derivatives of the log-likelihood along a change of mean, density and cumulative, and their finite differences."""
    count = seen.time.shape[0]
    start = jnp.linspace(0.2, 9.0, count), jnp.linspace(0.05, 0.6, count), jnp.linspace(0.1, 0.9, count)
    start = start[0], start[1], start[2] * start[0]
    way = jnp.full(count, 0.3), jnp.full(count, -0.02), jnp.full(count, 0.05)
    start, way = jnp.stack(start, axis=1), jnp.stack(way, axis=1)
    _, slope = jax.jvp(lambda rows: channel_log_likelihood(rows, seen), (start,), (way,))

    def moved(t):
        return channel_log_likelihood(start + t * way, seen)

    return slope, (moved(step) - moved(-step)) / (2.0 * step)


def test_gradient(double_precision):
    count = 40
    charge = np.geomspace(0.2, 50.0, count)
    hits = Hits(charge, np.zeros(count), np.arange(count) % 5 > 0)
    sensors = make_sensors(np.zeros((count, 3)), np.tile([0.0, 0.0, 1.0], (count, 1)), 0.1)
    slope, difference = on_host(slope_and_difference, observe(hits, sensors, 0.25), 1e-6)
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(slope, difference, rtol=1e-6, atol=1e-7)


def event_quadratic(seen, rows, slopes, prompt, step, weight):
    """The quadratic model of an event, and finite differences of its value along every parameter."""
    dispersion = Dispersion(weight=weight)
    model = quadratic(rows, slopes, [prompt], seen, dispersion)
    moved = jax.vmap(lambda s: rows_log_likelihood(rows + step * s, seen, dispersion), in_axes=-1)
    back = jax.vmap(lambda s: rows_log_likelihood(rows - step * s, seen, dispersion), in_axes=-1)
    return model.gradient, model.information, (moved(slopes) - back(slopes)) / (2.0 * step)


@pytest.mark.parametrize("weight", [1.0, 0.2])
def test_quadratic_model_of_an_event(weight, double_precision):
    draw, count, parameters = np.random.default_rng(2), 60, 4
    mean = draw.uniform(0.3, 8.0, count)
    charge = draw.poisson(mean).astype(float)
    hits = Hits(charge, np.zeros(count), charge > 0)
    sensors = make_sensors(np.zeros((count, 3)), np.tile([0.0, 0.0, 1.0], (count, 1)), 0.1)
    rows = jnp.asarray(np.stack([mean, 0.1 * mean, 0.4 * mean], axis=1))
    slopes = jnp.asarray(draw.normal(size=(count, 3, parameters)) * np.array([0.1, 0.01, 0.02])[:, None])
    prompt = Prompt(
        slopes[:, 2], slopes[:, 0] / mean[:, None], jnp.full(count, 4.4), jnp.full(count, 0.8), jnp.full(count, 0.9)
    )
    seen = observe(hits, sensors, Dispersion().relative(Charges(mean, 0.9 * mean)))
    gradient, information, difference = on_host(event_quadratic, seen, rows, slopes, prompt, 1e-5, weight)
    np.testing.assert_allclose(gradient, difference, rtol=1e-6, atol=1e-7)
    assert np.linalg.eigvalsh(information).min() > 0
    # what is known of the shape counts by its weight, the total in full
    _, whole, _ = on_host(event_quadratic, seen, rows, slopes, prompt, 1e-5, 1.0)
    _, half, _ = on_host(event_quadratic, seen, rows, slopes, prompt, 1e-5, 0.5)
    np.testing.assert_allclose(information, whole + (weight - 1.0) * 2.0 * (whole - half), rtol=1e-9)
    assert np.linalg.matrix_rank(2.0 * half - whole, tol=1e-6 * np.abs(whole).max()) == 1


def test_a_density_below_none_has_no_chance():
    """Rounding leaves one in a channel of a million; its root would spoil the information of the whole event."""
    light = jnp.asarray([[0.5, -1e-17, 0.1, 3.0], [0.5, 0.02, 0.1, 3.0]])
    prompt = prompt_of(DirectRows(light, jnp.ones((2, 4, 2)), jnp.full(2, 4.4)), light[:, :3] + 1e-4)
    assert float(prompt.chance[0]) == 0.0
    assert float(prompt.chance[1]) == pytest.approx(0.02 / 0.0201, rel=1e-5)


def test_dispersion_falls_with_the_charge_to_its_floor():
    mean = np.array([0.3, 3.0, 3000.0])
    relative = Dispersion(channel=0.2, clumps=0.3).relative(Charges(mean, mean))
    np.testing.assert_allclose(relative**2, 0.04 + 0.3 / mean)


def test_indirect_light_has_no_dispersion_of_its_own():
    """The variance beyond Poisson is that of the direct light, however much indirect light comes on top."""
    mean, direct = np.array([1.0, 5.0, 50.0]), np.array([0.0, 4.0, 4.0])
    relative = Dispersion(channel=0.2, clumps=0.3).relative(Charges(mean, direct))
    np.testing.assert_allclose((relative * mean) ** 2, 0.3 * direct + (0.2 * direct) ** 2)


@pytest.mark.parametrize("dispersion", [0.01, 0.25])
def test_charges_alone_are_the_integral_over_all_times(dispersion):
    seen, weight = grid(1.0, dispersion)
    for mean in (0.1, 1.0, 4.0):
        density = np.exp(on_host(log_likelihood, seen, mean).astype(float)).reshape(weight.size, TIME.size)
        expected = jnp.full(seen.time.shape, mean)
        alone = np.exp(np.asarray(charge_log_likelihood(expected, seen), float)).reshape(weight.size, TIME.size)[:, 0]
        # single precision: logarithms of some tens are right to a few in a million
        np.testing.assert_allclose(density @ TIME_WEIGHT, alone, rtol=1e-4, atol=1e-8)
