"""The electron of a muon that decayed in the read-out: the flash, the common fit, and events without one."""

import jax
import numpy as np
import pytest
from _together import together

import lampyris as lp
from lampyris._host import on_host
from lampyris.emission import load_profile
from lampyris.fit.decay import find_decay, find_flash

pytestmark = pytest.mark.slow
MUON = lp.Track("mu-", 420.0, [0.4, -0.3, -1.5], [0.6, 0.0, 0.8], 2.0)
DELAY = 430.0


@pytest.fixture(scope="module")
def tank(tube_tank) -> lp.Detector:
    return tube_tank


@pytest.fixture(scope="module")
def electron() -> lp.Track:
    """An electron of 45 MeV where the muon stops."""
    length = float(on_host(load_profile("mu-").length, 420.0))
    end = np.asarray(MUON.position, float) + length * np.asarray(MUON.direction, float)
    return lp.Track("e-", 45.0, end, [0.0, -0.6, -0.8], DELAY)


@pytest.fixture(scope="module")
def alone(tank):
    return lp.simulate(tank, MUON, key=jax.random.key(1))


@pytest.fixture(scope="module")
def both(tank, alone, electron):
    return together(alone, lp.simulate(tank, electron, key=jax.random.key(2)))


@pytest.fixture(scope="module")
def fit(tank, both):
    return lp.reconstruct(tank, both, start=MUON)


def test_flash_is_found_about_its_point(tank, both, alone, electron):
    found = find_flash(tank, both, np.asarray(electron.position), 60.0)
    assert abs(found.time - DELAY) < 4.0
    assert len(found.hits) > 20
    assert find_flash(tank, alone, np.asarray(electron.position), 60.0) is None


def test_electron_and_muon_are_found_together(tank, both, fit, electron):
    found = find_decay(tank, both, fit)
    assert found.electron.result == found.muon.result == "converged"
    assert found.gain > 100.0
    assert max(abs(pull) for pull in found.electron.pulls(electron).values()) < 4.5
    assert max(abs(pull) for pull in found.muon.pulls(MUON).values()) < 4.5
    # the muon no longer makes the light of the electron
    assert found.muon.value.energy < fit.value.energy
    assert "ns after the muon" in str(found)


def test_no_electron_is_found_where_there_is_none(tank, alone, fit):
    muon = fit._replace(value=MUON)
    assert find_decay(tank, alone, muon) is None
    with pytest.raises(lp.LampyrisError, match="`fit` must be of a muon"):
        find_decay(tank, alone, muon._replace(value=lp.Track("e-", 300.0, [0, 0, 0], [0, 0, 1])))
    with pytest.raises(lp.LampyrisError, match="must have converged"):
        find_decay(tank, alone, muon._replace(result="not converged"))
