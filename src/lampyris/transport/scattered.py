"""Light after one scatter, before or after a mirror or without one: resolved on the wall, by rays that only this happens to.

Much of it lands within a metre or two of where it would have gone, and soon after, so a ring has a halo that smooth functions
miss.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._math import normalise
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.transport.flight import detected, land, scattered
from lampyris.transport.time_nodes import Delays
from lampyris.transport.wall_grid import WallGrid


def scattered_rays(rays: Rays, uniform: Float[Array, "5 n"], detector: Detector) -> Rays:
    """Rays as they leave a scatter on their way to the wall; `uniform` are the numbers of one step."""
    optics = detector.medium.optics(rays.wavelength)
    weight, position, direction, time = scattered(rays, land(rays, optics, detector), optics, detector, uniform)
    return Rays(position, normalise(direction), time, rays.wavelength, weight)


def scattered_light(
    groups: Sequence[Rays], detector: Detector, delays: Delays, grid: WallGrid
) -> Float[Array, "nodes delays"]:
    """Detected light of groups of rays where they meet the wall next, on the cells and at each delay.

    **Gradients**: right; they jump where rays go from one cell to the next.
    """
    rays: Rays = jax.tree.map(lambda *parts: jnp.concatenate(parts), *groups)
    arrived = land(rays, detector.medium.optics(rays.wavelength), detector)
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
