"""`lampyris rings`."""

import time
from collections import Counter
from collections.abc import Iterator
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
from lampyris.cli.reconstruct import JOBS, SCHEDULER

if TYPE_CHECKING:
    from lampyris.data.hits_file import EventFile
    from lampyris.data.row_table import RowTable
    from lampyris.detector import Detector


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
    from lampyris.data.rings_table import columns_of
    from lampyris.data.row_table import RowTable
    from lampyris.emission import load_profile
    from lampyris.fit.many import detector_digest

    begin = time.perf_counter()
    check_output("--output", output, file)
    names = [name.strip() for name in particles.split(",")]
    _check(names)
    for name in names:
        load_profile(name)
    with events_left(file) as (events, lacking):
        used = load_detector(events, detector)
        identity = {"input": file.name, "input_uuid": events.uuid, "particles": ",".join(names)}
        identity |= {"detector": used.name, "detector_digest": detector_digest(used)}
        table = RowTable(output, identity, columns_of(len(names)))
        taken_up = len(table.done)
        results = Counter({"taken up": taken_up} if taken_up else {})
        with progress(as_json or quiet) as bar:
            task = bar.add_task("fitting rings", total=len(events), completed=taken_up)
            for result in _fitted(used, events, names, table, (jobs, scheduler)):
                results[result] += 1
                bar.update(task, advance=1)
        table.finish()
        told: dict[str, Any] = {"file": str(output), "input": str(file), "detector": used.name, "particles": names}
        told |= {"events": len(events), "missing_bytes": lacking, "results": dict(results)}
    told["seconds"] = time.perf_counter() - begin
    counts = ", ".join(f"{count} {result}" for result, count in results.items())
    tell(told, f"{told['events']} events: {counts}; {told['seconds']:.1f} s: {output}", as_json, quiet)


def _check(names: list[str]) -> None:
    from lampyris._checks import fail

    if len(names) < 2:
        fail("--particles", "at least two (one is for `lampyris reconstruct`)", ",".join(names) or "none")


def _fitted(
    detector: "Detector", events: "EventFile", names: list[str], table: "RowTable", how: tuple[int, str | None]
) -> Iterator[str]:
    """Fit the events without a row and write theirs; yields their results."""
    from lampyris._checks import LampyrisError
    from lampyris.data.rings_table import row_of
    from lampyris.fit.many import UNUSABLE, reconstruct_rings_many

    lost: list[str] = []

    def readable() -> Iterator[tuple[int, Any]]:
        for number in sorted(set(range(len(events))) - table.done):
            try:
                hits = events.hits(number)
            except LampyrisError as error:
                note = str(error).removeprefix(f"{events.path}: ")
                table.append(number, row_of(None, names, result=UNUSABLE, note=note))
                lost.append(UNUSABLE)
                continue
            yield number, hits

    if len(table.done) == len(events):
        return
    jobs, scheduler = how
    for number, outcome in reconstruct_rings_many(detector, readable(), names, jobs=jobs, scheduler=scheduler):
        told = {"result": outcome.result, "note": outcome.note, "seconds": outcome.seconds}
        table.append(number, row_of(outcome.fit, names, **told))
        yield outcome.result
    yield from lost
