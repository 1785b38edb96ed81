import jax.numpy as jnp
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris.catalog import efficiency
from lampyris.catalog.ice import ice_south_pole
from lampyris.catalog.media import water_quan_fry, water_sk
from lampyris.catalog.scintillators import lab_scintillator, mineral_oil, water_based_scintillator
from lampyris.medium import Medium
from lampyris.particle.energy_loss import heavy_loss
from lampyris.particle.material import ICE, LAB, MINERAL_OIL, WATER

# photon energy [eV] and refractive index that `water_sk` is fitted to
ENERGY = np.array([1.84, 2.07, 2.48, 2.76, 3.10, 3.31, 3.54, 3.81, 4.13, 4.51])
INDEX = np.array([1.333, 1.334, 1.335, 1.337, 1.338, 1.339, 1.340, 1.342, 1.343, 1.345])
NM_EV = 1239.841984


@pytest.mark.parametrize(
    ("wavelength", "absorption", "symmetric", "forward"),
    [(337.0, 586, 75.6, 4800), (375.0, 552, 128.3, 9368), (405.0, 368, 186.5, 9718), (445.0, 163, 292.4, 7513)],
)
def test_sk_water_lengths(wavelength, absorption, symmetric, forward):
    medium, at = water_sk(), jnp.array(wavelength)
    rates = medium.scattering_rates(at)
    assert 1.0 / medium.absorption_rate(at) == pytest.approx(absorption, abs=0.6)
    assert 1.0 / rates[0] == pytest.approx(symmetric, abs=0.06)
    assert 1.0 / rates[1] == pytest.approx(forward, rel=2e-4)


def test_sk_water_absorbs_like_pure_water_above_464_nm():
    medium = water_sk()
    for wavelength, pope_fry in ((500.0, 0.0204), (600.0, 0.2224), (690.0, 0.516)):
        rate = medium.absorption_rate(jnp.array(wavelength))
        assert rate == pytest.approx(pope_fry + 0.624 * 2.96e7 / wavelength**4, rel=1e-5)
    below, above = 1.0 / medium.absorption_rate(jnp.array([462.0, 464.0]))
    assert abs(above / below - 1.0) < 0.15


def test_sk_index_follows_its_table():
    index = np.asarray(water_sk().refractive_index(jnp.asarray(NM_EV / ENERGY)))
    residual = index - INDEX
    assert np.abs(residual).max() < 4.5e-4
    assert np.sqrt(np.mean(residual**2)) < 2.6e-4


def test_sk_index_gives_the_cherenkov_light_of_its_table():
    energy = np.linspace(ENERGY[0], ENERGY[-1], 4001)
    index = np.asarray(water_sk().refractive_index(jnp.asarray(NM_EV / energy)), dtype=float)
    for beta in (1.0, 0.85):
        fitted = np.trapezoid(1.0 - 1.0 / (beta * index) ** 2, energy)
        table = np.trapezoid(1.0 - 1.0 / (beta * np.interp(energy, ENERGY, INDEX)) ** 2, energy)
        assert fitted == pytest.approx(table, rel=5e-4)


def test_quan_fry_group_index():
    medium, wavelength = water_quan_fry(13.0), jnp.array([337.0, 405.0, 473.0])
    np.testing.assert_allclose(medium.group_index(wavelength), [1.41152, 1.38063, 1.36511], atol=6e-6)
    np.testing.assert_allclose(100.0 * medium.group_velocity(wavelength), [21.24, 21.71, 21.96], atol=6e-3)


def test_quan_fry_is_lower_in_warm_water_and_near_the_sk_table():
    at = jnp.array(450.0)
    assert water_quan_fry(25.0).refractive_index(at) < water_quan_fry(5.0).refractive_index(at)
    np.testing.assert_allclose(water_quan_fry().refractive_index(at), 1.3405, atol=1e-3)
    assert abs(float(water_sk().group_index(at) / water_quan_fry().group_index(at)) - 1.0) < 0.02


def test_scattering_kinds_of_water():
    symmetric, forward = water_sk().scatterers
    quantile = jnp.linspace(0.0005, 0.9995, 1000)
    assert float(symmetric.phase.cosine(quantile).mean()) == pytest.approx(0.0, abs=1e-3)
    assert float(forward.phase.cosine(quantile).mean()) == pytest.approx(0.9, abs=2e-3)


def test_scintillator_numbers():
    medium, wavelength = lab_scintillator(), jnp.array([430.0, 589.0])
    np.testing.assert_allclose(medium.refractive_index(wavelength), [1.498, 1.482], atol=5e-4)
    length = 1.0 / medium.scattering_rate(wavelength)
    assert length[0] == pytest.approx(27.0, rel=1e-4)
    assert length[1] / length[0] == pytest.approx((589.0 / 430.0) ** 4, rel=1e-3)
    assert medium.absorption_length(wavelength)[0] == pytest.approx(77.0)


