"""`lampyris display`."""

from pathlib import Path
from typing import Annotated

import typer

from lampyris.cli._common import AS_JSON, check_output, console, guarded, load_detector, print_json


@guarded
def show_event(
    file: Annotated[Path, typer.Argument(help="File of events.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page to write.")],
    event: Annotated[int, typer.Option(help="Number of the event, from 0.")] = 0,
    png: Annotated[Path | None, typer.Option(help="Picture to write as well.")] = None,
    fits: Annotated[Path | None, typer.Option(help="File of fits of these events, to draw the fitted ring.")] = None,
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """Draw one event as a page for the browser: in space and on the unrolled wall, by charge and by time.

    Example: lampyris display events.h5 --event 0 -o event.html --png event.png --fits fits.h5
    """
    from lampyris.data.hits_file import read_events

    check_output("--output", output, file, fits)
    if png is not None:
        check_output("--png", png, file, fits, output)
    events = read_events(file)
    hits, truth = events.hits(event), events.truth(event)
    fit = None if fits is None else _fitted(fits, events, event)
    detector = load_detector(events)
    from lampyris.display import write_page
    from lampyris.plot import save_event

    drawn = {"truth": truth, "fit": fit, "title": f"{detector.name}, event {event} of {file.name}"}
    write_page(output, detector, hits, **drawn)
    files = [output]
    if png is not None:
        save_event(png, detector, hits, **drawn)
        files.append(png)
    if as_json:
        print_json({"event": event, "detector": detector.name, "hits": int(hits.hit.sum()), "files": files})
    else:
        console().print(" ".join(map(str, files)), soft_wrap=True, markup=False)


def _fitted(path, events, event):
    """The fitted track of the event, if the fits belong to these events."""
    from lampyris._checks import LampyrisError
    from lampyris.data.fits_file import read_fits

    fits = read_fits(path)
    if fits.attributes["input_uuid"] != events.uuid:
        raise LampyrisError(f"{path} holds fits of {fits.attributes['input']}, which is not the file {events.path}.")
    return fits.track(event)
