"""What all commands share: one line for bad input, one JSON object, progress on standard error."""

import functools
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from lampyris.cli._log import LOGGER, log_result

AS_JSON = typer.Option("--json", help="Print one JSON object on standard output and nothing else.")
QUIET = typer.Option("--quiet", "-q", help="Print nothing but errors.")
DETECTOR = typer.Option(
    help="Detector of the catalog, table of sensors or detector file; by default the one that the file names."
)


def guarded(command: Callable) -> Callable:
    """End bad input with one line on standard error and the exit code 2."""

    @functools.wraps(command)
    def run(*arguments, **options):
        try:
            return command(*arguments, **options)
        except (ValueError, OSError) as error:
            from lampyris._checks import LampyrisError

            if not isinstance(error, LampyrisError | OSError):
                raise
            message = " ".join(str(error).split())
            typer.echo(f"error: {message}", err=True)
            LOGGER.error("%s", message)
            raise typer.Exit(2) from None

    return run


def print_json(told: dict) -> None:
    """Print one JSON object; numbers that are not finite become null."""
    typer.echo(json.dumps(_plain(told), indent=2, allow_nan=False))


def tell(told: dict, text: str, as_json: bool, quiet: bool) -> None:
    """Print the result: as JSON, as text, or not at all; the log gets it in any case."""
    log_result(told)
    if as_json:
        print_json(told)
    elif not quiet:
        console().print(text, soft_wrap=True, markup=False)


def console() -> Console:
    """The console for people: standard output."""
    return Console(highlight=False)


def progress(as_json: bool) -> Progress:
    """A bar on standard error that vanishes at the end; silent with --json and when nobody watches."""
    watched = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=watched, transient=True, disable=as_json or not watched.is_terminal)


def check_output(option: str, path: Path, *others: Path | None) -> None:
    """Raise `LampyrisError` before long work if its result could not be written, or would replace one of the others."""
    from lampyris._checks import LampyrisError

    if path.exists() and not path.is_file():
        raise LampyrisError(
            f"`{option}` must be a file, but {path} is {'a directory' if path.is_dir() else 'not one'}."
        )
    if not path.parent.is_dir():
        found = "a file" if path.parent.exists() else "not there"
        raise LampyrisError(f"`{option}` must lie in a directory that exists, but {path.parent} is {found}.")
    if any(other is not None and path.resolve() == other.resolve() for other in others):
        raise LampyrisError(f"`{option}` must be a file of its own, but {path} is given twice.")
    check_writable(option, path.parent)


def check_writable(option: str, directory: Path) -> None:
    """Raise `LampyrisError` if no file can be made in a directory."""
    from lampyris._checks import LampyrisError

    try:
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LampyrisError(f"`{option}` must be where files can be made, but {directory} says: {reason}.") from None


def parse_vector(option: str, text: str | None) -> tuple[float, float, float] | None:
    """Three numbers written as x,y,z."""
    from lampyris._checks import fail

    if text is None:
        return None
    try:
        x, y, z = (float(word) for word in text.split(","))
    except ValueError:
        fail(option, "three numbers x,y,z", text)
    if not all(map(math.isfinite, (x, y, z))):
        fail(option, "three finite numbers x,y,z", text)
    return x, y, z


def find_detector(name: str):
    """A detector of the catalog, of a table of sensors (.csv, .npz), or of a detector file (.yaml)."""
    from lampyris import catalog
    from lampyris.data.geometry import SUFFIXES

    if Path(name).suffix.lower() in (".yaml", ".yml"):
        return catalog.from_file(name)
    return catalog.from_table(name) if Path(name).suffix.lower() in SUFFIXES else catalog.load(name)


def load_detector(events, name: str | None = None):
    """The detector that a file of events names, or the one that is named instead, if it has as many channels."""
    from lampyris._checks import LampyrisError

    detector = find_detector(_named(events) if name is None else name)
    if detector.sensors.count != events.channels:
        raise LampyrisError(
            f"{events.path} was made with {events.channels} channels, but {detector.name} has {detector.sensors.count}."
        )
    return detector


def _named(events) -> str:
    """The detector that a file of events names, if the catalog has it."""
    from lampyris import catalog
    from lampyris._checks import LampyrisError

    if events.detector_name.lower() not in {name.lower() for name in catalog.names()}:
        raise LampyrisError(
            f"{events.path} names the detector {events.detector_name!r}, which is not in the catalog; "
            "give its table of sensors with --detector."
        )
    return events.detector_name


def command_line(*words) -> str:
    """The command as a person would type it, for the provenance of files."""
    return " ".join(["lampyris", *(str(word) for word in words if word is not None)])


def _plain(value):
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Path):
        return str(value)
    number = float(value)
    return number if math.isfinite(number) else None
