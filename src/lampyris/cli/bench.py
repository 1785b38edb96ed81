"""`lampyris bench`."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lampyris.cli._common import AS_JSON, QUIET, check_writable, console, guarded, print_json

FOLDER = typer.Option(help="Folder of the benchmark scripts, `benchmarks` of a checkout.")
DRAW = typer.Option(help="Folder for a picture (PNG) of each benchmark: its figures as bars, group by group.")
LARGEST_RESULT = 64 * 2**20


@guarded
def run_benchmarks(
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run; all if none is named.")] = None,
    folder: Annotated[Path, FOLDER] = Path("benchmarks"),
    show: Annotated[bool, typer.Option("--show", help="Run nothing, show the figures of earlier runs.")] = False,
    draw: Annotated[Path | None, DRAW] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Run the measurements that the documentation quotes, one after the other, and show and draw their figures.

    Each writes results/NAME.json beside it. They take minutes to hours; each has options of its own, seen with
    `python benchmarks/NAME.py --help`.

    Example: lampyris bench first_light --draw figures
    """
    from lampyris._checks import LampyrisError, fail_unknown

    scripts = {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}
    if not scripts:
        raise LampyrisError(
            f"`--folder` must hold benchmark scripts, but {folder} has none; they come with a checkout."
        )
    for name in names or ():
        if name not in scripts:
            fail_unknown("benchmark", name, scripts)
    if draw is not None:
        draw.mkdir(exist_ok=True)
        check_writable("--draw", draw)
    told: dict[str, dict] = {}
    for name in names or scripts:
        seconds = None if show else _run(scripts[name], quiet or as_json)
        told[name] = {"seconds": seconds, "figures": _figures(folder / "results" / f"{name}.json")}
        if draw is not None and told[name]["figures"]:
            told[name]["picture"] = _draw(name, told[name]["figures"], draw)
    if as_json:
        print_json(told)
    elif not quiet:
        _show(told)


def _run(script: Path, silent: bool) -> float:
    """Run one script with this interpreter; its output goes to standard error."""
    from lampyris._checks import LampyrisError

    begin = time.perf_counter()
    output = subprocess.DEVNULL if silent else sys.stderr
    ended = subprocess.run([sys.executable, str(script)], stdout=output, check=False)
    if ended.returncode != 0:
        raise LampyrisError(f"The benchmark {script} ended with the exit code {ended.returncode}.")
    return time.perf_counter() - begin


def _figures(path: Path) -> dict:
    """The figures of a result as one level of names; empty if there is none."""
    from lampyris._checks import LampyrisError

    if not path.exists():
        return {}
    try:
        if path.stat().st_size > LARGEST_RESULT:
            raise ValueError("it is too large")
        return dict(_flat(json.loads(path.read_text())["figures"], ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LampyrisError(f"{path} is not a benchmark result: {error}.") from error


def _flat(figures: dict, prefix: str):
    """Pairs of dotted name and number; lists of single events are left out."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, int | float | str):
            yield f"{prefix}{name}", value


def _draw(name: str, figures: dict, folder: Path) -> Path | None:
    """The picture of one benchmark; none where it has no groups of numbers."""
    from lampyris.plot.figures import save_figures

    path = folder / f"{name}.png"
    return path if save_figures(path, name, figures) else None


def _show(told: dict) -> None:
    table = Table("benchmark", "figure", "value", title="Figures")
    for name, result in told.items():
        rows = result["figures"] or {"no result yet": ""}
        for number, (figure, value) in enumerate(rows.items()):
            table.add_row("" if number else name, figure, f"{value:.4g}" if isinstance(value, float) else str(value))
    out = console()
    out.print(table)
    for result in told.values():
        if result.get("picture"):
            out.print(str(result["picture"]), soft_wrap=True, markup=False)
