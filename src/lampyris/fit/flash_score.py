"""How the data of one run pull at the parameters: residuals of charges and early hits, weighted with what is expected.

The score of a parameter is the sum over channels of J^T V^-1 (data - expected), for either half of the paths. J and V are
made of the light of each sensor's neighbours and of the other half, so that the noise of the paths in the expectation
multiplies nothing that it is correlated with: the score is right on average however few the paths are. How the
expectation moves, D, is taken from the paths themselves; as J is not D, J^T V^-1 D is no covariance of the score.
"""

from typing import NamedTuple

import numpy as np

from lampyris.fit.lamp_light import Light
from lampyris.fit.run import Run
from lampyris.sensors import Sensors

FLOOR = 1e-5
"""Variance that is added to that of every observation."""
HEAVY = 0.2
"""Photoelectrons of a typical path beyond which times are left out."""


class Observed(NamedTuple):
    """Data of one run: summed charge [pe], and for each mark the flashes whose first hit came before."""

    charge: np.ndarray
    early: np.ndarray
    flashes: int
    used: np.ndarray
    """channels that were not saturated"""


class ChannelState(NamedTuple):
    """Numbers of each channel that a calibration may move."""

    efficiency: np.ndarray
    offset: np.ndarray
    """[ns]"""
    spread: np.ndarray
    """transit time spread [ns]"""


class Weighing(NamedTuple):
    """What counts, and how much."""

    times: bool
    """whether first hits count beside charges"""
    efficiency_spread: float
    """relative rms of efficiencies that are taken as 1 although they are not known"""


class Pull(NamedTuple):
    """Residuals and derivatives of a run and how the score weighs them; the first axis is mostly the halves of the paths."""

    residual: np.ndarray
    """(halves, channels, observations)"""
    slopes: np.ndarray
    """(halves, channels, observations, 1 + parameters) D, that by the photons of the run first"""
    weights: np.ndarray
    """likewise, V^-1 J"""
    own: np.ndarray
    """(halves, channels, observations, 3) derivatives by efficiency, time offset, transit time spread"""
    own_weights: np.ndarray
    """likewise, V^-1 times these"""
    scatter: np.ndarray
    """(channels, observations, observations) covariance of the data"""
    groups: np.ndarray
    """(groups, channels, observations) light of each group of paths less the mean of its half, scaled so that the sum of
    squares is the variance of their sum"""
    whitened: np.ndarray
    """(channels, observations) residuals of unit covariance"""
    expected: np.ndarray
    """(channels,) charge"""


def observe_run(run: Run, marks: np.ndarray, sensors: Sensors) -> Observed:
    """Sort the data of a run by its marks, which are recorded times."""
    gain = np.asarray(sensors.gain, float)
    charge, early, used = np.zeros(len(gain)), np.zeros(marks.shape), np.ones(len(gain), bool)
    for event in run.events():
        hit = np.asarray(event.hit, bool)
        seen = np.where(hit, np.asarray(event.charge, float), 0.0)
        charge += seen / gain
        early += hit[:, None] & (np.asarray(event.time, float)[:, None] <= marks)
        used &= seen < run.saturation
    return Observed(charge, early, run.flashes, used)


def pull(
    seen: Observed,
    light: Light,
    state: ChannelState,
    brightness: float,
    marks: np.ndarray,
    sensors: Sensors,
    weighing: Weighing,
) -> Pull:
    """Residuals of a run and their derivatives; `marks` are true times, `brightness` scales the light of the source.

    Times count only where single paths bring little light, as they enter through exp(-M).
    """
    scale = state.efficiency * brightness
    direct, flashes = np.asarray(light.direct, float), seen.flashes
    dark = _dark(marks, sensors)
    halves = scale[:, None] * (direct[..., 0] + np.asarray(light.indirect, float)[..., 0]) + dark
    silent = np.exp(-halves[..., 1:] - _correction(light, scale))
    expected = np.concatenate([halves[..., :1], 1.0 - silent], axis=-1)
    residual = np.concatenate([seen.charge[:, None], seen.early], axis=1) - flashes * expected
    near = scale[:, None] * (direct[..., 0] + np.asarray(light.towards, float)[..., 0]) + dark
    falling = flashes * np.concatenate([np.ones_like(near[..., :1]), np.exp(-near[..., 1:])], axis=-1)
    # the other half: the noise of a half is in its light and in its slopes
    turned = flashes * np.concatenate([np.ones_like(near[..., :1]), silent[::-1]], axis=-1)
    noise = falling[..., None] * falling[..., None, :] * _path_noise(scale, light)
    charge_spread = float(sensors.charge_spread)
    covariance = flashes * _covariance(near, charge_spread) + noise
    covariance[..., 0, 0] += (weighing.efficiency_spread * flashes * near[..., 0]) ** 2
    used = slice(None) if weighing.times and times_count(light) else slice(1)
    factor = np.linalg.inv(np.linalg.cholesky(covariance[..., used, used]))
    factor = np.where(seen.used[:, None, None], factor, 0.0)
    inverse = factor.swapaxes(-1, -2) @ factor
    slopes = (scale[:, None] * turned)[..., None] * (direct + np.asarray(light.indirect, float))
    towards = (scale[:, None] * falling)[..., None] * (direct + np.asarray(light.towards, float))
    own = _own(light, state, brightness, falling)[..., used, :]
    return Pull(
        residual[..., used],
        slopes[..., used, :],
        inverse @ towards[..., used, :],
        own,
        inverse @ own,
        flashes * _covariance(halves.mean(axis=0), charge_spread)[..., used, used],
        _scatter(light, scale[:, None] * falling)[..., used],
        np.einsum("hcij,hcj->ci", factor, residual[..., used]) / 2.0,
        flashes * near.mean(axis=0)[:, 0],
    )


