"""`lampyris reconstruct`."""

import time
from pathlib import Path
from typing import Annotated, Any

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


@guarded
def reconstruct_file(
    file: Annotated[Path, typer.Argument(help="File of events.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File of fits to write (HDF5).")],
    particle: Annotated[str, typer.Option(help="Particle to look for.")] = "mu-",
    detector: Annotated[str | None, DETECTOR] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Fit energy, vertex, direction and time of a particle to every event of a file.

    A run that was stopped goes on where it was: finished events wait in the output's name with .part.

    Example: lampyris reconstruct events.h5 --particle mu- -o fits.h5
    """
    from lampyris.data.fits_file import FitsWriter, read_fits, summary
    from lampyris.data.hits_file import read_events
    from lampyris.emission import load_profile

    begin = time.perf_counter()
    check_output("--output", output, file)
    load_profile(particle)
    events = read_events(file)
    used = load_detector(events, detector)
    line = command_line("reconstruct", file.name, "--particle", particle)
    writer = FitsWriter(output, events, particle, command=line)
    taken_up = len(writer.done)
    with progress(as_json or quiet) as bar:
        _reconstruct(used, events, particle, writer, bar)
    writer.finish()
    told: dict[str, Any] = {"file": str(output), "input": str(file), "detector": used.name, "particle": particle}
    told |= {"taken_up": taken_up, "seconds": time.perf_counter() - begin} | summary(read_fits(output))
    results = ", ".join(f"{count} {name}" for name, count in told["results"].items())
    lines = [f"{len(events)} events: {results}; {told['seconds']:.1f} s: {output}"]
    if "vertex_cm_68" in told:
        energy = 100 * told["energy_68"]
        text = f"{told['vertex_cm_68']:.1f} cm, {told['direction_deg_68']:.2f} deg and {energy:.1f} %"
        lines.append(f"68 % of vertices, directions and energies lie within {text} of the truth")
    tell(told, "\n".join(lines), as_json, quiet)


def _reconstruct(detector, events, particle, writer, bar) -> None:
    """Fit the events that are not done; one without hits gets its row and stops nothing."""
    import numpy as np

    from lampyris.data.fits_file import FitRow
    from lampyris.fit import reconstruct

    task = bar.add_task("reconstructing", total=len(events), completed=len(writer.done))
    for number in range(len(events)):
        if number in writer.done:
            continue
        hits, truth = events.hits(number), events.truth(number)
        fit = reconstruct(detector, hits, particle=particle) if np.any(hits.hit) else None
        writer.append(FitRow.of(number, fit, truth))
        bar.advance(task)
