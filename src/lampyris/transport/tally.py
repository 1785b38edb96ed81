"""Light of weighted rays, counted sensor by sensor and delay by delay, with an account of all other light."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lampyris.detector import Detector
from lampyris.medium import Optics
from lampyris.transport.flight import Flight, Landing, Shares, advance, detected, land
from lampyris.transport.sensor_search import SensorGrid
from lampyris.transport.time_nodes import TimeNodes


class Light(NamedTuple):
    """Detected light at channels and delays, direct and indirect, without relative efficiencies; and all light, in photons."""

    charge: Float[Array, "2 channels nodes"]
    emitted: Float[Array, ""]
    at_sensors: Float[Array, ""]
    in_medium: Float[Array, ""]
    in_wall: Float[Array, ""]
    cut_off: Float[Array, ""]


class Deposit(NamedTuple):
    """What one step of all rays leaves: detected light at channels and times, and what is absorbed."""

    channel: Int[Array, "n some"]
    time: Float[Array, " n"]
    weight: Float[Array, "n some"]
    ended: Float[Array, "3"]


def tally(
    flight: Flight,
    detector: Detector,
    grid: SensorGrid,
    times: tuple[TimeNodes, Float[Array, " channels"]],
    *,
    uniform: Float[Array, "steps 5 n"],
    shares: Shares,
    width: float,
) -> Light:
    """Carry the rays for some steps and count what reaches each sensor: direct at the first step, indirect after it."""
    optics = detector.medium.optics(flight.rays.wavelength)

    def step(flight: Flight, numbers: Array) -> tuple[Flight, Deposit]:
        landing = land(flight.rays, optics, detector)
        channel, overlap = grid.overlap(landing.point, detector.sensors, width)
        deposit, covered = _deposit(flight, landing, optics, detector, channel, overlap)
        return advance(flight, landing, optics, detector, covered, numbers, shares, moving=width > 0), deposit

    after, deposits = jax.lax.scan(step, flight, uniform)
    ended = deposits.ended.sum(axis=0)
    charge = _counted(deposits, detector.sensors.count, times)
    return Light(charge, flight.rays.weight.sum(), ended[0], ended[1], ended[2], after.rays.weight.sum())


def _deposit(
    flight: Flight, landing: Landing, optics: Optics, detector: Detector, channel: Array, overlap: Array
) -> tuple[Deposit, Float[Array, " n"]]:
    """What the rays of one step leave, and the share of each landing point that sensors cover."""
    rays, covered = flight.rays, overlap.sum(axis=1)
    efficiency = detector.sensors.quantum_efficiency(rays.wavelength)
    seen = landing.weight * detected(detector, landing.cosine, rays.wavelength) * efficiency
    sensor, wall = (
        1.0 - surface.reflectance_at(landing.cosine, rays.wavelength)
        for surface in (detector.sensors.surface, detector.wall)
    )
    rate = optics.absorption + optics.scattering.sum(axis=-1)
    lost = rays.weight * -jnp.expm1(-rate * landing.distance) * optics.absorption / jnp.maximum(rate, 1e-12)
    ended = ((landing.weight * covered * sensor).sum(), lost.sum(), (landing.weight * (1.0 - covered) * wall).sum())
    return Deposit(channel, landing.time, seen[:, None] * overlap, jnp.stack(ended)), covered


def _counted(
    deposits: Deposit, channels: int, times: tuple[TimeNodes, Float[Array, " channels"]]
) -> Float[Array, "2 channels nodes"]:
    """Sums of the weights over channels and delays, for the first step and for all others."""
    nodes, start = times
    count = nodes.delay.shape[0]
    node, share = nodes.share(deposits.time[:, :, None] - start[deposits.channel])
    later = (jnp.arange(deposits.time.shape[0]) > 0)[:, None, None, None]
    place = (later * channels + deposits.channel[..., None]) * count + node
    weight = deposits.weight[..., None] * share
    return (
        jnp.zeros(2 * channels * count, weight.dtype).at[place.ravel()].add(weight.ravel()).reshape(2, channels, count)
    )
