"""`lampyris identify`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lampyris.cli._common import AS_JSON, QUIET, check_output, guarded, tell

if TYPE_CHECKING:
    from lampyris.data.hypotheses import Hypotheses


@guarded
def identify_events(
    files: Annotated[list[Path], typer.Argument(help="Files of fits of the same events, one for each particle.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table to write, a row for each event (CSV).")
    ] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Tell which particle made each event, by the likelihoods of its fits.

    Every particle that comes into question is fitted by a run of `reconstruct` of its own. Where the truth is known, the
    result says how often the likeliest particle is the right one.

    Example: lampyris reconstruct events.h5 --particle mu- -o mu.h5, the same with e- and e.h5, then
    lampyris identify mu.h5 e.h5 -o particles.csv
    """
    from lampyris.data.fits_file import read_fits
    from lampyris.data.hypotheses import side_by_side

    if output is not None:
        check_output("--output", output, *files)
    found = side_by_side([read_fits(file) for file in files])
    if output is not None:
        _write(output, found)
    told = {"files": [str(file) for file in files]} | found.summary()
    told |= {"file": str(output)} if output is not None else {}
    tell(told, "\n".join(_lines(told)), as_json, quiet)


def _write(path: Path, found: "Hypotheses") -> None:
    """The table: event, likeliest particle, its margin, all log-likelihoods, truth."""
    import csv

    with path.open("w", newline="") as file:
        table = csv.writer(file)
        names = [f"log_likelihood {name}" for name in found.particles]
        table.writerow(["event", "particle", "margin", *names, "true_particle"])
        columns = found.event, found.best, found.margin, found.log_likelihood, found.true_particle
        for event, best, margin, values, true in zip(*columns, strict=True):
            table.writerow([event, best, f"{margin:.3f}", *(f"{value:.3f}" for value in values), true])


def _lines(told: dict) -> Iterator[str]:
    """The result for people."""
    counts = lambda found: ", ".join(f"{count} {name}" for name, count in found.items())  # noqa: E731
    yield f"{told['events']} events: {counts(told['found'])}" + (f": {told['file']}" if "file" in told else "")
    for name, found in told.get("told", {}).items():
        yield f"true {name}: {counts(found)}"
    for pair, figures in told.items():
        if isinstance(figures, dict) and "auc" in figures:
            yield f"{pair}: area under the curve {figures['auc']:.4f} +- {figures['auc_error']:.4f}"
