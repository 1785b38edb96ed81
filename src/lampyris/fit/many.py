"""Reconstruction of many events: here, in several processes, or on the workers of a Dask scheduler.

What becomes of an event depends on its hits, the detector and the particle alone: nothing is drawn at random, and no event
sees another one.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import jax
import numpy as np

from lampyris._checks import LampyrisError, fail
from lampyris.detector import Detector
from lampyris.fit.farm import Lost, in_line, in_processes
from lampyris.fit.problem import fine_transport
from lampyris.fit.reconstruct import fit_problem, problem_of, reconstruct
from lampyris.fit.result import SENTENCES, Fit
from lampyris.fit.rings import RingsFit, reconstruct_rings
from lampyris.fit.together import Meeting, SideBySide, side_by_side
from lampyris.response import Hits

NO_HITS, UNUSABLE, FAILED = "no hits", "unusable", "failed"
RESULTS = SENTENCES | {
    NO_HITS: "The event has no hits.",
    UNUSABLE: "The data of the event are not sound; its note says why.",
    FAILED: "The fit of the event broke off; its note says why.",
}
"""All results of events, in words."""


F = TypeVar("F", Fit, RingsFit)


class Outcome(NamedTuple, Generic[F]):
    """What became of one event."""

    fit: F | None
    result: str
    """one of the keys of `RESULTS`"""
    note: str
    """why there is no fit"""
    seconds: float


@dataclass(frozen=True)
class EventFitter(Generic[F]):
    """Fits particles to the hits of one event; whatever is wrong with the event ends in its outcome."""

    detector: Detector
    particles: tuple[str, ...]
    fit: Callable[[Detector, Hits, tuple[str, ...]], F]

    def check(self) -> None:
        """Raise `LampyrisError` if no event could be fitted: the particles, or the medium of the detector, are to blame."""
        self.fit(self.detector, _one_hit(self.detector), self.particles)

    def __call__(self, hits: Hits) -> Outcome[F]:
        begin = time.perf_counter()
        fit, result, note = None, "", ""
        try:
            if not np.any(hits.hit):
                result = NO_HITS
            else:
                hits.check(self.detector.sensors.count)
        except (LampyrisError, TypeError, ValueError) as error:
            result, note = UNUSABLE, _one_line(error)
        if not result:
            try:
                fit = self.fit(self.detector, hits, self.particles)
                result = fit.result
            except Exception as error:  # one event, whatever it is, must not end the work on all others
                result, note = FAILED, f"{type(error).__name__}: {_one_line(error)}"
        return Outcome(fit, result, note, time.perf_counter() - begin)


def reconstruct_many(
    detector: Detector,
    events: Iterable[tuple[int, Hits]],
    *,
    particle: str = "mu-",
    jobs: int = 1,
    scheduler: str | None = None,
    batch: int = 1,
) -> Iterator[tuple[int, Outcome[Fit]]]:
    """Fit a particle to numbered events; yields number and outcome as they are done.

    `jobs` processes work on this machine, or with `scheduler` the workers of a Dask scheduler (extra `lampyris[dask]`);
    the outcomes are the same, only their order may differ. With more than one job the calling program must guard its
    start with `if __name__ == "__main__"`, as all of Python's processes want it.

    `batch` events are fitted side by side in this process, their likelihoods evaluated in one call: what keeps a GPU busy.
    The numbers are those of single fits but for rounding, and do not depend on which events stand beside each other.

    Raises `LampyrisError` for what concerns all events: an unknown particle, a medium without a model, no scheduler.
    """
    if batch < 1:
        fail("reconstruct_many(batch=...)", ">= 1", batch)
    if batch == 1:
        yield from _many(EventFitter(detector, (particle,), _fit_track), events, jobs, scheduler)
        return
    if jobs > 1 or scheduler is not None:
        raise LampyrisError(
            "`batch` must be 1 with several jobs or a scheduler: events stand side by side in one process."
        )
    problem_of(detector, _one_hit(detector), particle)  # raises for what concerns all events
    meeting = Meeting(batch)
    evaluator = SideBySide(detector, fine_transport(detector), meeting)
    fitter = EventFitter(detector, (particle,), partial(_fit_beside, evaluator))
    for number, outcome in side_by_side(fitter, events, meeting):
        yield number, outcome._replace(seconds=outcome.seconds / batch)


def reconstruct_rings_many(
    detector: Detector,
    events: Iterable[tuple[int, Hits]],
    particles: Sequence[str],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
) -> Iterator[tuple[int, Outcome[RingsFit]]]:
    """As `reconstruct_many`, for several particles from one vertex."""
    yield from _many(EventFitter(detector, tuple(particles), reconstruct_rings), events, jobs, scheduler)


def _one_hit(detector: Detector) -> Hits:
    """The least of an event."""
    count = detector.sensors.count
    one = np.arange(count) == 0
    return Hits(one.astype(np.float32), np.zeros(count, np.float32), one)


def _fit_track(detector: Detector, hits: Hits, particles: tuple[str, ...]) -> Fit:
    return reconstruct(detector, hits, particle=particles[0])


def _fit_beside(evaluator: SideBySide, detector: Detector, hits: Hits, particles: tuple[str, ...]) -> Fit:
    return fit_problem(problem_of(detector, hits, particles[0], evaluator.transport, evaluator=evaluator))


def _many(
    fitter: EventFitter[F], events: Iterable[tuple[int, Hits]], jobs: int, scheduler: str | None
) -> Iterator[tuple[int, Outcome[F]]]:
    """Let one of the ways to work go through all events."""
    if jobs < 1:
        fail("reconstruct_many(jobs=...)", ">= 1", jobs)
    if scheduler is not None and jobs != 1:
        raise LampyrisError("`jobs` must be left out when a scheduler is given, whose workers do the work.")
    fitter.check()
    if scheduler is not None:
        found = _on_scheduler(fitter, events, scheduler)
    else:
        found = in_processes(fitter, events, jobs) if jobs > 1 else in_line(fitter, events)
    for number, outcome in found:
        yield number, Outcome(None, FAILED, outcome.reason, np.nan) if isinstance(outcome, Lost) else outcome


def _on_scheduler(fitter: EventFitter, events: Iterable[tuple[int, Hits]], address: str):
    try:
        from lampyris.fit._dask_farm import on_scheduler
    except ImportError as error:
        raise LampyrisError("`scheduler` needs Dask: pip install 'lampyris[dask]'.") from error
    return on_scheduler(fitter, events, address)


def detector_digest(detector: Detector) -> str:
    """A text that changes with any number of a detector."""
    made = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(detector):
        made.update(jax.tree_util.keystr(path).encode())
        made.update(np.ascontiguousarray(leaf).tobytes())
    return made.hexdigest()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
