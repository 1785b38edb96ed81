"""Lampyris: differentiable simulation, calibration and reconstruction for optical particle detectors.

Units: m, ns, MeV, nm, photoelectrons; energies are kinetic.
"""

from lampyris import catalog
from lampyris._checks import LampyrisError, LampyrisWarning
from lampyris.detector import Detector
from lampyris.fit import Fit, reconstruct
from lampyris.medium import Medium, Scatterer
from lampyris.response import Hits
from lampyris.sensors import Sensors, make_sensors
from lampyris.shape import Box, Cylinder, Shape, Sphere
from lampyris.simulate import expect, simulate, simulate_event
from lampyris.source import Isotropic, Laser, Photons, StepLight, Track
from lampyris.transport import Expectation, ExpectedValue, Hybrid, MonteCarlo

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Cylinder",
    "Detector",
    "Expectation",
    "ExpectedValue",
    "Fit",
    "Hits",
    "Hybrid",
    "Isotropic",
    "LampyrisError",
    "LampyrisWarning",
    "Laser",
    "Medium",
    "MonteCarlo",
    "Photons",
    "Scatterer",
    "Sensors",
    "Shape",
    "Sphere",
    "StepLight",
    "Track",
    "catalog",
    "expect",
    "make_sensors",
    "reconstruct",
    "simulate",
    "simulate_event",
]
