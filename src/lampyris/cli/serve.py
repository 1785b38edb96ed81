"""`lampyris serve`: a file of any number of events in the browser."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lampyris.cli._common import AS_JSON, DETECTOR, QUIET, guarded, load_detector, tell
from lampyris.cli.display import FITS, PHOTONS, PREDICT, EventSource


@guarded
def serve_file(
    file: Annotated[Path, typer.Argument(help="File of events.")],
    fits: Annotated[Path | None, FITS] = None,
    predict: Annotated[bool | None, PREDICT] = None,
    photons: Annotated[int | None, PHOTONS] = None,
    event: Annotated[int, typer.Option(help="Number of the event to begin with, from 0.")] = 0,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.", min=0, max=65535)] = 8377,
    detector: Annotated[str | None, DETECTOR] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Show a file of events in the browser, each event read when it is asked for; control-C ends it.

    Only this machine can reach the page, and the page only this file.

    Example: lampyris serve events.h5 --fits fits.h5
    """
    from lampyris.data.hits_file import read_events
    from lampyris.display.server import EventServer

    events = read_events(file)
    events.hits(event)
    source = EventSource(events, load_detector(events, detector), fits, predict, photons)
    title = f"{source.detector.name}, {file.name}"
    with EventServer(source.detector, source.shown, len(events), title=title, first=event, port=port) as server:
        told = {"address": server.address, "detector": source.detector.name, "events": len(events), "first": event}
        text = f"{len(events)} events of {file.name} at {server.address} (control-C ends it)"
        tell(told, text, as_json, quiet)
        sys.stdout.flush()  # whoever started it may wait for the address
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            tell({}, "", False, as_json or quiet)