def times_count(light: Light) -> bool:
    """Whether paths bring so little light each that times can be used."""
    return float(light.weight) < HEAVY


def _correction(light: Light, scale: np.ndarray) -> np.ndarray:
    """What the noise of the paths adds to the mean of exp(-M), as a part of M: sums of log(1 - w) instead of -w."""
    powers = np.asarray(light.powers, float)
    order = np.arange(2, 5)
    return (scale[:, None, None] ** order * powers / order).sum(axis=-1)


def _dark(marks: np.ndarray, sensors: Sensors) -> np.ndarray:
    """Dark counts of each channel in all and before each mark, (channels, observations)."""
    low, high = np.asarray(sensors.window, float)
    passed = np.clip((marks - low) / (high - low), 0.0, 1.0)
    return float(sensors.dark_charge) * np.concatenate([np.ones((len(marks), 1)), passed], axis=1)


def _scatter(light: Light, moves: np.ndarray) -> np.ndarray:
    """What the groups of paths move the observations by, less the mean of their half, scaled to the variance of the sum."""
    groups = np.asarray(light.groups, float)
    parts = groups.reshape(2, -1, *groups.shape[1:])
    count = parts.shape[1]
    away = moves[:, None] * (parts - parts.mean(axis=1, keepdims=True)) * np.sqrt(count / (count - 1.0))
    return away.reshape(groups.shape)


def _covariance(expected: np.ndarray, charge_spread: float) -> np.ndarray:
    """Covariance (..., 5, 5) of one flash: its charge and whether its first hit came before each mark.

    With M photoelectrons expected before a mark, none comes with exp(-M): the charge and a first hit before have the
    covariance M exp(-M), first hits before two marks p_early (1 - p_late).
    """
    mean, early = expected[..., 0], expected[..., 1:]
    silent = np.exp(-early)
    pairs = early[..., :, None], early[..., None, :]
    covariance = np.empty((*expected.shape, expected.shape[-1]))
    covariance[..., 0, 0] = (1.0 + charge_spread**2) * mean
    covariance[..., 0, 1:] = covariance[..., 1:, 0] = early * silent
    covariance[..., 1:, 1:] = -np.expm1(-np.minimum(*pairs)) * np.exp(-np.maximum(*pairs))
    return covariance + FLOOR * np.eye(expected.shape[-1])


def _own(light: Light, state: ChannelState, brightness: float, falling: np.ndarray) -> np.ndarray:
    """Derivatives with respect to efficiency, time offset and transit time spread of the channel."""
    scale = state.efficiency * brightness
    by_efficiency = brightness * (np.asarray(light.direct, float) + np.asarray(light.towards, float))[..., 0]
    nothing = np.zeros((len(scale), 1))
    by_offset = np.concatenate([nothing, -scale[:, None] * np.asarray(light.density, float)], axis=1)
    by_spread = np.concatenate([nothing, scale[:, None] * np.asarray(light.widening, float)], axis=1)
    columns = (by_efficiency, *(np.broadcast_to(one, falling.shape) for one in (by_offset, by_spread)))
    return falling[..., None] * np.stack(columns, axis=-1)


def _path_noise(scale: np.ndarray, light: Light) -> np.ndarray:
    """Covariance that the paths give to the expected light in all and before each mark."""
    variance = np.asarray(light.variance, float)
    # deposits before the earlier of two marks are in both
    return scale[:, None, None] ** 2 * np.minimum(variance[:, :, None], variance[:, None, :])
