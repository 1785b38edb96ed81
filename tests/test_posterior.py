"""Errors of one fit by three ways: profile likelihood, draws from the posterior, and Minuit."""

import equinox as eqx
import jax
import numpy as np
import pytest
from iminuit import Minuit

import lampyris as lp
from lampyris.fit.parameters import NAMES, SCALES, values
from lampyris.fit.posterior import sample_posterior
from lampyris.fit.profile_errors import at_the_top, profile_errors
from lampyris.likelihood import Dispersion

pytestmark = pytest.mark.slow
TRUTH = lp.Track("mu-", 400.0, [0.4, -0.3, -1.5], [0.6, 0.0, 0.8], 2.0)
KNOWN = Dispersion(total=0.02, slip=0.0)
"""without the slip, which is no part of the likelihood"""


@pytest.fixture(scope="module")
def tank(tube_tank) -> lp.Detector:
    """Every fourth tube: thousands of likelihoods are asked for."""
    few = tube_tank.sensors.take(np.arange(0, tube_tank.sensors.count, 4))
    return eqx.tree_at(lambda d: d.sensors, tube_tank, few)


@pytest.fixture(scope="module")
def hits(tank):
    return lp.simulate(tank, TRUTH, key=jax.random.key(2))


@pytest.fixture(scope="module")
def fit(tank, hits):
    """A pion, which has no latent numbers: seven parameters suffice to compare ways."""
    start = lp.Track("pi+", 460.0, TRUTH.position, TRUTH.direction, TRUTH.time)
    found = lp.reconstruct(tank, hits, particle="pi+", start=start, dispersion=KNOWN)
    assert found.result == "converged"
    return found


@pytest.fixture(scope="module")
def profiled(tank, hits, fit):
    return profile_errors(tank, hits, fit, ["energy", "time"], dispersion=KNOWN)


def test_draws_agree_with_the_profile(tank, hits, fit, profiled):
    draws = 40
    found = sample_posterior(tank, hits, fit, key=jax.random.key(1), draws=draws, dispersion=KNOWN)
    assert found.values.shape == (draws, 7)
    assert found.acceptance > 0.6
    assert found.effective.min() > 20
    for name, interval in profiled.items():
        place = NAMES.index(name)
        half = 0.5 * (interval.minus + interval.plus)
        independent = found.effective[place]
        # a standard deviation of n draws holds to 1 / sqrt(2n); a tenth for what is no parabola
        assert abs(found.errors[name] / half - 1.0) < 4.0 / np.sqrt(2.0 * independent) + 0.1, name
        away = found.values[:, place].mean() - values(fit.value)[place]
        assert abs(away) < (4.0 / np.sqrt(independent) + 0.25) * half, name
        low, high = found.interval(name)
        assert low < values(fit.value)[place] < high
    # the mean of a chi-square of seven numbers over two
    assert -6.0 < found.log_likelihood.mean() < -2.0


def test_minuit_finds_the_same_top_and_the_same_errors(tank, hits, fit, profiled):
    problem, state, scattered = at_the_top(tank, hits, fit, None, KNOWN)
    top = problem.local(state, scattered, 0.0).value

    def fall(step):
        return 2.0 * (top - problem.local(problem.move(state, np.asarray(step)), scattered, 0.0).value)

    def minimised(start, *held):
        minuit = Minuit(fall, start)
        minuit.errordef, minuit.strategy, minuit.tol, minuit.precision = 1.0, 1, 20.0, 1e-5
        for number in held:
            minuit.fixed[number] = True
        return minuit.migrad(ncall=800)

    free = minimised(np.full(7, 0.3))
    errors = np.sqrt(np.diag(fit.covariance))
    assert free.fval > -0.1  # nothing better
    assert free.fval < 0.3
    for index, size, name in ((0, SCALES[0] * float(fit.value.energy), "energy"), (6, SCALES[6], "time")):
        assert abs(free.values[index]) * size < 0.25 * errors[NAMES.index(name)]
    for end in (-profiled["time"].minus, profiled["time"].plus):
        held = minimised([*list(free.values)[:6], end / SCALES[6]], 6)
        # a fall by a half, to .02 of the profile and .02 of either minimum, all doubled here
        assert held.fval == pytest.approx(1.0, abs=0.12)


def test_bad_input(tank, hits, fit):
    with pytest.raises(lp.LampyrisError, match=r"draws.* must be >= 2"):
        sample_posterior(tank, hits, fit, key=jax.random.key(0), draws=1)
    with pytest.raises(lp.LampyrisError, match="must have converged"):
        sample_posterior(tank, hits, fit._replace(result="not converged"), key=jax.random.key(0))
