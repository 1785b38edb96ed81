"""JUNO and its reference detector TAO: spheres of liquid scintillator."""

import jax.numpy as jnp
import numpy as np

from lampyris.catalog.efficiency import silicon, tube_20_inch_microchannel
from lampyris.catalog.scintillators import lab_scintillator
from lampyris.detector import Detector
from lampyris.layout import join, sphere_gaps, sphere_rings
from lampyris.sensors import make_sensors
from lampyris.shape import Sphere
from lampyris.surface import Mixture

LARGE, SMALL = 17_612, 25_600


def juno() -> Detector:
    """The central detector of JUNO: 17,612 20-inch and 25,600 3-inch tubes, 78 % photocoverage.

    Channels 0 to 17,611 are the 20-inch tubes, the rest the 3-inch tubes.

    **Reference**: JUNO, Prog. Part. Nucl. Phys. 123 (2022) 103927, arXiv:2104.02565; Eur. Phys. J. C 82 (2022) 1168,
    arXiv:2205.08629 (20-inch tubes).
    """
    shape = Sphere(19.4)
    large = sphere_rings(shape, LARGE)
    small = sphere_gaps(shape, large[0], 0.254, 0.041, SMALL)
    position, normal = map(jnp.asarray, join(large, small))
    sensors = make_sensors(
        position,
        normal,
        jnp.asarray(np.repeat([0.254, 0.04], [LARGE, SMALL])),
        tube_20_inch_microchannel(),
        relative_efficiency=jnp.asarray(np.repeat([1.0, 0.8], [LARGE, SMALL])),
        surface=Mixture(0.20, 0.90),
        transit_time_spread=7.0,
        charge_spread=0.35,
        dark_rate=30.0,
    )
    note = (
        "Approximate: one medium, scintillator up to the sensors at 19.4 m, instead of acrylic at 17.7 m and water; no "
        "absorption and re-emission; tubes in even rings, without struts and chimney; timing and noise of the "
        "microchannel-plate tubes for all (dynode tubes: 1.3 ns, 15 kHz; 3-inch tubes: 1.6 ns, 0.5 kHz)."
    )
    return Detector(shape, lab_scintillator(), Mixture(0.05, 0.55), sensors, name="JUNO", note=note)


def tao() -> Detector:
    """The Taishan Antineutrino Observatory: 4024 silicon photomultiplier tiles around 2.8 t of scintillator.

    **Reference**: TAO conceptual design report, arXiv:2005.08745.
    """
    shape = Sphere(0.9)
    position, normal = map(jnp.asarray, sphere_rings(shape, 4024))
    sensors = make_sensors(
        position,
        normal,
        0.0248,
        silicon(),
        surface=Mixture(0.15, 0.90),
        transit_time_spread=0.3,
        charge_spread=0.15,
        dark_rate=250.0,
    )
    note = (
        "Approximate: disks inscribed in the square 5 cm tiles cover 76 % where the tiles cover 94 %; one medium up to "
        "the sensors, without acrylic and buffer; no cross-talk; dark noise of 100 Hz/mm^2."
    )
    return Detector(shape, lab_scintillator(), Mixture(0.05, 0.55), sensors, name="TAO", note=note)
