"""Which calibration campaign tells most: expected errors from the information of data that are yet to be taken."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from lampyris._checks import LampyrisError
from lampyris.detector import Detector
from lampyris.fit.blocks import solve
from lampyris.fit.calibration_problem import CalibrationSettings, make_problem
from lampyris.fit.calibration_result import open_combinations, shared_values
from lampyris.fit.calibration_step import LAST, draw, measure
from lampyris.fit.run import Run
from lampyris.response import Hits
from lampyris.source.lamps import Lamp
from lampyris.transport.paths import enough_steps

PATHS = 2**20


class Expected(NamedTuple):
    """What a campaign would tell; errors are those of an efficient fit (Cramer-Rao) without noise of its paths."""

    name: str
    values: dict[str, float]
    errors: dict[str, float]
    channel_errors: dict[str, float]
    """median error of the parameters of single channels"""
    open_combinations: tuple[str, ...]

    @property
    def figure(self) -> float:
        """Mean logarithm of the relative errors, by which campaigns are ranked."""
        relative = [error / max(abs(self.values[name]), 1e-12) for name, error in self.errors.items()]
        return float(np.mean(np.log([*relative, *self.channel_errors.values()])))


def plan(
    detector: Detector,
    campaigns: Mapping[str, Sequence[Lamp]],
    free: Sequence[str],
    *,
    key: PRNGKeyArray | None = None,
    settings: CalibrationSettings | None = None,
) -> list[Expected]:
    """Rank campaigns, each a list of sources, by the errors that they would give; the best comes first."""
    if not campaigns:
        raise LampyrisError("`campaigns` must name at least one campaign, but is empty.")
    key = jax.random.key(0) if key is None else key
    made = [
        _expected(name, detector, sources, free, settings or CalibrationSettings(), jax.random.fold_in(key, number))
        for number, (name, sources) in enumerate(campaigns.items())
    ]
    return sorted(made, key=lambda expected: (len(expected.open_combinations), expected.figure))


def _expected(
    name: str,
    detector: Detector,
    sources: Sequence[Lamp],
    free: Sequence[str],
    settings: CalibrationSettings,
    key: PRNGKeyArray,
) -> Expected:
    """Errors of one campaign, from the light that its sources would give."""
    for source in sources:
        source.check_inside(detector.shape)
    nothing = np.zeros(detector.sensors.count)
    runs = [Run(source, Hits(nothing, nothing, nothing > 0)) for source in sources]
    problem = make_problem(detector, runs, free, settings)
    state = problem.start()
    steps = max(enough_steps(source, detector, key=key) for source in sources)
    count = PATHS if settings.paths is None else settings.paths
    step = solve(measure(problem, state, draw(problem, state, (count, steps), key), LAST)[0])
    values, slopes = shared_values(problem, state)
    statistical = step.covariance - step.path_noise
    shown = problem.pinned and problem.free.count
    names = problem.names if not shown else problem.free.names
    errors = np.sqrt(np.diag(statistical))[: len(names)] * np.abs(slopes[: len(names)])
    own = np.sqrt(np.median(np.einsum("coo->co", step.own_covariance), axis=0))
    return Expected(
        name,
        dict(zip(names, values.tolist(), strict=False)),
        dict(zip(names, errors.tolist(), strict=True)),
        dict(zip(problem.own_paths, own.tolist(), strict=True)),
        open_combinations(names, statistical[: len(names), : len(names)]),
    )
