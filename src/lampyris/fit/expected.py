"""The errors that a fit of a track is expected to have, before any event is seen: the Cramer-Rao bound of its likelihood.

The information of an event is a sum over sensors. So it is kept zone by zone, and any number of sensors in each zone can be
asked for without another look at the light.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lampyris.detector import Detector
from lampyris.fit.model import TrackModel, model_of
from lampyris.fit.objective import Scattered, direct_part, scattered_light
from lampyris.fit.parameters import SCALES
from lampyris.source import Track
from lampyris.transport import Hybrid
from lampyris.transport.direct_slopes import DirectRows

FIGURES = {"energy": "of the energy", "vertex": "m", "direction": "rad", "time": "ns"}
"""What errors are given for, and their units."""


class Information(NamedTuple):
    """What the sensors of each zone tell of one track; the parameters are those of its model."""

    squares: Float[Array, "zones p p"]
    """of charges and times, for a total charge that is not looked at"""
    crossed: Float[Array, "zones p"]
    """slopes times charge over the variance of the charge"""
    weighed: Float[Array, " zones"]
    """squared charge over its variance"""
    slopes: Float[Array, "zones p"]
    charge: Float[Array, " zones"]
    """expected [pe]"""
    prior: Float[Array, "p p"]
    light: Float[Array, ""]
    """relative rms of the total light of particles of this energy"""
    counting: Float[Array, ""]
    """variance of the total charge over its mean"""
    slip: Float[Array, ""]
    """[m]"""


def information_of(
    track: Track, detector: Detector, zone: Int[Array, " channels"], zones: int, transport: Hybrid
) -> Information:
    """What the sensors of each zone tell of a track: charges, and first-hit times of direct light.

    Bends of a muon and the shape of a shower are free under their priors, and single events differ from the prediction as
    in a fit. That late hits are told from prompt ones by their times is not counted.
    """
    model = model_of(track.particle)
    state, nothing = model.start(track), jnp.zeros(detector.sensors.count)
    direct = direct_part(model, state, nothing, detector, jnp.zeros(()))
    return _by_zone(direct, scattered_light(track, detector, transport), model, detector, zone, zones)


@eqx.filter_jit
def _by_zone(
    direct: DirectRows,
    scattered: Scattered,
    model: TrackModel,
    detector: Detector,
    zone: Int[Array, " channels"],
    zones: int,
) -> Information:
    dispersion, sensors, track = model.dispersion, detector.sensors, scattered.track
    indirect = scattered.light.charge
    charge = direct.rows[:, 0] + indirect + sensors.dark_charge
    growth = jax.jvp(lambda e: jnp.log(track.profile.photons(jnp.exp(e))), (jnp.log(track.energy),), (jnp.ones(()),))[1]
    slopes = direct.slopes[:, 0].at[:, 0].add(SCALES[0] * growth * indirect)
    counting = 1.0 + sensors.charge_spread**2
    own = direct.rows[:, 0]
    variance = counting * charge + dispersion.clumps * own + (dispersion.channel * own) ** 2
    timed = _mean_time_slopes(direct) * jnp.sqrt(_time_information(direct, charge))[:, None]

    def summed(values: Array) -> Array:
        return jax.ops.segment_sum(values, zone, zones)

    def squared(rows: Array) -> Array:
        return jax.lax.map(lambda number: rows.T @ (rows * (zone == number)[:, None]), jnp.arange(zones))

    latent = model.latent_slopes(model.start(track))
    return Information(
        dispersion.weight * (squared(slopes / jnp.sqrt(variance)[:, None]) + squared(timed)),
        dispersion.weight * summed(slopes * (charge / variance)[:, None]),
        dispersion.weight * summed(charge**2 / variance),
        summed(slopes),
        summed(charge),
        latent.T @ latent,
        model.untold * track.profile.photons_rms(track.energy) / track.profile.photons(track.energy),
        counting,
        dispersion.slip * jnp.sqrt(track.profile.length(track.energy)),
    )


def expected_errors(told: Information, share: Float[Array, " zones"]) -> dict[str, Float[Array, ""]]:
    """Errors of energy [relative], vertex (rms distance) [m], direction (rms angle) [rad] and time [ns].

    `share` says how many sensors there are in each zone, in units of those that the information was made with.
    **Gradients**: right.
    """
    total = share @ told.charge
    relative = share @ told.slopes / total
    crossed = jnp.outer(relative, share @ told.crossed)
    shape = jnp.einsum("z,zpq->pq", share, told.squares) - crossed - crossed.T
    shape = shape + share @ told.weighed * jnp.outer(relative, relative)
    information = shape + jnp.outer(relative, relative) / (told.light**2 + told.counting / total) + told.prior
    size = 1.0 / jnp.sqrt(jnp.diag(information))
    covariance = jnp.diag(jnp.linalg.inv(information * jnp.outer(size, size))) * size**2
    variance = covariance[:7] * jnp.asarray(SCALES) ** 2
    return {
        "energy": jnp.sqrt(variance[0]),
        "vertex": jnp.sqrt(variance[1:4].sum() + told.slip**2),
        "direction": jnp.sqrt(variance[4:6].sum()),
        "time": jnp.sqrt(variance[6]),
    }


def _mean_time_slopes(direct: DirectRows) -> Float[Array, "channels p"]:
    """Derivatives of the mean time of the direct light of each channel [ns]."""
    charge = jnp.maximum(direct.rows[:, 0], 1e-20)
    return (direct.slopes[:, 3] - (direct.rows[:, 3] / charge)[:, None] * direct.slopes[:, 0]) / charge[:, None]


def _time_information(direct: DirectRows, charge: Float[Array, " channels"]) -> Float[Array, " channels"]:
    """Information of the first-hit time of each channel about the mean time of its direct light [1/ns^2].

    As in the likelihood: hits happen with 1 - exp(-charge) and are prompt with the share of the direct light, whose first of
    n has about 1 / (1 + 0.8 ln n) of the variance of one.
    """
    prompt = jnp.maximum(direct.rows[:, 0], 1e-20)
    first = 1.0 + 0.8 * jnp.log(jnp.maximum(prompt, 1.0))
    return -jnp.expm1(-charge) * prompt / charge * first / direct.variance
