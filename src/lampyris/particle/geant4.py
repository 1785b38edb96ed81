"""Geant4 as the engine, through the extra `lampyris[geant4]`: a particle by name or PDG code to its steps."""

import importlib.util
import itertools
import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from lampyris._checks import LampyrisError, fail, fail_unknown
from lampyris.particle.kind import KINDS
from lampyris.particle.material import WATER, Material
from lampyris.particle.shower import CUT
from lampyris.particle.steps import Steps

WORKER = Path(__file__).with_name("_geant4_worker.py")
LARGEST_ENERGY = 1e5
"""Kinetic energy [MeV] of a particle at most."""
ELECTROMAGNETIC = ("e-", "e+", "gamma", "mu-", "mu+")
_UNKNOWN_PARTICLE, _NO_DATA = 3, 4
_DATA = {
    "G4LEDATA": "G4EMLOW",
    "G4ENSDFSTATEDATA": "G4ENSDFSTATE",
    "G4LEVELGAMMADATA": "PhotonEvaporation",
    "G4PARTICLEXSDATA": "G4PARTICLEXS",
}
_STANDARD = ("G4EmStandardPhysics",)
_HADRONS = (
    "G4EmStandardPhysics",
    "G4EmExtraPhysics",
    "G4DecayPhysics",
    "G4HadronElasticPhysics",
    "G4HadronPhysicsFTFP_BERT",
    "G4StoppingPhysics",
    "G4IonPhysics",
)
_NO_MUON_DECAY = (
    "/process/inactivate Decay mu-",
    "/process/inactivate Decay mu+",
    "/process/inactivate muMinusCaptureAtRest mu-",
)


@dataclass(frozen=True)
class Geant4:
    """Geant4 in one material, with steps of the same columns as the built-in engine.

    Electrons, positrons, gammas and muons that do not `decay` see G4EmStandardPhysics and no nuclei. With `decay`, and
    for all other particles, the constructors of the reference list FTFP_BERT are used; muons then decay or are captured
    only with `decay`. Secondaries below `cut` [MeV] are not made, and electrons below it stop; both deposit their energy
    where they are. `material` other than water is built from its elements, density and excitation energy.

    Every charged step is given. What neutral particles deposit themselves is in no step. Equal keys give equal
    events with the same Geant4, its data and this class. Geant4 runs in a process of its own, and neither this package nor
    geant4-pybind under it downloads anything: Geant4 finds its data as it always does, by GEANT4_DATA_DIR, by a variable for
    each set, or where geant4-pybind put them when it was last imported by hand.

    Tested with geant4-pybind 0.1.3 (Geant4 11.4.p01) are transport, decays, materials, keys and messages. The
    electromagnetic and hadronic physics need the data and were not run.

    **Reference** Agostinelli et al., Nucl. Instrum. Meth. A 506 (2003) 250; Allison et al., ibid. 835 (2016) 186.
    """

    material: Material = WATER
    decay: bool = False
    cut: float = CUT

    def __post_init__(self):
        if not (math.isfinite(self.cut) and 0.001 <= self.cut <= 100.0):
            fail("Geant4(cut=...)", "between 0.001 and 100", self.cut, "MeV")

    def check(self, particle: str | int, energy: float, where: str = "Geant4.simulate(energy=...)") -> None:
        """Raise `LampyrisError` for an unknown name, a bad energy, or if geant4-pybind is not there.

        Whether Geant4 knows a PDG code, and whether its data are there, shows when it runs.
        """
        if isinstance(particle, str) and particle not in KINDS:
            fail_unknown("particle", particle, KINDS)
        if not (math.isfinite(energy) and 0.0 < energy <= LARGEST_ENERGY):
            fail(where, f"above 0 and at most {LARGEST_ENERGY:g}", energy, "MeV")
        if importlib.util.find_spec("geant4_pybind") is None:
            raise LampyrisError("Geant4 needs the package geant4-pybind: pip install 'lampyris[geant4]'.")

    def simulate(self, particle: str | int, energy: float, *, key) -> Steps:
        """Make one event of a particle (name or PDG code) from the origin along +z at time 0; `energy` kinetic [MeV]."""
        return self.simulate_many(particle, [energy], [key])[0]

    def simulate_many(self, particle: str | int, energies: Sequence[float], keys: Sequence) -> list[Steps]:
        """Make one event for each kinetic energy [MeV] and key in one run of Geant4, which takes seconds to start."""
        if len(energies) != len(keys):
            fail("Geant4.simulate_many(keys=...)", f"as many as the energies, {len(energies)}", len(keys))
        for energy in energies:
            self.check(particle, energy)
        if not len(energies):
            return []
        numbers, codes = _run(self._request(particle, energies, keys))
        ends = np.searchsorted(codes[:, 0], np.arange(len(energies) + 1))
        return [_steps(numbers[start:end], codes[start:end]) for start, end in itertools.pairwise(ends)]

    def _request(self, particle: str | int, energies: Sequence[float], keys: Sequence) -> dict[str, Any]:
        code = KINDS[particle].pdg if isinstance(particle, str) else int(particle)
        leptons = code in {KINDS[name].pdg for name in ELECTROMAGNETIC}
        simple = leptons and not self.decay
        return {
            "material": _material(self.material),
            "physics": _STANDARD if simple else _HADRONS,
            "commands": () if self.decay or simple else _NO_MUON_DECAY,
            "data": [name for name in _DATA if name != "G4PARTICLEXSDATA" or not simple],
            "cut": self.cut,
            "particle": code,
            "energies": [float(energy) for energy in energies],
            "seeds": [_seed(key) for key in keys],
        }


