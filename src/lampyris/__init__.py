"""Lampyris: differentiable simulation, calibration and reconstruction for optical particle detectors.

Units: m, ns, MeV, nm, photoelectrons; energies are kinetic.
"""

from lampyris import catalog
from lampyris._checks import LampyrisError, LampyrisWarning
from lampyris.detector import Detector
from lampyris.fit import (
    Calibration,
    CalibrationSettings,
    Design,
    Fit,
    Identification,
    RingsFit,
    Run,
    Tracks,
    calibrate,
    count_rings,
    design,
    identify,
    plan,
    reconstruct,
    reconstruct_rings,
)
from lampyris.medium import Medium, Scatterer
from lampyris.response import Hits
from lampyris.scintillation import Emission, Pulse, Scintillation
from lampyris.sensors import Sensors, make_sensors
from lampyris.shape import Box, Cylinder, Shape, Sphere
from lampyris.simulate import expect, simulate, simulate_event
from lampyris.source import Isotropic, Laser, Photons, StepLight, Track
from lampyris.transport import Expectation, ExpectedValue, Hybrid, MonteCarlo

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Calibration",
    "CalibrationSettings",
    "Cylinder",
    "Design",
    "Detector",
    "Emission",
    "Expectation",
    "ExpectedValue",
    "Fit",
    "Hits",
    "Hybrid",
    "Identification",
    "Isotropic",
    "LampyrisError",
    "LampyrisWarning",
    "Laser",
    "Medium",
    "MonteCarlo",
    "Photons",
    "Pulse",
    "RingsFit",
    "Run",
    "Scatterer",
    "Scintillation",
    "Sensors",
    "Shape",
    "Sphere",
    "StepLight",
    "Track",
    "Tracks",
    "calibrate",
    "catalog",
    "count_rings",
    "design",
    "expect",
    "identify",
    "make_sensors",
    "plan",
    "reconstruct",
    "reconstruct_rings",
    "simulate",
    "simulate_event",
]
