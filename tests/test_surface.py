import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lampyris._host import on_host
from lampyris.surface import Fresnel, Lambertian, Mixture

DRAWS = 200_000
NORMAL = np.array([0.6, 0.0, 0.8])
INCOMING = np.array([0.0, 0.6, -0.8])


def reflectance(surface, degrees):
    return surface.reflectance_at(jnp.cos(jnp.radians(degrees)), jnp.full_like(degrees, 400.0))


def reflected(surface, key):
    """Directions after reflection, their cosines to the normal and azimuths about it."""
    normal, incoming = (jnp.broadcast_to(jnp.asarray(v, float), (DRAWS, 3)) for v in (NORMAL, INCOMING))
    outgoing = surface.reflect(incoming, normal, jax.random.uniform(key, (DRAWS, 3)))
    across = jnp.array([0.8, 0.0, -0.6])
    azimuth = jnp.arctan2(outgoing[:, 1], outgoing @ across)
    return outgoing, outgoing @ jnp.asarray(NORMAL, float), azimuth


def density(surface, cosine):
    """Density per steradian at a cosine to the normal."""
    normal = jnp.broadcast_to(jnp.array([0.0, 0.0, 1.0]), (*cosine.shape, 3))
    outgoing = jnp.stack([jnp.sqrt(1.0 - cosine**2), jnp.zeros_like(cosine), cosine], axis=-1)
    return jnp.exp(surface.log_prob(outgoing, normal))


def test_fresnel_water_to_glass():
    brewster = np.degrees(np.arctan2(1.47, 1.33))
    assert brewster == pytest.approx(47.862, abs=1e-3)
    share = on_host(reflectance, Fresnel(1.33, 1.47), np.array([0.0, 45.0, 60.0, 75.0, brewster]))
    np.testing.assert_allclose(share[:4], [0.0025, 0.0042176, 0.0140923, 0.0946963], rtol=2e-4)
    # at the Brewster angle only the perpendicular half is reflected
    assert share[4] == pytest.approx(0.5 * np.cos(2.0 * np.radians(brewster)) ** 2, rel=2e-4)


def test_fresnel_water_to_air_reflects_all_beyond_the_critical_angle():
    share = on_host(reflectance, Fresnel(1.33, 1.0), np.array([0.0, 48.70, 48.80, 60.0, 89.0]))
    assert share[0] == pytest.approx((0.33 / 2.33) ** 2, rel=1e-4)
    assert 0.5 < share[1] < 1.0
    np.testing.assert_array_equal(share[2:], 1.0)


def test_lambertian_reflection_follows_its_density():
    _, cosine, azimuth = on_host(reflected, Lambertian(1.0), jax.random.key(0))
    edges = np.linspace(0.0, 1.0, 31)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    at = 0.5 * (edges[1:] + edges[:-1])[:, None] + nodes / 60.0
    expected = 2.0 * np.pi * (on_host(density, Lambertian(1.0), at) * weights / 60.0).sum(axis=1)
    assert expected.sum() == pytest.approx(1.0, abs=1e-5)
    seen = np.histogram(cosine, edges)[0]
    assert seen.sum() == DRAWS
    chi_square = ((seen - DRAWS * expected) ** 2 / (DRAWS * expected)).sum()
    assert stats.chi2.sf(chi_square, 29) > 1e-4
    around = np.histogram(azimuth, np.linspace(-np.pi, np.pi, 37))[0]
    assert stats.chisquare(around).pvalue > 1e-4


def test_mixture_mirrors_its_specular_share():
    share = 0.55
    surface = Mixture(0.3, share)
    outgoing, _, _ = on_host(reflected, surface, jax.random.key(1))
    mirrored = INCOMING - 2.0 * (INCOMING @ NORMAL) * NORMAL
    specular = np.linalg.norm(outgoing - mirrored, axis=1) < 1e-5
    sigma = np.sqrt(share * (1.0 - share) / DRAWS)
    assert specular.mean() == pytest.approx(share, abs=4.0 * sigma)
    # the diffuse part: a cosine law, whose mean cosine is 2/3 with the variance 1/18
    cosine = outgoing[~specular] @ NORMAL
    assert cosine.mean() == pytest.approx(2 / 3, abs=4.0 * np.sqrt(1 / 18 / cosine.size))
    nodes, weights = np.polynomial.legendre.leggauss(4)
    integral = np.pi * (on_host(density, surface, 0.5 * (1.0 + nodes)) * weights).sum()
    assert integral == pytest.approx(1.0 - share, abs=1e-5)
    assert on_host(reflectance, surface, np.array([10.0, 80.0])) == pytest.approx(0.3)
