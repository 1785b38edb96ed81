"""Light after one scatter: resolved on the wall, by rays that only this happens to.

Much of it lands within a metre or two of where it would have gone, and soon after, so a ring has a halo that smooth functions
miss.
"""

import jax
from jaxtyping import Array, Float

from lampyris._math import normalise
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.transport.flight import detected, land, scattered
from lampyris.transport.time_nodes import Delays
from lampyris.transport.wall_grid import WallGrid


def scattered_light(
    rays: Rays, uniform: Float[Array, "5 n"], detector: Detector, delays: Delays, grid: WallGrid
) -> Float[Array, "nodes delays"]:
    """Detected light that meets the wall after one scatter, on the cells and at each delay.

    `uniform` are the numbers of one step. **Gradients**: right; they jump where rays go from one cell to the next.
    """
    optics = detector.medium.optics(rays.wavelength)
    weight, position, direction, time = scattered(rays, land(rays, optics, detector), optics, detector, uniform)
    arrived = land(Rays(position, normalise(direction), time, rays.wavelength, weight), optics, detector)
    seen = detected(detector, arrived.cosine, rays.wavelength) * detector.sensors.quantum_efficiency(rays.wavelength)
    late, part = delays.nodes.share(arrived.time - delays.earliest.at(arrived.point))
    node, weight = grid.hats(arrived.point / detector.shape.half_extent())
    rows = (arrived.weight * seen)[:, None, None] * weight[:, :, None] * part[:, None, :]
    count = delays.nodes.delay.shape[0]
    return grid.gathered(rows[..., None], node[:, :, None] * count + late[:, None], count)[..., 0]


def scattered_at_sensors(
    light: Float[Array, "nodes delays"], detector: Detector, grid: WallGrid
) -> Float[Array, "sensors delays"]:
    """Photoelectrons per area [1/m^2] at every sensor of efficiency 1, at each delay."""
    return grid.density_at(light, jax.lax.stop_gradient(detector.sensors.position), detector.shape)