def _seed(key) -> int:
    """A positive whole number below 2^62 from a key."""
    words = np.random.SeedSequence(np.asarray(jax.random.key_data(key), np.uint32).ravel().tolist())
    return int(words.generate_state(1, np.uint64)[0] >> np.uint64(2)) + 1


def _material(material: Material) -> str | dict[str, Any]:
    """Water by its name in Geant4, which then knows its density effect; other matter by what it is made of."""
    if material == WATER:
        return "G4_WATER"
    elements = [(charge, share) for charge, _, share in material.elements]
    return {"density": material.density, "excitation": material.excitation, "elements": elements}


def _run(request: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Let Geant4 make the events of a request; returns the columns of numbers and of codes of all steps."""
    with tempfile.TemporaryDirectory() as folder:
        asked, made = Path(folder) / "request.json", Path(folder) / "steps.npz"
        asked.write_text(json.dumps(request))
        command = [sys.executable, str(WORKER), str(asked), str(made)]
        with (Path(folder) / "output").open("w+b") as output:
            done = subprocess.run(command, input=b"n\n", stdout=output, stderr=subprocess.STDOUT, check=False)
            output.seek(max(0, output.tell() - 65536))
            said = output.read().decode("utf-8", "replace")
        if done.returncode != 0 or not made.exists():
            raise LampyrisError(_reason(done.returncode, said, request["particle"]))
        with np.load(made, allow_pickle=False) as archive:
            return archive["numbers"], archive["codes"]


def _reason(status: int, said: str, particle: int) -> str:
    """Say in one line why Geant4 made nothing."""
    if status == _UNKNOWN_PARTICLE:
        return f"Unknown particle of PDG code {particle}; Geant4 has none of it."
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    if status == _NO_DATA and lines:
        sets = ", ".join(f"{_DATA.get(name, name)} ({name})" for name in lines[-1].split())
        return (
            f"Geant4 does not find its data {sets}; set GEANT4_DATA_DIR to their folder or each variable to its own, "
            "or let geant4-pybind fetch them once: python -c 'import geant4_pybind'."
        )
    found = re.search(r"issued by : (.*)\n([^*]*)", said)
    text = lines[-1] if lines else "it said nothing"
    if found:
        text = f"{found[1].strip()}: {' '.join(found[2].split())}"
    return f"Geant4 ended with status {status}: {text[:400].rstrip('.')}."


def _steps(numbers: np.ndarray, codes: np.ndarray) -> Steps:
    """Turn the columns of one event into `Steps`."""
    pdg, track, parent = codes[:, 1:].T
    time, beta_start, beta_end, length, charge, deposit = numbers[:, 6:].T
    return Steps(
        start=numbers[:, :3],
        end=numbers[:, 3:6],
        time=time,
        beta_start=beta_start,
        beta_end=beta_end,
        length=length,
        charge=charge,
        energy_deposit=deposit,
        pdg=pdg,
        track=track,
        parent=parent,
    )
