"""How the data of one run pull at the parameters: residuals of charges and early hits, weighted with what is expected.

The score of a parameter is the sum over channels of J^T V^-1 (data - expected). J and V are made of the light of each
sensor's neighbours, so that the noise of the paths in a sensor's own expectation multiplies nothing that it is
correlated with: the score is right on average however few the paths are.
"""

from typing import NamedTuple

import numpy as np

from lampyris.fit.lamp_light import Light, Part
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
    """Whitened residuals (channels, observations) and derivatives of a run."""

    residual: np.ndarray
    shared: np.ndarray
    """(channels, observations, 1 + parameters), that of the photons of the run first"""
    own: np.ndarray
    """(channels, observations, 3): efficiency, time offset, transit time spread"""
    noise: np.ndarray
    """(channels, observations, observations) part of the covariance, which is 1 in all, that comes from the paths"""
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
    silent = np.exp(-_expected(light.direct, light.indirect, scale, marks, sensors)[:, 1:] - _correction(light, scale))
    charge = _expected(light.direct, light.indirect, scale, marks, sensors)[:, :1]
    expected = np.concatenate([charge, 1.0 - silent], axis=1)
    residual = np.concatenate([seen.charge[:, None], seen.early], axis=1) - seen.flashes * expected
    near = _expected(light.direct, light.near, scale, marks, sensors)
    falling = seen.flashes * np.concatenate([np.ones((len(scale), 1)), np.exp(-near[:, 1:])], axis=1)
    noise = falling[..., None] * falling[:, None, :] * _path_noise(scale, light)
    covariance = seen.flashes * _covariance(near, float(sensors.charge_spread)) + noise
    covariance[:, 0, 0] += (weighing.efficiency_spread * seen.flashes * near[:, 0]) ** 2
    shared = scale[:, None, None] * falling[..., None] * _columns(light.direct, light.near)
    own = _own(light, state, brightness, falling)
    used = slice(None) if weighing.times and times_count(light) else slice(1)
    keep = seen.used[:, None, None]
    factor = np.where(keep, np.linalg.inv(np.linalg.cholesky(covariance[:, used, used])), 0.0)
    return Pull(
        np.einsum("cij,cj->ci", factor, residual[:, used]),
        factor @ shared[:, used],
        factor @ own[:, used],
        factor @ noise[:, used, used] @ factor.transpose(0, 2, 1),
        seen.flashes * near[:, 0],
    )


def times_count(light: Light) -> bool:
    """Whether paths bring so little light each that times can be used."""
    return float(light.weight) < HEAVY


def _correction(light: Light, scale: np.ndarray) -> np.ndarray:
    """What the noise of the paths adds to the mean of exp(-M), as a part of M: sums of log(1 - w) instead of -w."""
    powers = np.asarray(light.powers, float)
    return scale[:, None] ** 2 * powers[..., 0] / 2.0 + scale[:, None] ** 3 * powers[..., 1] / 3.0


def _expected(direct: Part, indirect: Part, scale: np.ndarray, marks: np.ndarray, sensors: Sensors) -> np.ndarray:
    """Photoelectrons of each channel in all and before each mark, (channels, 5), with dark noise."""
    total = _columns(direct, indirect)[..., 0] * scale[:, None]
    low, high = np.asarray(sensors.window, float)
    passed = np.clip((marks - low) / (high - low), 0.0, 1.0)
    dark = float(sensors.dark_charge) * np.concatenate([np.ones((len(scale), 1)), passed], axis=1)
    return np.maximum(total, 0.0) + dark


def _columns(direct: Part, indirect: Part) -> np.ndarray:
    """Light in all and before each mark with its derivatives, (channels, 5, columns)."""
    charge = np.asarray(direct.charge, float) + np.asarray(indirect.charge, float)
    early = np.asarray(direct.early, float) + np.asarray(indirect.early, float)
    return np.concatenate([charge[:, None], early], axis=1)


def _covariance(expected: np.ndarray, charge_spread: float) -> np.ndarray:
    """Covariance (channels, 5, 5) of one flash: its charge and whether its first hit came before each mark.

    With M photoelectrons expected before a mark, none comes with exp(-M): the charge and a first hit before have the
    covariance M exp(-M), first hits before two marks p_early (1 - p_late).
    """
    mean, early = expected[:, 0], expected[:, 1:]
    silent = np.exp(-early)
    joint = np.minimum(early[:, :, None], early[:, None, :]), np.maximum(early[:, :, None], early[:, None, :])
    covariance = np.empty((len(mean), 1 + early.shape[1], 1 + early.shape[1]))
    covariance[:, 0, 0] = (1.0 + charge_spread**2) * mean
    covariance[:, 0, 1:] = covariance[:, 1:, 0] = early * silent
    covariance[:, 1:, 1:] = -np.expm1(-joint[0]) * np.exp(-joint[1])
    return covariance + FLOOR * np.eye(covariance.shape[1])


def _own(light: Light, state: ChannelState, brightness: float, falling: np.ndarray) -> np.ndarray:
    """Derivatives with respect to efficiency, time offset and transit time spread of the channel."""
    scale = state.efficiency * brightness
    by_efficiency = brightness * _columns(light.direct, light.near)[..., 0]
    nothing = np.zeros((len(scale), 1))
    density = np.asarray(light.direct.density, float) + np.asarray(light.near.density, float)
    widening = np.asarray(light.direct.widening, float) + np.asarray(light.near.widening, float)
    by_offset = np.concatenate([nothing, -scale[:, None] * density], axis=1)
    by_spread = np.concatenate([nothing, scale[:, None] * widening], axis=1)
    return falling[..., None] * np.stack([by_efficiency, by_offset, by_spread], axis=-1)


def _path_noise(scale: np.ndarray, light: Light) -> np.ndarray:
    """Covariance that the paths give to the expected light in all and before each mark."""
    variance = np.asarray(light.variance, float)
    # deposits before the earlier of two marks are in both
    return scale[:, None, None] ** 2 * np.minimum(variance[:, :, None], variance[:, None, :])
