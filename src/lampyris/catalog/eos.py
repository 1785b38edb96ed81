"""Eos, the hybrid Cherenkov and scintillation detector at Berkeley."""

import jax.numpy as jnp

from lampyris.catalog.efficiency import tube_8_inch
from lampyris.catalog.media import water_quan_fry
from lampyris.detector import Detector
from lampyris.layout import barrel, caps, join
from lampyris.sensors import make_sensors
from lampyris.shape import Cylinder
from lampyris.surface import Mixture


def eos() -> Detector:
    """Eos filled with water: 242 fast 8-inch tubes about a four-tonne target.

    **Reference**: Eos, JINST 18 (2023) P02009, arXiv:2211.11969; arXiv:2311.05080 (tubes).
    """
    shape = Cylinder(1.2, 2.4)
    placed = join(barrel(shape, columns=24, rows=7, pitch=0.33, first_row=0.21), caps(shape, count=37, pitch=0.32))
    position, normal = map(jnp.asarray, placed)
    sensors = make_sensors(
        position,
        normal,
        0.1016,
        tube_8_inch(),
        surface=Mixture(0.25, 0.90),
        transit_time_spread=0.43,
        charge_spread=0.3,
        dark_rate=2.0,
    )
    note = (
        "Approximate: size, rows and columns are guesses around the published number of tubes; all tubes 8-inch, "
        "without dichroicons and the acrylic vessel; water at 13 C with the absorption and scattering of SK."
    )
    return Detector(shape, water_quan_fry(), Mixture(0.05, 0.55), sensors, name="Eos", note=note)
