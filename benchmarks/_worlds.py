"""Tanks of any number of sensors, and cavities with sensors of every form."""

import numpy as np

import lampyris as lp
from lampyris.form import Ball, Dome
from lampyris.layout import Placed, barrel, box_panels, caps, domed_modules, fibonacci_sphere, join
from lampyris.medium import Medium, Scatterer
from lampyris.phase import Rayleigh
from lampyris.sensors import make_sensors
from lampyris.surface import Lambertian, Mixture

MEDIUM = Medium(1.34, 90.0, (Scatterer(60.0, Rayleigh()),))


def _places(shape: lp.Cylinder, sensors: int) -> tuple[Placed, float]:
    """About so many places on the wall of a cylinder, and their distance [m]."""
    radius, height = float(shape.radius), float(shape.height)
    pitch = float(np.sqrt(float(shape.area()) / sensors))
    rows, columns = int(height / pitch), int(2.0 * np.pi * radius / pitch)
    sides = barrel(shape, columns=columns, rows=rows, pitch=pitch, first_row=0.5 * (height - (rows - 1) * pitch))
    ends = caps(shape, count=4 * int(np.pi * (radius - pitch) ** 2 / pitch**2 / 4.0), pitch=pitch)
    return join(sides, ends), pitch


def tank(sensors: int) -> lp.Detector:
    """The tank of SK with about so many sensors that cover 40 % of its wall."""
    shape = lp.Cylinder(16.9, 36.2)
    placed, pitch = _places(shape, sensors)
    return lp.Detector(
        shape, MEDIUM, Lambertian(0.2), make_sensors(*placed, 0.357 * pitch, 0.2, surface=Lambertian(0.25))
    )


def covered(sensors: int) -> lp.Detector:
    """SK with about so many of its tubes."""
    known = lp.catalog.load("SK")
    placed, _ = _places(known.shape, sensors)
    tubes = make_sensors(
        *placed,
        0.254,
        known.sensors.quantum_efficiency,
        surface=known.sensors.surface,
        transit_time_spread=2.1,
        charge_spread=0.4,
        dark_rate=4.2,
    )
    return lp.Detector(known.shape, known.medium, known.wall, tubes, name=f"SK with {len(placed[0])} tubes")


def cavities() -> dict[str, lp.Detector]:
    """Each shape with sensors of each form, all processes strong."""
    medium = Medium(1.33, 20.0, (Scatterer(8.0, Rayleigh()),))
    cylinder, sphere, cube = lp.Cylinder(3.0, 6.0), lp.Sphere(3.0), lp.Box([5.0, 5.0, 5.0])
    layouts = {
        "cylinder": (cylinder, join(barrel(cylinder, 24, 8, 0.7, 0.55), caps(cylinder, 40, 0.75))),
        "sphere": (sphere, fibonacci_sphere(sphere, 150)),
        "box": (cube, box_panels(cube, 0.8, 0.4)),
    }
    made = {}
    for name, (shape, placed) in layouts.items():
        position, normal = placed
        for form, stands, radius in (
            ("flush", {}, 0.25),
            ("dome", {"form": Dome(0.2)}, 0.25),
            ("ball", {"form": Ball()}, 0.15),
        ):
            at = position + 0.2 * normal if form == "ball" else position
            sensors = make_sensors(at, normal, radius, 0.5, surface=Mixture(0.3, 0.5), **stands)
            made[f"{name}_{form}"] = lp.Detector(shape, medium, Mixture(0.6, 0.4), sensors)
        tubes, housing = domed_modules(position, normal, 0.04, (0.25, 0.12))
        sensors = make_sensors(*tubes, 0.04, 0.5, surface=Mixture(0.3, 0.5), form=Dome(0.012), housing=housing)
        made[f"{name}_modules"] = lp.Detector(shape, medium, Mixture(0.6, 0.4), sensors)
    return made
