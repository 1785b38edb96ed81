"""What a calibration is asked for: runs, free parameters, priors and gauge, checked before any work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from lampyris._checks import LampyrisError, fail
from lampyris.detector import Detector
from lampyris.fit.flash_score import ChannelState
from lampyris.fit.free import EFFICIENCY, OFFSET, SPREAD, FreeParameters, matching
from lampyris.fit.neighbours import Neighbourhood
from lampyris.fit.run import Run
from lampyris.fit.tracks import Tracks

OWN_PATHS = (EFFICIENCY, OFFSET, SPREAD)
"""Parameters of each channel, in the order of `ChannelState`."""
UNKNOWN_SPREAD = 0.5
"""Relative rms of the transit time spreads of channels, before any data are seen."""
MEAN_EFFICIENCY = "mean efficiency"


@dataclass(frozen=True)
class CalibrationSettings:
    """How a calibration works.

    `paths`: drawn for each source; by default as many as bring so little light each that times count.
    `tolerance`: it has converged when no step is longer, in units of the error.
    `priors`: mean and error by path, from other measurements. Transit time spreads of channels have one if none is given,
    half of the spread of the detector wide: a few hits may look as if theirs were infinite. `gauge`: "mean efficiency"
    where nothing else fixes the scale of the light.
    """

    paths: int | None = None
    tolerance: float = 0.05
    most_iterations: int = 40
    priors: dict[str, tuple[float, float]] = field(default_factory=dict)
    gauge: str | None = None

    def check(self) -> None:
        """Raise `LampyrisError` for numbers that make no sense."""
        for name, smallest in (("paths", 2), ("most_iterations", 1)):
            value = getattr(self, name)
            if value is not None and value < smallest:
                fail(name, f">= {smallest}", value)
        if not self.tolerance > 0.0:
            fail("tolerance", "> 0", self.tolerance)
        if self.gauge not in (None, MEAN_EFFICIENCY):
            fail("gauge", f"{MEAN_EFFICIENCY!r} or nothing", self.gauge)


class State(NamedTuple):
    """Where a calibration stands."""

    theta: np.ndarray
    """steps of the shared parameters from the start"""
    brightness: np.ndarray
    """logarithm of the factor on the photons of each run"""
    channel: ChannelState


@dataclass(frozen=True)
class Problem:
    """What a calibration fits, and to what."""

    free: FreeParameters
    own: np.ndarray
    """which parameters of the channels are free, as places in `OWN_PATHS`"""
    bright: np.ndarray
    """runs whose number of photons is free"""
    runs: tuple[Run, ...]
    near: Neighbourhood
    settings: CalibrationSettings
    tracks: Tracks | None = None

    @property
    def pinned(self) -> int:
        """Numbers of photons that the gauge takes out of the equations: 1 or 0."""
        return int(self.settings.gauge is not None)

    @property
    def solved(self) -> np.ndarray:
        """Runs whose photons are solved for."""
        return self.bright[self.pinned :]

    @property
    def own_paths(self) -> tuple[str, ...]:
        """Free parameters of the channels."""
        return tuple(OWN_PATHS[number] for number in self.own)

    @property
    def names(self) -> tuple[str, ...]:
        """All shared parameters: those of the detector, then photons of runs."""
        return (*self.free.names, *(f"runs.{number}.photons" for number in self.bright))

    @property
    def priors(self) -> dict[str, tuple[float, float]]:
        """Mean and error by path: those given, and that of transit time spreads of channels."""
        spread = float(np.mean(np.asarray(self.free.detector.sensors.time_spread, float)))
        own = {SPREAD: (spread, UNKNOWN_SPREAD * spread)} if SPREAD in self.own_paths else {}
        return own | self.settings.priors

    def start(self) -> State:
        """The state of the detector that was given."""
        sensors = self.free.detector.sensors
        own = (sensors.relative_efficiency, sensors.time_offset, sensors.time_spread)
        channel = ChannelState(*(np.asarray(column, float) for column in own))
        return State(np.zeros(self.free.count), np.zeros(len(self.runs)), channel)

    def free_at(self, state: State) -> FreeParameters:
        """The free parameters of the detector with the channels of a state; a spread that is not free stays one number."""
        efficiency, offset, spread = (jnp.asarray(column, float) for column in state.channel)
        if SPREAD not in self.own_paths:
            spread = self.free.detector.sensors.transit_time_spread
        detector = eqx.tree_at(
            lambda d: (d.sensors.relative_efficiency, d.sensors.time_offset, d.sensors.transit_time_spread),
            self.free.detector,
            (efficiency, offset, spread),
        )
        return FreeParameters(detector, self.free.numbers)

    def detector_at(self, state: State) -> Detector:
        """The detector of a state."""
        return self.free_at(state).rebuild(jnp.asarray(state.theta, float))


def make_problem(
    detector: Detector,
    runs: Sequence[Run],
    free: Sequence[str],
    settings: CalibrationSettings,
    tracks: Tracks | None = None,
) -> Problem:
    """Check what is asked for. Raises `LampyrisError` with one line for what makes no sense."""
    settings.check()
    if not runs and tracks is None:
        raise LampyrisError("`runs` must hold at least one run, but is empty.")
    of_runs = [f"runs.{number}.photons" for number in range(len(runs))]
    asked = [path for path in free if path.startswith("runs.")]
    bright = {name for path in asked for name in matching(path, of_runs)}
    found = FreeParameters.of(detector, [path for path in free if path not in asked])
    own = np.array([number for number, path in enumerate(OWN_PATHS) if path in free], int)
    if found.count + len(bright) + len(own) == 0:
        raise LampyrisError("`free` must name at least one parameter, but is empty.")
    _check_gauge(0 in own and len(bright) == len(runs) and tracks is None, settings.gauge)
    if tracks is not None and np.any(own > 0):
        raise LampyrisError("`free` must not name time offsets or spreads of channels where tracks are fitted too.")
    numbers = np.array([number for number, name in enumerate(of_runs) if name in bright], int)
    problem = Problem(found, own, numbers, tuple(runs), Neighbourhood.of(detector), settings, tracks)
    _check_priors(problem)
    return problem


def _check_gauge(needed: bool, gauge: str | None) -> None:
    if needed and gauge is None:
        raise LampyrisError(
            "`gauge` must be given, as all efficiencies and the light of all sources are free: set it to "
            f"{MEAN_EFFICIENCY!r}, or keep the photons of a run."
        )
    if gauge is not None and not needed:
        raise LampyrisError(
            "`gauge` must be left out where efficiencies or the light of a source are known, but is "
            f"{gauge!r}: it would fix the scale twice."
        )


def _check_priors(problem: Problem) -> None:
    known = [*problem.free.names, *problem.own_paths]
    for name, (mean, rms) in problem.priors.items():
        if name not in known:
            raise LampyrisError(
                f"`priors` must be of free parameters, which {name!r} is not; free are: {', '.join(known)}."
            )
        if not (np.isfinite(mean) and rms > 0.0):
            fail(f"priors: {name}", "a finite mean and an error > 0", f"{mean}, {rms}")
