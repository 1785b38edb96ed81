"""`lampyris report`."""

from pathlib import Path
from typing import Annotated

import typer

from lampyris.cli._common import AS_JSON, QUIET, check_output, guarded, tell


@guarded
def report_fits(
    file: Annotated[Path, typer.Argument(help="File of fits.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML page to write; the file's name with .html by default.")
    ] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Write resolutions, biases, pulls, results and times of a file of fits as one page that needs no network.

    Where the truth is not known the page shows what was fitted, and how well it describes the events.

    Example: lampyris report fits.h5 -o report.html
    """
    from lampyris.data.fits_file import read_fits, summary
    from lampyris.plot import save_reconstruction

    fits = read_fits(file)
    page = file.with_suffix(".html") if output is None else output
    check_output("--output", page, file)
    save_reconstruction(page, fits)
    told = summary(fits)
    results = ", ".join(f"{count} {name}" for name, count in told["results"].items())
    tell({"file": str(page), "fits": str(file)} | told, f"{told['events']} events: {results}: {page}", as_json, quiet)
