"""`lampyris reconstruct`."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lampyris.cli._common import (
    AS_JSON,
    DETECTOR,
    QUIET,
    check_output,
    command_line,
    guarded,
    load_detector,
    progress,
    tell,
)
from lampyris.cli._events import readable

if TYPE_CHECKING:
    from lampyris.data.fits_file import FitsWriter
    from lampyris.data.hits_file import EventFile
    from lampyris.data.records import Truth
    from lampyris.detector import Detector
    from lampyris.fit.many import Outcome

JOBS = typer.Option("--jobs", "-j", help="Processes that fit at the same time.", min=1)
BATCH = typer.Option("--batch", "-b", help="Events that are fitted side by side, for GPUs: 16, say.", min=1)
SCHEDULER = typer.Option(help="Let the workers of this Dask scheduler fit, as tcp://host:8786.")


@guarded
def reconstruct_file(
    file: Annotated[Path, typer.Argument(help="File of events.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File of fits to write (HDF5).")],
    particle: Annotated[str, typer.Option(help="Particle to look for.")] = "mu-",
    detector: Annotated[str | None, DETECTOR] = None,
    jobs: Annotated[int, JOBS] = 1,
    scheduler: Annotated[str | None, SCHEDULER] = None,
    batch: Annotated[int, BATCH] = 1,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Fit energy, vertex, direction and time of a particle to every event of a file.

    Every event gets a row with a result; one whose data are not sound stops no other. A run that was stopped goes on where
    it was: finished events wait in the output's name with .part. Fits do not depend on --jobs or --scheduler, and on --batch
    by rounding alone.

    Example: lampyris reconstruct events.h5 --particle mu- -o fits.h5
    """
    from lampyris.data.cut_file import events_left
    from lampyris.data.fits_file import FitsWriter, read_fits, summary
    from lampyris.emission import load_profile
    from lampyris.fit.many import detector_digest

    begin = time.perf_counter()
    check_output("--output", output, file)
    load_profile(particle)
    with events_left(file) as (events, lacking):
        used = load_detector(events, detector)
        line = command_line("reconstruct", file.name, "--particle", particle)
        writer = FitsWriter(output, events, particle, command=line, digest=detector_digest(used))
        taken_up = len(writer.done)
        with progress(as_json or quiet) as bar:
            _Run(used, events, particle, writer, bar).all(jobs=jobs, scheduler=scheduler, batch=batch)
        writer.finish()
        told: dict[str, Any] = {"file": str(output), "input": str(file), "detector": used.name, "particle": particle}
        told |= {"named_detector": events.detector_name, "missing_bytes": lacking, "taken_up": taken_up}
    seconds = time.perf_counter() - begin
    told |= {"seconds": seconds, "events_per_second": (len(events) - taken_up) / seconds}
    told |= summary(read_fits(output))
    tell(told, "\n".join(_lines(told)), as_json, quiet)


def _lines(told: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    results = ", ".join(f"{count} {name}" for name, count in told["results"].items())
    yield f"{told['events']} events: {results}; {told['seconds']:.1f} s: {told['file']}"
    if told["missing_bytes"]:
        lost = told["results"].get("unusable", 0)
        yield (
            f"{told['input']} ends in the middle, {told['missing_bytes']} bytes are missing: "
            f"{lost} of its {told['events']} events could not be read."
        )
    if told["named_detector"].lower() != told["detector"].lower():
        yield f"The events name the detector {told['named_detector']}; they were fitted with {told['detector']}."
    if "vertex_q68_cm" in told:
        vertex, direction, momentum = (told[f"{n}_q68_{u}"] for n, u in UNITS.items())
        text = f"{vertex:.1f} cm, {direction:.2f} deg and {momentum:.1f} %"
        yield f"68 % of vertices, directions and momenta lie within {text} of the truth"


UNITS = {"vertex": "cm", "direction": "deg", "momentum": "percent"}


class _Run:
    """Events of a file on their way to the rows of another."""

    def __init__(self, detector: "Detector", events: "EventFile", particle: str, writer: "FitsWriter", bar):
        self.detector, self.events, self.particle, self.writer = detector, events, particle, writer
        self.bar, self.begin, self.fitted = bar, time.perf_counter(), 0
        self.task = bar.add_task("reconstructing", total=len(events), completed=len(writer.done))

    def all(self, **ways: Any) -> None:
        """Fit the events that have no row, in one of the ways of `reconstruct_many`."""
        from lampyris.fit.many import reconstruct_many

        if len(self.writer.done) == len(self.events):
            return
        events = readable(self.events, self.writer.done, self._unreadable)
        for number, outcome in reconstruct_many(self.detector, events, particle=self.particle, **ways):
            self._keep(number, outcome)

    def _unreadable(self, number: int, note: str) -> None:
        from lampyris.fit.many import UNUSABLE, Outcome

        self._keep(number, Outcome(None, UNUSABLE, note, 0.0))

    def _keep(self, number: int, outcome: "Outcome") -> None:
        from lampyris.data.fits_file import FitRow

        truth, wrong = self._truth(number)
        told = {"seconds": outcome.seconds, "wall_distance": self._room(outcome.fit and outcome.fit.value)}
        told["true_wall_distance"] = self._room(truth)
        note = "; ".join(text for text in (outcome.note, wrong) if text)
        self.writer.append(FitRow.of(number, outcome.fit, truth, result=outcome.result, note=note, **told))
        self.fitted += 1
        rate = self.fitted / (time.perf_counter() - self.begin)
        self.bar.update(self.task, advance=1, description=f"reconstructing, {rate:.3g} events/s")

    def _truth(self, number: int) -> tuple["Truth | None", str]:
        """The true particle, or what is wrong with it."""
        from lampyris._checks import LampyrisError

        try:
            return self.events.particle(number), ""
        except LampyrisError as error:
            return None, str(error).removeprefix(f"{self.events.path}: ")

    def _room(self, particle) -> float:
        """Distance of a vertex from the wall [m], positive inside."""
        import numpy as np

        from lampyris._host import on_host

        if particle is None:
            return float("nan")
        return float(on_host(self.detector.shape.signed_distance, np.asarray(particle.position, float)))
