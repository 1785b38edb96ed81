"""The electron of a muon that stopped and decayed: a second, delayed source of light in the same event."""

from functools import partial
from typing import NamedTuple

import numpy as np

from lampyris._checks import LampyrisError
from lampyris._host import on_host
from lampyris.detector import Detector
from lampyris.emission import load_profile
from lampyris.fit.problem import may_start
from lampyris.fit.result import Fit
from lampyris.fit.ring_scan import Candidate, RingScan
from lampyris.fit.rings_problem import Rings, RingsProblem
from lampyris.fit.settle import settle
from lampyris.fit.top import at_the_top, check_converged
from lampyris.likelihood import Dispersion
from lampyris.response import Hits
from lampyris.source import Track
from lampyris.transport import Hybrid
from lampyris.units import SPEED_OF_LIGHT

DEAD = 40.0
"""Least time from the end of a muon to a decay that is looked for [ns]: reflected light covers what is earlier."""
WINDOW = 16.0
"""Length in which the light of a flash comes, times of flight taken off [ns]."""
FEWEST, CLEAR = 10, 5.0
"""Hits in such a window, and standard deviations above what comes before and after, of a flash that is looked at."""
GAIN = 15.0
"""Gain in log-likelihood that an electron must bring."""
BESIDE = 60.0
"""Time before and after a window from which the hits without a flash are taken [ns]."""


class Decay(NamedTuple):
    """A muon and the electron of its decay, fitted together; printing it gives both."""

    muon: Fit
    electron: Fit
    gain: float
    """in log-likelihood over the muon alone"""

    def __str__(self) -> str:
        late = float(self.electron.value.time - self.muon.value.time)
        return f"{self.muon}\n{self.electron}\ndecay {late:.0f} ns after the muon, log-likelihood {self.gain:+.1f}"


class Flash(NamedTuple):
    """A late flash about a point."""

    hits: np.ndarray
    """channels that belong to it"""
    time: float
    """at the point [ns]"""


def find_decay(
    detector: Detector,
    hits: Hits,
    fit: Fit,
    *,
    electron: str = "e-",
    transport: Hybrid | None = None,
    dispersion: Dispersion | None = None,
) -> Decay | None:
    """Look for the electron of a fitted muon in the same read-out; `None` where there is none.

    A flash that later hits make about the end of the muon is fitted as an electron of its own vertex, direction, energy and
    time, together with the muon, in one likelihood of all charges and first hits: light of the electron in channels that
    the muon hit before counts by its charge. Decays within `DEAD` nanoseconds or after the read-out are not seen; an electron
    below the least energy of its profile (10 MeV) ends at that boundary. `transport` and `dispersion` must be those of the
    fit.

    Raises `LampyrisError` for a fit that has not converged and for one of another particle.
    """
    if fit.value.particle not in ("mu-", "mu+"):
        raise LampyrisError(f"`fit` must be of a muon, but is of {fit.value.particle}.")
    check_converged(fit)
    start = _electron(detector, hits, fit.value, electron)
    if start is None:
        return None
    alone, state, scattered = at_the_top(detector, hits, fit, transport, dispersion)
    problem = RingsProblem(detector, hits, [fit.value.particle, electron], transport, dispersion, shared=())
    both = Rings((state, problem.models[1].start(start)))
    expected = problem.local(both, problem.scattered(both), 0.0).expected
    stages = settle(problem, both, expected)
    # both likelihoods with the weights of the better one
    alone.seen = problem.data.seen
    gain = stages.climb.local.value - alone.local(state, scattered, 0.0).value
    if not gain > GAIN:
        return None
    muon, other = problem.fits(stages)
    return Decay(muon, other, gain)


def _electron(detector: Detector, hits: Hits, muon: Track, particle: str) -> Track | None:
    """A start for the electron, from the late hits alone."""
    length = float(on_host(load_profile(muon.particle).length, muon.energy))
    end = np.asarray(muon.position, float) + length * np.asarray(muon.direction, float)
    if not bool(np.asarray(on_host(detector.shape.contains, end[None]))[0]):
        return None
    flash = find_flash(detector, hits, end, float(muon.time) + length / SPEED_OF_LIGHT + DEAD)
    if flash is None:
        return None
    late = np.isin(np.arange(len(hits.hit)), flash.hits)
    own, profile = Hits(np.where(late, hits.charge, 0.0), np.where(late, hits.time, 0.0), late), load_profile(particle)
    away = np.asarray(detector.sensors.position, float)[flash.hits] - end
    towards = (away / np.linalg.norm(away, axis=1, keepdims=True)).sum(axis=0)
    towards /= np.linalg.norm(towards)
    scan = RingScan(detector, own, profile)
    low, high = profile.energy_range
    energy = float(np.clip(scan.energy_at(end), 1.2 * low, 0.9 * high))
    found = scan.best(end, towards, partial(may_start, detector))
    best = found[0] if found else Candidate(end, towards, flash.time, energy, 0.0)
    return Track(particle, energy, best.position, best.direction, best.time)


def find_flash(detector: Detector, hits: Hits, point: np.ndarray, earliest: float) -> Flash | None:
    """The clearest flash about a point after a time: hits that come together once their times of flight are taken off."""
    sensors = detector.sensors
    channel = np.flatnonzero(np.asarray(hits.hit))
    speed = SPEED_OF_LIGHT / float(on_host(detector.medium.group_index, 400.0))
    way = np.linalg.norm(np.asarray(sensors.position, float)[channel] - point, axis=1)
    start = (np.asarray(hits.time, float) - np.asarray(sensors.time_offset, float))[channel] - way / speed
    order = np.argsort(start, kind="stable")
    channel, start = channel[order], start[order]
    number = np.arange(len(start))
    inside = np.searchsorted(start, start + WINDOW) - number
    around = np.searchsorted(start, start + WINDOW + BESIDE) - np.searchsorted(start, start - BESIDE) - inside
    usual = around * WINDOW / (2.0 * BESIDE)
    clear = np.where((start > earliest) & (inside >= FEWEST), (inside - usual) / np.sqrt(usual + 1.0), 0.0)
    if not len(clear) or clear.max() < CLEAR:
        return None
    first = int(clear.argmax())
    chosen = slice(first, first + int(inside[first]))
    return Flash(channel[chosen], float(np.median(start[chosen])))
