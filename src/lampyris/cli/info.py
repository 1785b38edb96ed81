"""`lampyris info`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lampyris.cli._common import AS_JSON, console, guarded, print_json


@guarded
def tell_file(
    file: Annotated[Path, typer.Argument(help="A file of events or of fits.")],
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Say what a file holds and how it was made.

    Example: lampyris info events.h5
    """
    from lampyris.data import fits_file
    from lampyris.data._hdf5 import file_format

    told = _about_fits(file) if file_format(file) == fits_file.FORMAT else _about_events(file)
    if as_json:
        print_json(told)
        return
    table = Table(show_header=False, title=str(file))
    for name, value in told.items():
        if isinstance(value, dict):
            value = ", ".join(f"{n}: {v:.3g}" if isinstance(v, float) else f"{n}: {v}" for n, v in value.items())
        table.add_row(name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else str(value))
    console().print(table)


def _about_events(file: Path) -> dict:
    from lampyris.data.hits_file import FORMAT, read_events

    events = read_events(file)
    total = int(events.offset[-1])
    told = {"file": str(file), "format": FORMAT, "detector": events.detector_name, "channels": events.channels}
    told |= {"events": len(events), "hits": total, "hits_per_event": total / max(len(events), 1)}
    return told | {"uuid": events.uuid} | events.provenance


def _about_fits(file: Path) -> dict:
    from lampyris.data.fits_file import read_fits, summary

    fits = read_fits(file)
    return {"file": str(file)} | fits.attributes | summary(fits)
