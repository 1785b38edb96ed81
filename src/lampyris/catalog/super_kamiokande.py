"""Super-Kamiokande."""

import jax.numpy as jnp

from lampyris.catalog.efficiency import tube_20_inch
from lampyris.catalog.media import water_sk
from lampyris.detector import Detector
from lampyris.layout import barrel, caps, join
from lampyris.sensors import make_sensors
from lampyris.shape import Cylinder
from lampyris.surface import Mixture


def super_kamiokande() -> Detector:
    """The inner detector of Super-Kamiokande: 11,146 20-inch tubes, 7650 on the barrel and 1748 on each cap.

    **Reference**: Super-Kamiokande, Nucl. Instrum. Meth. A 501 (2003) 418 (geometry); Nucl. Instrum. Meth. A 737 (2014)
    253, arXiv:1307.0162 (water, reflectivities, timing).
    """
    shape = Cylinder(16.9, 36.2)
    placed = join(
        barrel(shape, columns=150, rows=51, pitch=0.707, first_row=0.36), caps(shape, count=1748, pitch=0.707)
    )
    position, normal = map(jnp.asarray, placed)
    sensors = make_sensors(
        position,
        normal,
        0.254,
        tube_20_inch(),
        surface=Mixture(0.25, 0.90),
        transit_time_spread=2.1,
        charge_spread=0.4,
        dark_rate=4.2,
    )
    note = (
        "Approximate: flush flat disks without acrylic covers; a regular grid without the missing positions of the "
        "real barrel; charge spread 0.4 pe as a Gaussian; reflectivities the same at every angle and wavelength."
    )
    return Detector(shape, water_sk(), Mixture(0.05, 0.55), sensors, name="SK", note=note)
