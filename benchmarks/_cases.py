"""Worlds and sources in which predictions are held against Monte Carlo: every form of source on every shape."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

import lampyris as lp
from lampyris.layout import barrel, box_panels, caps, fibonacci_sphere, join
from lampyris.medium import Medium, Scatterer
from lampyris.phase import HenyeyGreenstein, Rayleigh
from lampyris.sensors import make_sensors
from lampyris.shape import Box, Cylinder, Sphere
from lampyris.source import Source
from lampyris.surface import Lambertian, Mixture

EFFICIENCY = 0.2
BATCH = 2**18
LAMP, SMALL = [3.0, -2.0, 5.0], [1.0, -1.0, 2.0]


class Case(NamedTuple):
    """A source in a detector, and how many of its events Monte Carlo makes."""

    detector: lp.Detector
    source: lp.Isotropic | lp.Laser | lp.Track
    events: int = 32
    bright: bool = False
    """whether `Hybrid` takes more rays and steps: with fewer its totals are off by more than they are known"""

    def event(self, draw: np.random.Generator):
        """The source of one event: lamps know how to flash, and of a track the photons of its mean light are drawn."""
        if isinstance(self.source, lp.Track):
            return photons_of(self.source.suited(self.detector.medium), self.detector.medium, draw)
        return self.source


@eqx.filter_jit
def emitted(source, numbers, medium):
    return source.emit(numbers, medium)


def photons_of(source: Source, medium: Medium, draw: np.random.Generator) -> lp.Photons:
    """Photons with the mean light of a track: rays at random, kept in proportion to their weight."""
    weight = emitted(source, jnp.asarray(draw.random((BATCH, 4), np.float32)), medium).weight
    most = 1.2 * BATCH * float(weight.max())
    columns = []
    for left in range(draw.poisson(most), 0, -BATCH):
        rays = emitted(source, jnp.asarray(np.minimum(draw.random((BATCH, 4), np.float32), 1.0 - 2.0**-24)), medium)
        chance = np.asarray(rays.weight, float) * BATCH / most
        if chance.max() > 1.0:
            raise ValueError("a ray weighs more than all of the first batch: none may, or light would be lost")
        # rows follow the track, so what is left over is taken here and there
        kept = (draw.random(BATCH) < chance) & (draw.permutation(BATCH) < left)
        columns.append([np.asarray(column)[kept] for column in (*rays[:3], rays.wavelength)])
    return lp.Photons(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def reference_tank() -> lp.Detector:
    shape = Cylinder(16.9, 36.2)
    placed = join(
        barrel(shape, columns=150, rows=51, pitch=0.707, first_row=0.36), caps(shape, count=1741, pitch=0.707)
    )
    medium = Medium(1.34, 90.0, (Scatterer(60.0, Rayleigh()),))
    sensors = make_sensors(*placed, 0.254, EFFICIENCY, surface=Lambertian(0.25))
    return lp.Detector(shape, medium, Lambertian(0.2), sensors)


def strong_cylinder() -> lp.Detector:
    shape = Cylinder(5.0, 10.0)
    placed = join(barrel(shape, columns=44, rows=14, pitch=0.7, first_row=0.45), caps(shape, count=148, pitch=0.7))
    medium = Medium(1.33, 20.0, (Scatterer(8.0, Rayleigh()),))
    sensors = make_sensors(*placed, 0.25, EFFICIENCY, surface=Mixture(0.3, 0.5))
    return lp.Detector(shape, medium, Mixture(0.6, 0.4), sensors)


def strong_sphere() -> lp.Detector:
    shape = Sphere(5.0)
    medium = Medium(1.33, 20.0, (Scatterer(8.0, Rayleigh()), Scatterer(30.0, HenyeyGreenstein(0.8))))
    sensors = make_sensors(*fibonacci_sphere(shape, 600), 0.25, EFFICIENCY, surface=Mixture(0.3, 0.5))
    return lp.Detector(shape, medium, Mixture(0.6, 0.4), sensors)


def strong_box() -> lp.Detector:
    shape = Box([6.0, 8.0, 10.0])
    medium = Medium(1.33, 20.0, (Scatterer(8.0, Rayleigh()),))
    sensors = make_sensors(*box_panels(shape, pitch=0.7, margin=0.35), 0.25, EFFICIENCY, surface=Mixture(0.3, 0.5))
    return lp.Detector(shape, medium, Mixture(0.6, 0.4), sensors)


def cases(photons: float) -> dict[str, Case]:
    """An isotropic flash, a laser and a muon in each world; small worlds get less light."""
    few, known = 0.3 * photons, lp.catalog.load("SK")
    beam = lp.Laser([0.0, 0.0, 17.0], [0.0, 0.0, -1.0], photons=photons, width=0.3)
    muon = lp.Track("mu-", 1000.0, [2.0, -3.0, 4.0], [0.6, 0.0, 0.8], 0.0)
    made = {
        "reference_tank_isotropic": Case(reference_tank(), lp.Isotropic(LAMP, photons=photons)),
        "reference_tank_laser": Case(reference_tank(), beam),
        "SK_isotropic": Case(known, lp.Isotropic(LAMP, photons=photons)),
        "SK_laser": Case(known, beam),
        "SK_track": Case(known, muon, 480),
    }
    for name, world, bright in (
        ("cylinder", strong_cylinder(), True),
        ("sphere", strong_sphere(), False),
        ("box", strong_box(), True),
    ):
        made |= {
            f"{name}_isotropic": Case(world, lp.Isotropic(SMALL, photons=few), 64, bright),
            f"{name}_laser": Case(
                world, lp.Laser([0.5, 0.3, 2.5], [0.0, 0.0, -1.0], photons=few, width=0.3), 64, bright
            ),
            f"{name}_track": Case(world, lp.Track("mu-", 400.0, [-1.0, 0.6, -1.2], [0.6, 0.0, 0.8], 0.0), 1280),
        }
    return made
