"""The commands of `lampyris`. Heavy modules are imported inside the commands, so that help comes at once."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from lampyris.cli._common import guarded
from lampyris.cli._log import LOGGER, log_end, open_log
from lampyris.cli.bench import run_benchmarks
from lampyris.cli.calibrate import calibrate_file
from lampyris.cli.convert import convert_file
from lampyris.cli.demo import run_demo
from lampyris.cli.detectors import list_detectors
from lampyris.cli.display import show_event
from lampyris.cli.identify import identify_events
from lampyris.cli.info import tell_file
from lampyris.cli.particles import write_particles
from lampyris.cli.plan import plan_file
from lampyris.cli.reconstruct import reconstruct_file
from lampyris.cli.report import report_fits
from lampyris.cli.rings import fit_rings
from lampyris.cli.serve import serve_file
from lampyris.cli.simulate import simulate_file
from lampyris.cli.train import train_profile

app = typer.Typer(
    name="lampyris",
    help="Simulate optical particle detectors and find the particle behind an event. Begin with: lampyris demo",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _function in (
    ("demo", run_demo),
    ("detectors", list_detectors),
    ("info", tell_file),
    ("particles", write_particles),
    ("simulate", simulate_file),
    ("reconstruct", reconstruct_file),
    ("rings", fit_rings),
    ("identify", identify_events),
    ("report", report_fits),
    ("calibrate", calibrate_file),
    ("plan", plan_file),
    ("display", show_event),
    ("serve", serve_file),
    ("convert", convert_file),
    ("train", train_profile),
    ("bench", run_benchmarks),
):
    app.command(_name)(_function)


def _version(wanted: bool) -> None:
    if wanted:
        from lampyris import __version__

        typer.echo(f"lampyris {__version__}")
        raise typer.Exit


@app.callback()
@guarded
def common(
    log: Annotated[
        Path | None, typer.Option(help="File to which begin, result, warnings, errors and end are added.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    if log is not None:
        open_log(log, sys.argv[1:])


def main() -> None:
    """Run the command line and write down in the log, if there is one, how it ended."""
    begin, code = time.perf_counter(), 1
    try:
        code = _run()
    except BaseException as error:
        LOGGER.error("%s: %s", type(error).__name__, error)
        raise
    finally:
        log_end(code, time.perf_counter() - begin)
    sys.exit(code)


def _run() -> int:
    """Run the command line; a wrong option ends, as all bad input, in one line and the exit code 2."""
    try:
        return int(app(args=sys.argv[1:] or ["--help"], standalone_mode=False) or 0)
    except Exception as error:
        tell = getattr(error, "format_message", None)  # errors of the command line, wherever typer keeps their class
        if tell is None:
            if type(error).__name__ == "Abort":
                return 130
            raise
        message = tell().strip()
        if message:
            print(f"error: {' '.join(message.split())}", file=sys.stderr)
            LOGGER.error("%s", message)
        return int(getattr(error, "exit_code", 2))


__all__ = ["app", "main"]