@pytest.mark.parametrize(
    ("curve", "peak", "where"),
    [
        (efficiency.tube_20_inch, 0.211, 400.0),
        (efficiency.tube_20_inch_box_and_line, 0.30, 400.0),
        (efficiency.tube_20_inch_microchannel, 0.30, 400.0),
        (efficiency.tube_8_inch, 0.30, 400.0),
        (efficiency.tube_3_inch, 0.27, 400.0),
        (efficiency.silicon, 0.50, 430.0),
    ],
)
def test_efficiencies_peak_where_they_should(curve, peak, where):
    wavelength = jnp.linspace(250.0, 700.0, 451)
    values = curve()(wavelength)
    assert float(values.max()) == pytest.approx(peak, rel=1e-5)
    assert float(curve()(jnp.array(where))) == pytest.approx(peak, rel=1e-5)
    assert float(values.min()) >= 0.0
    assert float(values[0]) == 0.0


@pytest.mark.parametrize("given", ["1.33", None, True, ["a"], object()])
def test_what_is_no_number_is_no_spectrum(given):
    with pytest.raises(LampyrisError, match="A number or an array of numbers is needed"):
        Medium(given, 30.0)


def test_ice_is_that_of_the_reference_law():
    medium, at = ice_south_pole(), jnp.array([337.0, 400.0, 532.0])
    # n = 1.55749 - 1.57988 l + 3.99993 l^2 - 4.68271 l^3 + 2.09354 l^4 with l in um
    np.testing.assert_allclose(medium.refractive_index(at), [1.32712, 1.31943, 1.31170], atol=2e-4)
    # the group index of the same authors, of their own fit
    np.testing.assert_allclose(medium.group_index(at), [1.3803, 1.3561, 1.3321], atol=1e-3)
    dust = 0.00635 + 6954.0 * np.exp(-6618.0 / 400.0) * 1.121
    assert 1.0 / float(medium.absorption_rate(at[1])) == pytest.approx(1.0 / dust, rel=1e-3)
    assert 0.1 * float(medium.scattering_rate(at[1])) == pytest.approx(0.0233, rel=1e-3)
    dirty = ice_south_pole(dust_absorption=0.02, scattering=0.1)
    assert float(dirty.attenuation_rate(at[1])) > 3.0 * float(medium.attenuation_rate(at[1]))


def test_water_based_scintillator_lies_between_water_and_lab():
    at = jnp.array([350.0, 400.0, 450.0])
    water, lab = water_sk(), lab_scintillator()
    few, many = water_based_scintillator(1.0), water_based_scintillator(10.0)
    share = (many.refractive_index(at) - water.refractive_index(at)) / (
        lab.refractive_index(at) - water.refractive_index(at)
    )
    np.testing.assert_allclose(share, 0.1, rtol=1e-3)
    # PPO swallows the ultraviolet; at 400 nm 0.99 of SK's 0.002497 / m and 0.01 (1 / 24.5 + 0.8 / 13) / m
    assert float(few.absorption_rate(at[1])) == pytest.approx(0.003495, rel=1e-3)
    assert float(few.absorption_rate(at[0])) > 1.0
    assert np.all(np.asarray(many.attenuation_rate(at)) > np.asarray(few.attenuation_rate(at)))
    assert float(few.scattering_rate(at[1]) - water.scattering_rate(at[1])) == pytest.approx(0.020, rel=1e-3)


def test_mineral_oil_index():
    warm, cold = mineral_oil(20.0), mineral_oil(10.0)
    assert float(warm.refractive_index(jnp.array(589.3))) == pytest.approx(1.4684, abs=1e-5)
    assert float(cold.refractive_index(jnp.array(500.0)) - warm.refractive_index(jnp.array(500.0))) == pytest.approx(
        3.68e-3, rel=0.01
    )
    assert warm.scintillation is None


@pytest.mark.parametrize(
    ("material", "loss", "radiation"),
    [(WATER, 1.991, 36.08), (ICE, 1.991, 36.08), (LAB, 2.06, 44.46), (MINERAL_OIL, 2.12, 44.85)],
    ids=["water", "ice", "LAB", "oil"],
)
def test_stopping_power_and_radiation_length_of_the_matter(material, loss, radiation):
    # the least dE/dx of muons per density [MeV cm2/g] and the radiation length [g/cm2]; the PDG gives 1.992 for water,
    # 2.079 for polyethylene and 2.088 for paraffin, which it takes at higher densities
    energy = np.geomspace(100.0, 1000.0, 200)
    least = heavy_loss(material, energy).min() / (100.0 * material.density)
    assert least == pytest.approx(loss, rel=0.02)
    assert 100.0 * material.radiation_length * material.density == pytest.approx(radiation, rel=1e-3)
    mass = sum(share for _, _, share in material.elements)
    charge = sum(share * number / weight for number, weight, share in material.elements)
    assert (mass, charge) == pytest.approx((1.0, material.charge_to_mass), rel=1e-3)
