import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lampyris._host import on_host
from lampyris.phase import HenyeyGreenstein, Rayleigh

QUANTILES = (np.arange(100_000) + 0.5) / 100_000
PHASES = [Rayleigh(), HenyeyGreenstein(0.7), HenyeyGreenstein(-0.4)]


def cosine(phase, quantile):
    return phase.cosine(quantile)


def density(phase, at):
    """Density per unit of the cosine."""
    return 2.0 * jnp.pi * jnp.exp(phase.log_prob(at))


def slope_and_density(phase, quantile):
    at, slope = jax.jvp(phase.cosine, (quantile,), (jnp.ones_like(quantile),))
    return slope, density(phase, at)


def test_rayleigh_moments():
    # the midpoint rule in the quantile is exact to 1e-8 here; what remains is rounding
    c = on_host(cosine, Rayleigh(), QUANTILES).astype(float)
    assert c.mean() == pytest.approx(0.0, abs=1e-5)
    assert (c**2).mean() == pytest.approx(2 / 5, abs=1e-5)
    assert np.abs(c).mean() == pytest.approx(9 / 16, abs=1e-5)


@pytest.mark.parametrize("g", [-0.5, 0.0, 0.3, 0.9])
def test_henyey_greenstein_legendre_moments_are_powers_of_g(g):
    c = on_host(cosine, HenyeyGreenstein(g), QUANTILES).astype(float)
    for order in range(1, 5):
        moment = np.polynomial.legendre.Legendre.basis(order)(c).mean()
        assert moment == pytest.approx(g**order, abs=3e-5)


@pytest.mark.parametrize("phase", PHASES)
def test_quantile_grows_at_one_over_the_density(phase):
    slope, value = on_host(slope_and_density, phase, QUANTILES[50::100])
    np.testing.assert_allclose(slope * value, 1.0, rtol=1e-4)


@pytest.mark.parametrize("phase", PHASES)
def test_samples_follow_the_density(phase):
    draws, bins, fine = 200_000, 40, 25
    sample = np.asarray(phase.sample((draws,), key=jax.random.key(3)))
    edges = np.linspace(-1.0, 1.0, bins + 1)
    nodes, weights = np.polynomial.legendre.leggauss(fine)
    at = 0.5 * (edges[1:] + edges[:-1])[:, None] + nodes / bins
    expected = (on_host(density, phase, at).astype(float) * weights / bins).sum(axis=1)
    assert expected.sum() == pytest.approx(1.0, abs=1e-5)
    seen = np.histogram(sample, edges)[0]
    chi_square = ((seen - draws * expected) ** 2 / (draws * expected)).sum()
    assert stats.chi2.sf(chi_square, bins - 1) > 1e-4
