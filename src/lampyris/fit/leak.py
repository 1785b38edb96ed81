"""Light that a track would make beyond the wall, and how much it differs from event to event."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._host import on_host
from lampyris.emission.profile import TrackProfile
from lampyris.shape import Shape
from lampyris.source import Track

BRINGERS = {"e-": (3.6, 900.0), "e+": (3.6, 900.0), "gamma": (1.33, 450.0)}
"""How many particles bring the late light of a shower at low energies, and the energy [MeV] at which they are twice as many.

Single showers of the built-in engine in water between 50 and 2000 MeV: the share f of the light beyond a plane across the
axis, where less than half is, has the variance f (1 - f) / n, as if n particles had each gone so far or not.
"""
MOST = 0.9
"""Share beyond the wall from which on it says no more: such a track hardly shines inside"""


def leak_spread(profile: TrackProfile, shape: Shape, track: Track) -> float:
    """Relative rms of the light that a track makes inside the wall, by what single events make beyond it.

    Muons and pions lose so little in this way that they get 0, as tracks do that are contained.
    """
    if profile.particle not in BRINGERS:
        return 0.0
    energy = float(track.energy)
    few, scale = BRINGERS[profile.particle]
    share = min(float(on_host(_share_beyond, profile, shape, track)), MOST)
    return float(np.sqrt(share / (1.0 - share) / (few * (1.0 + energy / scale))))


def _share_beyond(profile: TrackProfile, shape: Shape, track: Track) -> Float[Array, ""]:
    """Share of the light of a track beyond the wall in its direction."""
    nodes = profile.nodes(track.energy)
    wall, _ = shape.intersect(track.position[None], track.direction[None])
    light = nodes.light.sum(axis=1)
    # every bin with its width, so that the share moves smoothly with the wall
    upper = jnp.concatenate([0.5 * (nodes.distance[1:] + nodes.distance[:-1]), nodes.distance[-1:]])
    lower = jnp.concatenate([jnp.zeros(1), upper[:-1]])
    beyond = jnp.clip((upper - wall) / jnp.maximum(upper - lower, 1e-6), 0.0, 1.0)
    return (light * beyond).sum() / light.sum()
