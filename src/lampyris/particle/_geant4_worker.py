"""The program that runs Geant4: `python _geant4_worker.py REQUEST.json STEPS.npz`, a process of its own.

Geant4 keeps one run manager for the life of a process and ends the process on a fatal error; here neither reaches the
one that asked. It imports nothing of this package, so that it starts at once. Standard input has to say no, because
geant4-pybind asks whether it shall download data that it does not find.
"""

# pyright: reportMissingImports=false, reportCallIssue=false, reportArgumentType=false
# the types that geant4-pybind states allow no null pointers, and it is an extra that may be absent

import ctypes
import json
import os
import sys
from array import array
from pathlib import Path

import numpy as np

os.environ.pop("CI", None)  # with it geant4-pybind downloads without asking
import geant4_pybind as geant4

UNKNOWN_PARTICLE, NO_DATA = 3, 4
"""Exit status for a particle that Geant4 does not know, and for data that it does not find."""
HALF_WORLD = 1000.0
"""Half the side of the block of matter [m]."""


class World(geant4.G4VUserDetectorConstruction):
    """One block of a material, large enough to hold everything."""

    def __init__(self, request: dict):
        super().__init__()
        self.request = request

    def Construct(self):  # noqa: N802
        side = HALF_WORLD * geant4.m
        self.solid = geant4.G4Box("world", side, side, side)
        self.logical = geant4.G4LogicalVolume(self.solid, self._material(), "world")
        return geant4.G4PVPlacement(None, geant4.G4ThreeVector(), self.logical, "world", None, False, 0)

    def _material(self):
        manager, material = geant4.G4NistManager.Instance(), self.request["material"]
        if isinstance(material, str):
            return manager.FindOrBuildMaterial(material)
        density = material["density"] * geant4.g / geant4.cm3
        made = geant4.G4Material("matter", density, len(material["elements"]))
        for charge, share in material["elements"]:
            made.AddElement(manager.FindOrBuildElement(charge), share)
        made.GetIonisation().SetMeanExcitationEnergy(material["excitation"] * geant4.MeV)
        return made


class Physics(geant4.G4VModularPhysicsList):
    """The constructors that the request names; thresholds of production are energies, the same for all particles."""

    def __init__(self, request: dict):
        super().__init__()
        self.SetVerboseLevel(0)
        for name in request["physics"]:
            self.RegisterPhysics(getattr(geant4, name)())
        # no range is that short: the lower edge of the energy range, set by a command, is the threshold
        self.SetDefaultCutValue(1e-6 * geant4.mm)


class Gun(geant4.G4VUserPrimaryGeneratorAction):
    """One particle an event, at the origin along +z; every event starts its random numbers anew."""

    def __init__(self, request: dict, particle):
        super().__init__()
        self.request, self.made = request, 0
        self.gun = geant4.G4ParticleGun(1)
        self.gun.SetParticleDefinition(particle)
        self.gun.SetParticlePosition(geant4.G4ThreeVector())
        self.gun.SetParticleMomentumDirection(geant4.G4ThreeVector(0, 0, 1))

    def GeneratePrimaries(self, event):  # noqa: N802
        number, self.made = self.made, self.made + 1
        geant4.G4Random.setTheSeed(self.request["seeds"][number])
        self.gun.SetParticleEnergy(self.request["energies"][number] * geant4.MeV)
        self.gun.GeneratePrimaryVertex(event)


class Recorder(geant4.G4UserSteppingAction):
    """Writes down every step of every charged particle."""

    def __init__(self):
        super().__init__()
        self.event = -1
        self.numbers, self.codes = array("d"), array("q")

    def UserSteppingAction(self, step):  # noqa: N802
        track = step.GetTrack()
        particle = track.GetDefinition()
        charge, length, deposit = particle.GetPDGCharge(), step.GetStepLength(), step.GetTotalEnergyDeposit()
        if charge == 0.0 or (length <= 0.0 and deposit <= 0.0):
            return
        before, after = step.GetPreStepPoint(), step.GetPostStepPoint()
        start, end, metre = before.GetPosition(), after.GetPosition(), geant4.m
        places = [component / metre for point in (start, end) for component in (point.x, point.y, point.z)]
        velocities = (before.GetBeta(), after.GetBeta())
        time, energy = before.GetGlobalTime() / geant4.ns, deposit / geant4.MeV
        self.numbers.extend((*places, time, *velocities, length / metre, charge / geant4.eplus, energy))
        self.codes.extend((self.event, particle.GetPDGEncoding(), track.GetTrackID(), track.GetParentID()))


class Counter(geant4.G4UserEventAction):
    """Tells the recorder that the next event begins."""

    def __init__(self, recorder: Recorder):
        super().__init__()
        self.recorder = recorder

    def BeginOfEventAction(self, event):  # noqa: N802
        self.recorder.event += 1


def missing_data(wanted: list[str]) -> list[str]:
    """The variables that name data and are not set, as Geant4 sees them; geant4-pybind sets those that it finds."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    if getenv(b"GEANT4_DATA_DIR"):
        return []  # Geant4 looks there itself
    return [name for name in wanted if not getenv(name.encode())]


def run(request: dict, output: Path) -> int:
    """Make all events of a request and write their steps."""
    missing = missing_data(request["data"])
    if missing:
        print("\n" + " ".join(missing))
        return NO_DATA
    manager = geant4.G4RunManagerFactory.CreateRunManager(geant4.G4RunManagerType.Serial)
    manager.SetVerboseLevel(0)
    commands = geant4.G4UImanager.GetUIpointer()
    world, physics = World(request), Physics(request)
    manager.SetUserInitialization(world)
    manager.SetUserInitialization(physics)
    parameters = geant4.G4EmParameters.Instance()
    parameters.SetVerbose(0)
    parameters.SetLowestElectronEnergy(request["cut"] * geant4.MeV)
    commands.ApplyCommand(f"/cuts/setLowEdge {request['cut'] * 1000.0} keV")
    physics.ConstructParticle()
    particle = geant4.G4ParticleTable.GetParticleTable().FindParticle(request["particle"])
    if particle is None:
        return UNKNOWN_PARTICLE
    recorder = Recorder()
    gun, counter = Gun(request, particle), Counter(recorder)
    for action in (gun, recorder, counter):
        manager.SetUserAction(action)
    manager.Initialize()
    for command in request["commands"]:
        commands.ApplyCommand(command)
    manager.BeamOn(len(request["energies"]))
    numbers = np.frombuffer(recorder.numbers, np.float64).reshape(-1, 12)
    codes = np.frombuffer(recorder.codes, np.int64).reshape(-1, 4)
    np.savez(output, numbers=numbers, codes=codes)
    return 0


if __name__ == "__main__":
    sys.exit(run(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])))
