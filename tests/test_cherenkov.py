import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lampyris._host import on_host
from lampyris.catalog.media import water_quan_fry, water_sk
from lampyris.data.events import demo_muon
from lampyris.emission.cherenkov import BAND, cherenkov_photons, photons_per_metre
from lampyris.medium import Medium
from lampyris.particle import Steps
from lampyris.spectrum import Constant
from lampyris.units import SPEED_OF_LIGHT

NM_EV = 1239.841984
WATER = Medium(1.33, 30.0)


def yields(beta):
    """Photons per cm in three bands at each beta."""
    bands = ((300.0, 600.0), (300.0, 700.0), (274.91, 673.83))
    return jnp.stack([photons_per_metre(WATER, beta, band) for band in bands]) / 100.0


def group_index(medium, wavelength):
    return medium.group_index(wavelength)


def one_step(direction, start, length, beta, time):
    column = np.ones(1)
    return Steps(
        start=[start],
        end=[start + length * direction],
        time=time * column,
        beta_start=beta * column,
        beta_end=beta * column,
        length=length * column,
        charge=-column,
        energy_deposit=0.0 * column,
        pdg=13 * column,
        track=column,
        parent=0 * column,
    )


def test_frank_tamm_yields_and_thresholds():
    # particles at unit velocity, then just below and just above the kinetic threshold energies in n = 1.33
    masses = np.array([0.51099895, 105.6583755, 139.57039, 938.27209])
    threshold, margin = np.array([0.264, 54.6, 72.1, 484.9]), np.array([1e-3, 0.1, 0.1, 0.2])
    gamma = 1.0 + np.concatenate([threshold - margin, threshold + margin]) / np.tile(masses, 2)
    beta = np.append(1.0, np.sqrt(1.0 - 1.0 / gamma**2))
    light = on_host(yields, beta)
    np.testing.assert_allclose(light[:, 0], [332.2, 379.6, 429.2], rtol=2e-4)  # as many digits as are given
    np.testing.assert_array_equal(light[:, 1:5], 0.0)
    assert (light[:, 5:] > 0).all()


def test_group_index_of_quan_and_fry():
    index = on_host(group_index, water_quan_fry(), np.array([337.0, 405.0, 473.0]))
    np.testing.assert_allclose(index, [1.41152, 1.38063, 1.36511], atol=1e-5)


def test_light_of_a_straight_step():
    beta, length, time, kept_share = 0.95, 0.5, 3.0, 0.5
    direction, start = np.array([0.48, 0.6, 0.64]), np.array([1.0, 2.0, 3.0])
    steps = one_step(direction, start, length, beta, time)
    rays, emitted = cherenkov_photons(steps, WATER, key=jax.random.key(5), keep=Constant(kept_share))
    expected = length * 36981.0 * (NM_EV / BAND[0] - NM_EV / BAND[1]) * (1.0 - 1.0 / (1.33 * beta) ** 2)
    assert emitted == pytest.approx(expected, abs=4.0 * np.sqrt(expected))  # Poisson
    weight = np.asarray(rays.weight)
    assert set(np.unique(weight)) == {0.0, 1.0}
    kept = weight > 0
    sigma = np.sqrt(emitted * kept_share * (1.0 - kept_share))
    assert kept.sum() == pytest.approx(kept_share * emitted, abs=4.0 * sigma)
    position, way, clock, wavelength = (np.asarray(column, float)[kept] for column in rays[:-1])
    np.testing.assert_allclose(way @ direction, 1.0 / (1.33 * beta), atol=2e-6)
    along = (position - start) @ direction
    np.testing.assert_allclose(position, start + along[:, None] * direction, atol=2e-6)
    np.testing.assert_allclose(clock, time + along / (beta * SPEED_OF_LIGHT), rtol=1e-5)
    first = np.cross(direction, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    azimuth = np.arctan2(way @ np.cross(direction, first), way @ first)
    # photons per wavelength go as 1 / l^2, which is uniform in 1 / l
    for sample, low, high in (
        (along, 0.0, length),
        (1.0 / wavelength, 1.0 / BAND[1], 1.0 / BAND[0]),
        (azimuth, -np.pi, np.pi),
    ):
        assert stats.kstest(sample, "uniform", args=(low, high - low)).pvalue > 1e-4


def test_light_of_the_demo_muon():
    energy, steps = demo_muon()
    assert energy == pytest.approx(1000.0)
    _, emitted = cherenkov_photons(steps, water_sk(), key=jax.random.key(1))
    # 150 whole muons of 1 GeV: 201,300 photons on average, with an rms of 0.8 % from muon to muon
    assert emitted == pytest.approx(201_300, rel=3 * 0.008)
