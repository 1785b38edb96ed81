"""Where sensors pay: how a number of them is best shared out over the wall for the tracks that are to be measured."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize

from lampyris._checks import LampyrisError, fail, fail_unknown
from lampyris.detector import Detector
from lampyris.emission import load_profile
from lampyris.fit.expected import FIGURES, Information, expected_errors, information_of
from lampyris.fit.neighbours import zones_of
from lampyris.source import Track
from lampyris.transport import Hybrid

FLAT = 1e-6
"""Change of the logarithm of the figure below which the search ends."""


class Design(NamedTuple):
    """How sensors are best shared out, beside an even share; printing it gives the errors of both."""

    value: Detector
    """the detector with the chosen sensors alone"""
    chosen: np.ndarray
    """their numbers among the candidates"""
    share: np.ndarray
    """(candidates,) share of the places about each candidate that gets a sensor"""
    gain: np.ndarray
    """(candidates,) by which the logarithm of the figure falls for one more sensor there, at an even share"""
    figure: str
    before: dict[str, np.ndarray]
    """expected errors of each track with an even share: energy [relative], vertex [m], direction [rad], time [ns]"""
    after: dict[str, np.ndarray]
    """the same with the best share"""
    result: str
    """"converged" or "not converged" """

    @property
    def ratio(self) -> float:
        """The figure over that of an even share, geometric mean over the tracks."""
        return float(np.exp(np.mean(np.log(self.after[self.figure] / self.before[self.figure]))))

    def __str__(self) -> str:
        lines = [f"{len(self.chosen)} of {len(self.share)} places, {self.result}; expected errors, even and best:"]
        for name, unit in FIGURES.items():
            first, last = (float(np.exp(np.log(errors[name]).mean())) for errors in (self.before, self.after))
            lines.append(f"  {name:<10}{first:>8.3g} -> {last:<8.3g} {unit}")
        return "\n".join(lines)


def design(
    detector: Detector,
    count: int,
    tracks: Sequence[Track],
    *,
    figure: str = "vertex",
    zones: np.ndarray | None = None,
    transport: Hybrid | None = None,
) -> Design:
    """Choose `count` of the sensors of a detector so that tracks are measured best.

    The sensors of `detector` are candidates: places where one could stand, more than there are sensors to spend. What is made
    small is the geometric mean over the tracks, which are of one kind of particle, of their error in the `figure`:
    "energy", "vertex", "direction" or "time". Errors are the Cramer-Rao bound of the likelihood that `reconstruct` fits.
    The information of an event is a sum over sensors, so its derivatives in the share of the places that are taken in each
    zone are exact, whatever the light does there; they are followed to the best shares (SLSQP). `zones` (candidates,) numbers
    the zone of each candidate: equal numbers for places that are to be taken alike, as by a symmetry of the beam; without it
    the wall is cut into at most 128 zones. In each zone the chosen sensors lie as far apart as they can.

    Indirect light is that of the wall with all candidates on it. Raises `LampyrisError` for what makes no sense.
    """
    _check(detector, count, tracks, figure)
    position = np.asarray(detector.sensors.position, float)
    number = zones_of(position) if zones is None else numbered(zones, len(position))
    size = np.bincount(number)
    told = _information(detector, tracks, number, Hybrid() if transport is None else transport)
    even = np.full(len(size), count / len(position))

    def objective(share: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _mean_log(told, figure, jnp.asarray(share, float))
        return float(value), np.asarray(slope, np.float64)

    spent = {"type": "eq", "fun": lambda share: share @ size / count - 1.0, "jac": lambda share: size / count}
    found = minimize(
        objective,
        even,
        jac=True,
        method="SLSQP",
        bounds=[(1e-3, 1.0)] * len(size),
        constraints=[spent],
        options={"maxiter": 200, "ftol": FLAT},
    )
    chosen = spread(position, number, whole(found.x * size, size, count))
    before, after = (_errors(told, jnp.asarray(share, float)) for share in (even, found.x))
    gain = -objective(even)[1] / size
    value = eqx.tree_at(lambda d: d.sensors, detector, detector.sensors.take(jnp.asarray(chosen)))
    result = "converged" if found.success else "not converged"
    return Design(value, chosen, found.x[number], gain[number], figure, before, after, result)


@eqx.filter_jit
def _errors_of(told: Information, share: Float[Array, " zones"]) -> dict[str, Float[Array, " tracks"]]:
    return jax.vmap(expected_errors, in_axes=(0, None))(told, share)


@eqx.filter_jit
def _mean_log(told: Information, figure: str, share: Float[Array, " zones"]) -> tuple[Array, Float[Array, " zones"]]:
    """Mean logarithm of a figure over the tracks, and its derivatives."""
    return jax.value_and_grad(lambda at: jnp.log(_errors_of(told, at)[figure]).mean())(share)


def _errors(told: Information, share: Float[Array, " zones"]) -> dict[str, np.ndarray]:
    return {name: np.asarray(values, float) for name, values in _errors_of(told, share).items()}


def _information(detector: Detector, tracks: Sequence[Track], zone: np.ndarray, transport: Hybrid) -> Information:
    """The information of all tracks, along a first axis."""
    zones = int(zone.max()) + 1
    each = [information_of(track, detector, jnp.asarray(zone), zones, transport) for track in tracks]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)


def whole(wanted: np.ndarray, size: np.ndarray, count: int) -> np.ndarray:
    """Whole numbers of sensors that add up to the count: the largest remainders are rounded up."""
    number = np.floor(np.minimum(wanted, size)).astype(int)
    order = np.argsort(number - np.minimum(wanted, size), kind="stable")
    for zone in np.tile(order, 1 + int(size.max())):
        if number.sum() >= count:
            break
        number[zone] += number[zone] < size[zone]
    return number


def spread(position: np.ndarray, zone: np.ndarray, number: np.ndarray) -> np.ndarray:
    """So many candidates of each zone, each the farthest from all that are chosen already; the fullest zones come last."""
    chosen: list[int] = []
    nearest = np.full(len(position), np.inf)
    for own in np.argsort(number / np.bincount(zone), kind="stable"):
        there = np.flatnonzero(zone == own)
        for _ in range(number[own]):
            best = int(there[np.argmax(nearest[there])])
            chosen.append(best)
            nearest = np.minimum(nearest, np.linalg.norm(position - position[best], axis=1))
            nearest[best] = -1.0
    return np.sort(np.array(chosen))


def numbered(zones: np.ndarray, candidates: int) -> np.ndarray:
    """Zones as numbers from 0 on."""
    if np.shape(zones) != (candidates,):
        fail("design(zones=...)", f"one number for each of {candidates} candidates", np.shape(zones))
    return np.unique(zones, return_inverse=True)[1].reshape(-1)


def _check(detector: Detector, count: int, tracks: Sequence[Track], figure: str) -> None:
    """Raise `LampyrisError` unless the search can begin."""
    if figure not in FIGURES:
        fail_unknown("figure", figure, FIGURES)
    if not 1 <= count <= detector.sensors.count:
        fail("design(count=...)", f"between 1 and the number of candidates, {detector.sensors.count}", count)
    if not tracks:
        raise LampyrisError("`design(tracks=...)` must hold at least one track, but is empty.")
    particles = sorted({track.particle for track in tracks})
    if len(particles) > 1:
        raise LampyrisError(f"`design(tracks=...)` must be of one kind of particle, but are of {', '.join(particles)}.")
    if detector.medium.scintillation is not None:
        raise LampyrisError("`design` knows Cherenkov light alone, but the medium of this detector scintillates.")
    load_profile(particles[0]).check_medium(detector.medium)
    for track in tracks:
        track.check_inside(detector.shape)
