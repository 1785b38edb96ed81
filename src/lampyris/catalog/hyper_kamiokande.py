"""Hyper-Kamiokande and the water Cherenkov detectors made of its multi-PMT modules: IWCD and WCTE."""

import jax.numpy as jnp

from lampyris.catalog.efficiency import tube_3_inch, tube_20_inch_box_and_line
from lampyris.catalog.media import water_sk
from lampyris.detector import Detector
from lampyris.layout import Points, barrel, caps, join, modules
from lampyris.sensors import Sensors, make_sensors
from lampyris.shape import Cylinder
from lampyris.surface import Mixture


def hyper_kamiokande() -> Detector:
    """The inner detector of Hyper-Kamiokande: 19,916 20-inch tubes, 20.2 % photocoverage.

    **Reference**: Hyper-Kamiokande design report, arXiv:1805.04163.
    """
    shape = Cylinder(32.4, 65.751)
    placed = join(barrel(shape, columns=204, rows=65, pitch=1.0, first_row=0.8755), caps(shape, count=3328, pitch=0.98))
    position, normal = map(jnp.asarray, placed)
    sensors = make_sensors(
        position,
        normal,
        0.254,
        tube_20_inch_box_and_line(),
        surface=Mixture(0.25, 0.90),
        transit_time_spread=1.1,
        charge_spread=0.35,
        dark_rate=4.0,
    )
    note = (
        "Approximate: a regular grid of flush disks with the planned number and coverage, not the construction layout; "
        "no multi-PMT modules yet; water, wall and reflectivities of SK; efficiency 0.30 at its maximum."
    )
    return Detector(shape, water_sk(), Mixture(0.05, 0.55), sensors, name="HK", note=note)


def iwcd() -> Detector:
    """The Intermediate Water Cherenkov Detector: 404 modules of 19 3-inch tubes, 7676 in all.

    **Reference**: Hyper-Kamiokande design report, arXiv:1805.04163.
    """
    shape = Cylinder(3.5, 8.0)
    centres = join(barrel(shape, columns=30, rows=10, pitch=0.78, first_row=0.49), caps(shape, count=52, pitch=0.80))
    note = (
        "Approximate: 30 x 10 modules on the barrel and 52 on each cap stand for the real arrangement; the disks of a "
        "module lie flush on the wall instead of on its dome, without reflectors; water and wall of SK."
    )
    return Detector(shape, water_sk(), Mixture(0.05, 0.55), module_tubes(shape, *centres), name="IWCD", note=note)


def wcte() -> Detector:
    """The Water Cherenkov Test Experiment at CERN: 106 module positions of 19 3-inch tubes, 2014 in all.

    **Reference**: WCTE proposal, CERN-SPSC-2020-005.
    """
    shape = Cylinder(0.5 * 3.0759, 2.7142)
    centres = join(barrel(shape, columns=16, rows=4, pitch=0.58, first_row=0.4871), caps(shape, count=21, pitch=0.58))
    note = (
        "Approximate: every one of the 106 positions holds a module, beam window and calibration ports included; the "
        "disks of a module lie flush on the wall instead of on its dome, without reflectors; water and wall of SK."
    )
    return Detector(shape, water_sk(), Mixture(0.05, 0.55), module_tubes(shape, *centres), name="WCTE", note=note)


def module_tubes(shape: Cylinder, centre: Points, normal: Points) -> Sensors:
    """The 3-inch tubes of multi-PMT modules about centres on the wall; approximate timing, noise and reflectivity."""
    position, normal = map(jnp.asarray, modules(shape, centre, normal))
    return make_sensors(
        position,
        normal,
        0.04,
        tube_3_inch(),
        surface=Mixture(0.25, 0.90),
        transit_time_spread=0.6,
        charge_spread=0.35,
        dark_rate=0.3,
    )
