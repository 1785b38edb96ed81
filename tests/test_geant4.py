"""Geant4 as an engine: with a stand-in for its process, and, where geant4-pybind is, with its transport and decays.

The data of Geant4 are not there in a test, so its electromagnetic physics is not run here.
"""

import importlib.util
import sys

import jax
import numpy as np
import pytest

from lampyris._checks import LampyrisError
from lampyris.particle import geant4
from lampyris.particle.geant4 import Geant4
from lampyris.particle.kind import KINDS
from lampyris.particle.material import WATER, Material
from lampyris.units import SPEED_OF_LIGHT

KEY = jax.random.key(1)
STAND_IN = """
import json, sys
import numpy as np
request = json.load(open(sys.argv[1]))
numbers = np.arange(36.0).reshape(3, 12)
np.savez(sys.argv[2], numbers=numbers, codes=[[0, request["particle"], 1, 0], [2, 11, 1, 0], [2, 11, 2, 1]])
"""
needs_geant4 = pytest.mark.skipif(
    importlib.util.find_spec("geant4_pybind") is None, reason="geant4-pybind is not there"
)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A program in the place of the one that runs Geant4."""

    def put(text):
        path = tmp_path / "worker.py"
        path.write_text(text)
        monkeypatch.setattr(geant4, "WORKER", path)
        monkeypatch.setattr(geant4.importlib.util, "find_spec", lambda name: sys)

    return put


def test_columns_become_steps_event_by_event(stand_in):
    stand_in(STAND_IN)
    made = Geant4().simulate_many("mu-", [100.0] * 3, [KEY] * 3)
    assert [len(steps) for steps in made] == [1, 0, 2]
    last = made[2]
    np.testing.assert_array_equal(last.start, [[12, 13, 14], [24, 25, 26]])
    np.testing.assert_array_equal(last.end, [[15, 16, 17], [27, 28, 29]])
    for column, name in enumerate(("time", "beta_start", "beta_end", "length", "charge", "energy_deposit"), start=6):
        np.testing.assert_array_equal(getattr(last, name), [12 + column, 24 + column])
    assert (last.pdg.tolist(), last.track.tolist(), last.parent.tolist()) == ([11, 11], [1, 2], [0, 1])
    assert made[0].pdg.tolist() == [13]


@pytest.mark.parametrize(
    ("program", "rule"),
    [
        ("import sys; print('hello'); print('G4LEDATA'); sys.exit(4)", r"does not find its data G4EMLOW \(G4LEDATA\)"),
        ("import sys; sys.exit(3)", "Unknown particle of PDG code 13"),
        ("import os; print('issued by : G4Model\\nno file  br1.\\n\\n*** Fatal'); os._exit(9)", "G4Model: no file br1"),
        ("raise RuntimeError('broken')", "status 1: RuntimeError: broken"),
        ("pass", "status 0: it said nothing"),
    ],
)
def test_what_geant4_cannot_do_ends_in_one_line(stand_in, program, rule):
    stand_in(program)
    with pytest.raises(LampyrisError, match=rule) as raised:
        Geant4().simulate("mu-", 100.0, key=KEY)
    assert "\n" not in str(raised.value)


def test_bad_input_ends_in_one_line(monkeypatch):
    with pytest.raises(LampyrisError, match="must be above 0 and at most 100000 MeV, but is -1 MeV"):
        Geant4().simulate("mu-", -1.0, key=KEY)
    with pytest.raises(LampyrisError, match="Unknown particle 'muon'"):
        Geant4().simulate("muon", 1.0, key=KEY)
    with pytest.raises(LampyrisError, match=r"`Geant4\(cut=...\)` must be between"):
        Geant4(cut=0.0)
    monkeypatch.setattr(geant4.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LampyrisError, match=r"pip install 'lampyris\[geant4\]'"):
        Geant4().simulate("mu-", 1.0, key=KEY)


@needs_geant4
def test_missing_data_are_named(monkeypatch, tmp_path):
    for name in (*geant4._DATA, "GEANT4_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CI", "true")  # geant4-pybind would download
    with pytest.raises(LampyrisError, match=r"does not find its data G4EMLOW \(G4LEDATA\).*GEANT4_DATA_DIR"):
        Geant4().simulate("mu-", 500.0, key=KEY)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def no_matter(monkeypatch, tmp_path):
    """Geant4 with decays as its only physics and an empty list of nuclear states."""
    (tmp_path / "ENSDFSTATE.dat").touch()
    for name in geant4._DATA:
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(geant4, "_STANDARD", ("G4DecayPhysics",))
    monkeypatch.setattr(geant4, "_HADRONS", ("G4DecayPhysics",))


@needs_geant4
def test_free_flight_and_decay(no_matter):
    """Pions of 100 MeV fly straight at their velocity until they decay, on average after gamma beta c tau."""
    count, kind = 40, KINDS["pi+"]
    keys = [jax.random.fold_in(KEY, number) for number in range(count)]
    events = Geant4(decay=True).simulate_many("pi+", [100.0] * count, keys)
    gamma = 1.0 + 100.0 / kind.mass
    beta = np.sqrt(1.0 - gamma**-2)
    lengths = []
    for steps in events:
        first = steps.track == 1
        assert first.any()
        assert (steps.pdg[first] == 211).all()
        np.testing.assert_allclose(steps.beta_start[first], beta, rtol=1e-4)
        np.testing.assert_allclose(steps.start[0], 0.0)
        np.testing.assert_allclose(steps.end[first][:, 2], steps.length[first].cumsum(), rtol=1e-5)
        muon = np.flatnonzero(steps.pdg == -13)[0]
        assert (steps.parent[muon], steps.charge[muon]) == (1, 1.0)
        lengths.append(steps.length[first].sum())
        np.testing.assert_allclose(steps.time[muon], lengths[-1] / (beta * SPEED_OF_LIGHT), rtol=1e-4)
    mean = gamma * beta * SPEED_OF_LIGHT * kind.lifetime
    assert abs(np.mean(lengths) / mean - 1.0) < 4.0 / np.sqrt(count)
    assert any((steps.pdg == -11).any() for steps in events)  # the muons decay in turn, unless they shall not
    assert not any((steps.pdg == -11).any() for steps in Geant4().simulate_many("pi+", [100.0] * count, keys))
    again = Geant4(decay=True).simulate("pi+", 100.0, key=keys[7])
    for name, values in events[7].arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], values)


@needs_geant4
def test_other_matter_is_built_and_pdg_codes_are_known_or_refused(no_matter):
    other = Material(0.9, WATER.charge_to_mass, 7e-5, 0.4, WATER.sternheimer, WATER.muon_radiative, WATER.elements)
    steps = Geant4(material=other).simulate(321, 50.0, key=KEY)
    assert steps.pdg[0] == 321
    with pytest.raises(LampyrisError, match="Unknown particle of PDG code 99999"):
        Geant4().simulate(99999, 50.0, key=KEY)
