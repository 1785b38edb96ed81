"""`lampyris display`: events of a file as one page."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lampyris.cli._common import AS_JSON, DETECTOR, QUIET, check_output, guarded, load_detector, progress, tell

if TYPE_CHECKING:
    from lampyris.data.fits_file import FitFile
    from lampyris.data.hits_file import EventFile
    from lampyris.detector import Detector
    from lampyris.display import Shown
    from lampyris.source import Track
    from lampyris.transport import PhotonHistory

MOST_EVENTS = 100
"""Events on one page if none are named: about 0.1 MB each."""
FITS = typer.Option(help="File of fits of these events: draws the fitted tracks.")
PREDICT = typer.Option(
    "--predict/--no-predict",
    help="Compare with what the model expects of the fitted, else the true track; by default where there are fits.",
)

MOST_PHOTONS = 5000
PHOTONS = typer.Option(
    help="Draw the ways of so many photons of the true particle, drawn anew.", min=1, max=MOST_PHOTONS, metavar="COUNT"
)


@guarded
def show_event(
    file: Annotated[Path, typer.Argument(help="File of events.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML page to write; the file's name with .html by default.")
    ] = None,
    event: Annotated[int | None, typer.Option(help="Number of the only event to show, from 0.")] = None,
    png: Annotated[Path | None, typer.Option(help="Picture of the (first) event to write as well.")] = None,
    fits: Annotated[Path | None, FITS] = None,
    predict: Annotated[bool | None, PREDICT] = None,
    photons: Annotated[int | None, PHOTONS] = None,
    detector: Annotated[str | None, DETECTOR] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Draw events as one page for the browser that needs no network: turn it, play it, compare it with the fit.

    All events of the file up to 100 are on the page; `lampyris serve` shows files of any length.

    Example: lampyris display events.h5 --fits fits.h5 --photons 200 -o events.html
    """
    from lampyris.data.hits_file import read_events

    output = Path(file.with_suffix(".html").name) if output is None else output
    check_output("--output", output, file, fits)
    if png is not None:
        check_output("--png", png, file, fits, output)
    events = read_events(file)
    numbers = range(min(len(events), MOST_EVENTS)) if event is None else [event]
    for number in numbers[:1]:
        events.hits(number)
    source = EventSource(events, load_detector(events, detector), fits, predict, photons)
    with progress(as_json or quiet) as bar:
        files = _write(source, numbers, output, png, bar)
    told = {"detector": source.detector.name, "events": len(numbers), "in_file": len(events), "files": files}
    lines = [" ".join(map(str, files))]
    if event is None and len(events) > MOST_EVENTS:
        lines.append(f"The first {MOST_EVENTS} of {len(events)} events; for all of them: lampyris serve {file}")
    tell(told, "\n".join(lines), as_json, quiet)


def _write(source: "EventSource", numbers, output: Path, png: Path | None, bar) -> list[Path]:
    from lampyris.display import write_display
    from lampyris.plot import save_event

    name, task = source.events.path.name, bar.add_task("drawing", total=len(numbers))

    def shown() -> Iterator["Shown"]:
        for number in numbers:
            yield source.shown(number)
            bar.advance(task)

    if png is not None:
        one = source.shown(numbers[0] if len(numbers) else 0)
        title = f"{source.detector.name}, event {one.number} of {name}"
        save_event(png, source.detector, one.hits, truth=one.truth, fit=one.fit, title=title)
    write_display(output, source.detector, shown(), title=f"{source.detector.name}, {name}")
    return [output] if png is None else [output, png]


class EventSource:
    """Events of a file with their fits, predictions and photons, one at a time."""

    def __init__(
        self,
        events: "EventFile",
        detector: "Detector",
        fits: Path | None,
        predict: bool | None,
        photons: int | None = None,
    ):
        self.events, self.detector, self.photons = events, detector, photons
        self.fits = None if fits is None else _matching_fits(fits, events)
        self.predict = self.fits is not None if predict is None else predict

    def shown(self, number: int) -> "Shown":
        """One event as the display takes it."""
        from lampyris.display import Shown, predict

        hits, truth = self.events.hits(number), self.events.truth(number)
        known = self.fits is not None and number in self.fits.event
        fit = self.fits.track(number) if self.fits is not None and known else None
        track, of = (fit, "fit") if fit is not None else (truth, "truth")
        expected = predict(self.detector, track, of) if self.predict and track is not None else None
        history, note = self._ways(number, truth)
        return Shown(number, hits, truth, fit, expected, history, note)

    def _ways(self, number: int, truth: "Track | None") -> tuple["PhotonHistory | None", str]:
        """Ways of photons of the true particle, or why there are none."""
        from lampyris._checks import LampyrisError
        from lampyris.display import photon_ways

        if self.photons is None:
            return None, ""
        if truth is None:
            return None, "no photons: the file does not tell the true particle of this event"
        try:
            return photon_ways(self.detector, truth, photons=self.photons, number=number), ""
        except LampyrisError as error:
            return None, f"no photons: {error}"


def _matching_fits(path: Path, events: "EventFile") -> "FitFile":
    """The file of fits, if it belongs to these events."""
    from lampyris._checks import LampyrisError
    from lampyris.data.fits_file import read_fits

    fits = read_fits(path)
    if fits.attributes["input_uuid"] != events.uuid:
        raise LampyrisError(f"{path} holds fits of {fits.attributes['input']}, which is not the file {events.path}.")
    return fits
