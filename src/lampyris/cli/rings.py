"""`lampyris rings`."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lampyris.cli._common import (
    AS_JSON,
    DETECTOR,
    QUIET,
    check_output,
    guarded,
    load_detector,
    progress,
    tell,
)
from lampyris.cli._events import readable
from lampyris.cli.reconstruct import JOBS, SCHEDULER

if TYPE_CHECKING:
    from lampyris.data.hits_file import EventFile
    from lampyris.data.rings_table import RingsWriter
    from lampyris.detector import Detector
    from lampyris.fit import RingsFit
    from lampyris.fit.many import Outcome


@guarded
def fit_rings(
    file: Annotated[Path, typer.Argument(help="File of events.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table to write (CSV), a row for each event.")],
    particles: Annotated[str, typer.Option(help="Particles from one vertex, a comma between them.")] = "gamma,gamma",
    detector: Annotated[str | None, DETECTOR] = None,
    jobs: Annotated[int, JOBS] = 1,
    scheduler: Annotated[str | None, SCHEDULER] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Fit several particles that start at one vertex to every event of a file: the two gammas of a pi0, say.

    Every event gets a row with its result, the vertex, each particle's energy and direction, their invariant mass, and the
    errors of all. A run that was stopped goes on where it was.

    Example: lampyris rings events.h5 --particles gamma,gamma -o rings.csv
    """
    from lampyris.data.cut_file import events_left
    from lampyris.data.rings_table import RingsWriter
    from lampyris.fit.many import detector_digest

    begin = time.perf_counter()
    check_output("--output", output, file)
    names = _named(particles)
    with events_left(file) as (events, lacking):
        used = load_detector(events, detector)
        writer = RingsWriter(output, events, names, digest=detector_digest(used))
        taken_up = len(writer.done)
        with progress(as_json or quiet) as bar:
            task = bar.add_task("fitting rings", total=len(events), completed=taken_up)
            run = _Run(used, events, writer, lambda: bar.update(task, advance=1))
            run.all(jobs, scheduler)
        writer.finish()
        told: dict[str, Any] = {"file": str(output), "input": str(file), "detector": used.name, "particles": names}
        told |= {"events": len(events), "missing_bytes": lacking, "taken_up": taken_up, "results": dict(run.results)}
    told["seconds"] = time.perf_counter() - begin
    tell(told, "\n".join(_lines(told)), as_json, quiet)


def _named(particles: str) -> list[str]:
    """The particles, each with a profile."""
    from lampyris._checks import fail
    from lampyris.emission import load_profile

    names = [name.strip() for name in particles.split(",") if name.strip()]
    if len(names) < 2:
        fail("--particles", "at least two (one is for `lampyris reconstruct`)", ",".join(names) or "none")
    for name in names:
        load_profile(name)
    return names


def _lines(told: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    counts = [f"{count} {result}" for result, count in told["results"].items()]
    counts += [f"{told['taken_up']} taken up"] if told["taken_up"] else []
    yield f"{told['events']} events: {', '.join(counts)}; {told['seconds']:.1f} s: {told['file']}"
    if told["missing_bytes"]:
        yield f"{told['input']} ends in the middle, {told['missing_bytes']} bytes are missing."


class _Run:
    """Events of a file on their way to the rows of a table; counts their results."""

    def __init__(self, detector: "Detector", events: "EventFile", writer: "RingsWriter", step: Callable[[], None]):
        self.detector, self.events, self.writer, self.step = detector, events, writer, step
        self.results: Counter[str] = Counter()

    def all(self, jobs: int, scheduler: str | None) -> None:
        """Fit the events that have no row."""
        from lampyris.fit.many import reconstruct_rings_many

        writer = self.writer
        if len(writer.done) == len(self.events):
            return
        events = readable(self.events, writer.done, self._unreadable)
        options: dict[str, Any] = {"jobs": jobs, "scheduler": scheduler}
        for number, outcome in reconstruct_rings_many(self.detector, events, writer.particles, **options):
            self._keep(number, outcome)

    def _unreadable(self, number: int, note: str) -> None:
        from lampyris.fit.many import UNUSABLE, Outcome

        self._keep(number, Outcome(None, UNUSABLE, note, 0.0))

    def _keep(self, number: int, outcome: "Outcome[RingsFit]") -> None:
        told = {"result": outcome.result, "note": outcome.note, "seconds": outcome.seconds}
        self.writer.append(number, outcome.fit, **told)
        self.results[outcome.result] += 1
        self.step()
