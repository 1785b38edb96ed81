import functools

import equinox as eqx
import numpy as np
import pytest

from lampyris import catalog
from lampyris._checks import LampyrisError
from lampyris.describe import parameters
from lampyris.layout import overlapping

# channels and photocoverage [%]
EXPECTED = {
    "SK": (11_146, 40.07),
    "HK": (19_916, 20.20),
    "IWCD": (7_676, 15.26),
    "WCTE": (2_014, 24.64),
    "JUNO": (17_612 + 25_600, 78.2),
    "TAO": (4_024, 76.4),
    "Eos": (242, 28.9),
}
load = functools.cache(catalog.load)
coverage_of = eqx.filter_jit(lambda detector: detector.photocoverage())  # eager JAX compiles step by step
inwards = eqx.filter_jit(lambda shape, points: shape.signed_distance(points))


def on_barrel(detector):
    """Which channels of a cylinder sit on its barrel: those whose axes are level."""
    return np.abs(np.asarray(detector.sensors.normal)[:, 2]) < 0.5


def test_every_detector_is_listed():
    assert set(catalog.names()) == set(EXPECTED) == set(catalog.summaries())
    assert all("\n" not in line and len(line) > 20 for line in catalog.summaries().values())


@pytest.mark.parametrize("name", EXPECTED)
def test_numbers_of_sensors_and_coverage(name):
    detector, (count, coverage) = load(name), EXPECTED[name]
    assert detector.name == name
    assert detector.note.startswith("Approximate")
    assert detector.sensors.count == count
    assert 100.0 * float(coverage_of(detector)) == pytest.approx(coverage, abs=0.05)


@pytest.mark.parametrize("name", EXPECTED)
def test_disks_lie_apart_on_the_wall_and_face_inwards(name):
    shape, sensors = load(name).shape, load(name).sensors
    position, normal = np.asarray(sensors.position), np.asarray(sensors.normal)
    distance = np.asarray(inwards(shape, np.stack([position, position + 0.005 * normal])))
    np.testing.assert_allclose(distance[0], 0.0, atol=1e-5)
    np.testing.assert_allclose(distance[1], 0.005, atol=5e-5)
    assert len(overlapping(position, normal, sensors.radius)) == 0


def test_disks_of_cylinders_stay_within_their_face():
    for name in ("SK", "HK", "IWCD", "WCTE", "Eos"):
        shape, sensors = load(name).shape, load(name).sensors
        position, radius, barrel = np.asarray(sensors.position), np.asarray(sensors.radius), on_barrel(load(name))
        assert np.all((np.abs(position[:, 2]) + radius)[barrel] < 0.5 * float(shape.height))
        assert np.all((np.hypot(*position[:, :2].T) + radius)[~barrel] < float(shape.radius))


def test_super_kamiokande_in_numbers():
    detector = load("SK")
    sensors, position = detector.sensors, np.asarray(detector.sensors.position)
    barrel = on_barrel(detector)
    assert (barrel.sum(), (~barrel & (position[:, 2] > 0)).sum()) == (7650, 1748)
    heights = np.unique(position[barrel, 2].round(4))
    assert len(heights) == 51
    np.testing.assert_allclose(heights[0], -18.1 + 0.36, atol=1e-4)
    np.testing.assert_allclose(np.diff(heights), 0.707, atol=2e-4)
    assert float(detector.wall.reflectance.value) == pytest.approx(0.05)
    assert float(detector.wall.specular_fraction) == pytest.approx(0.55)
    assert float(sensors.surface.reflectance.value) == pytest.approx(0.25)
    assert float(sensors.surface.specular_fraction) == pytest.approx(0.90)
    assert float(sensors.dark_charge) == pytest.approx(4.2e-6 * 1200.0)
    assert float(sensors.quantum_efficiency.samples().max()) == pytest.approx(0.211)


def test_printing_shows_every_parameter_with_its_unit():
    detector = load("SK")
    text = str(detector)
    assert text.startswith("SK: 11146 sensors, photocoverage 40.07 %")
    for parameter in parameters(detector):
        line = next(line for line in text.splitlines() if line.startswith(f"{parameter.path} "))
        assert parameter.declared.unit in line
        assert parameter.declared.domain.rule in line
    for row in ("shape.radius", "sensors.dark_rate", "sensors.transit_time_spread", "medium.refractive_index"):
        assert f"\n{row}" in text


def test_names_ignore_capitals_and_unknown_names_are_told():
    assert catalog.load("eos").name == catalog.load("EOS").name == "Eos"
    with pytest.raises(LampyrisError) as error:
        catalog.load("Kamioka")
    assert "Unknown detector 'Kamioka'" in str(error.value)
    assert all(name in str(error.value) for name in catalog.names())
