"""Hybrid against the Monte Carlo referee, in units of its statistical error."""

import jax
import numpy as np
import pytest

import lampyris as lp

pytestmark = pytest.mark.slow


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
    expectation = lp.expect(small_tank, source, transport=lp.Hybrid(rays=32768, steps=12))
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

    gradient = jax.grad(total)(small_tank)
    assert isinstance(gradient, lp.Detector)
    # every channel's light is proportional to its efficiency, so their slopes add up to the total
    assert float(gradient.sensors.relative_efficiency.sum()) == pytest.approx(float(total(small_tank)), rel=1e-3)
    assert float(gradient.medium.absorption_length.value) > 0
    assert float(gradient.wall.reflectance.value) > 0
