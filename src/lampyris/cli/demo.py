"""`lampyris demo`."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from lampyris.cli._common import (
    AS_JSON,
    QUIET,
    check_output,
    check_writable,
    command_line,
    console,
    guarded,
    print_json,
    progress,
)
from lampyris.cli._log import log_result

OUTPUT = typer.Option("--output", "-o", help="Directory for the page, the picture and the data.")
FILES = {"display": "event.html", "picture": "event.png", "events": "events.h5", "fits": "fits.h5"}
UNITS = ("MeV", "m", "m", "m", "rad", "rad", "ns")


@guarded
def run_demo(
    output: Annotated[Path, OUTPUT] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of vertex, direction, time and light.", min=0, max=2**31 - 1)] = 1,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Simulate one Geant4 muon in Super-Kamiokande, reconstruct it, and draw it.

    Example: lampyris demo --seed 2 --output demo
    """
    _check_directory(output)
    with progress(as_json or quiet) as bar:
        told, sentence = _demo(output, seed, _Stages(bar))
    log_result(told)
    if as_json:
        print_json(told)
    elif not quiet:
        _show(told, sentence)


def _check_directory(output: Path) -> None:
    """Raise `LampyrisError` if the directory is none, or neither it nor its files could be made."""
    from lampyris._checks import LampyrisError

    there = next(place for place in (output, *output.absolute().parents) if place.exists())
    if not there.is_dir():
        raise LampyrisError(f"`--output` must be a directory, but {there} is a file.")
    check_writable("--output", there)
    if there is output:
        for file in FILES.values():
            check_output("--output", output / file)


class _Stages:
    """Seconds of each stage, and the bar that names it."""

    def __init__(self, bar):
        self.bar, self.start = bar, time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.task = bar.add_task("loading", total=4)

    def end(self, name: str, following: str = "") -> None:
        self.seconds[name] = time.perf_counter() - self.start - sum(self.seconds.values())
        self.bar.update(self.task, advance=1, description=following)

    def total(self) -> dict[str, float]:
        return self.seconds | {"total": sum(self.seconds.values())}


def _demo(output: Path, seed: int, stages: _Stages) -> tuple[dict, str]:
    """All four stages; what they found, as plain numbers, and the sentence of the fit."""
    import jax

    from lampyris import catalog
    from lampyris.cli._draw import Wanted, draw_tracks
    from lampyris.data.events import demo_muon
    from lampyris.fit import reconstruct
    from lampyris.simulate import simulate_event
    from lampyris.source import StepLight

    energy, steps = demo_muon()
    detector = catalog.load("SK")
    truth = draw_tracks(detector, Wanted("mu-", energy), 1, seed)[0]
    stages.end("load", "simulating")
    light = StepLight(steps, truth.position, truth.direction, truth.time)
    event = simulate_event(detector, light, key=jax.random.key(seed))
    stages.end("simulate", "reconstructing")
    fit = reconstruct(detector, event.hits, particle="mu-")
    stages.end("reconstruct", "drawing")
    files = _write(output, detector, event.hits, truth, fit, seed)
    stages.end("display")
    return _tell(truth, fit) | _tell_light(event) | {"seconds": stages.total(), "files": files}, fit.sentence


def _write(output: Path, detector, hits, truth, fit, seed: int) -> dict[str, str]:
    """The page, the picture, the event and its fit; where they are."""
    from lampyris.data.fits_file import FitRow, FitsWriter
    from lampyris.data.hits_file import read_events, write_events
    from lampyris.display import write_page
    from lampyris.plot import save_event

    output.mkdir(parents=True, exist_ok=True)
    files = {name: output / file for name, file in FILES.items()}
    line = command_line("demo", "--seed", seed)
    write_events(files["events"], detector, [(hits, truth)], command=line, seed=seed)
    writer = FitsWriter(files["fits"], read_events(files["events"]), "mu-", command=line)
    writer.append(FitRow.of(0, fit, truth))
    writer.finish()
    title = f"One muon in {detector.name}"
    write_page(files["display"], detector, hits, truth=truth, fit=fit.value, title=title)
    save_event(files["picture"], detector, hits, truth=truth, fit=fit.value, title=title)
    return {name: str(file) for name, file in files.items()}


def _tell(truth, fit) -> dict:
    """Truth, fit, error and pull by parameter, and how far apart truth and fit are."""
    import numpy as np

    from lampyris.fit.parameters import NAMES, values

    away = np.linalg.norm(np.asarray(fit.value.position, float) - np.asarray(truth.position, float))
    cross = np.linalg.norm(np.cross(np.asarray(fit.value.direction, float), np.asarray(truth.direction, float)))
    along = np.dot(np.asarray(fit.value.direction, float), np.asarray(truth.direction, float))
    return {
        "truth": dict(zip(NAMES, values(truth).tolist(), strict=True)),
        "fit": fit.values(),
        "error": fit.errors(),
        "pull": fit.pulls(truth),
        "vertex_error_cm": 100.0 * float(away),
        "direction_error_deg": float(np.degrees(np.arctan2(cross, along))),
        "result": fit.result,
    }


def _tell_light(event) -> dict:
    """Photons, photoelectrons, and where the traced light went, as shares of it."""
    balance = event.balance
    traced = max(balance.traced, 1.0)
    shares = {name: getattr(balance, name) / traced for name in ("at_sensors", "in_medium", "in_wall", "cut_off")}
    return {
        "photons": {"emitted": balance.emitted, "traced": balance.traced},
        "photoelectrons": event.record.photoelectrons,
        "energy_balance": shares | {"error": balance.error()},
    }


def _show(told: dict, sentence: str) -> None:
    """The table for people, the sentence of the fit, and where the files are."""
    table = Table(title="One Geant4 muon in Super-Kamiokande", title_justify="left")
    table.add_column("parameter")
    for name in ("truth", "fit", "error", "pull"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    for name, unit in zip(told["truth"], UNITS, strict=True):
        numbers = [f"{told[column][name]:.4g}" for column in ("truth", "fit", "error")]
        table.add_row(name, *numbers, f"{told['pull'][name]:+.2f}", unit)
    out = console()
    out.print(table)
    out.print(
        f"{sentence} Vertex {told['vertex_error_cm']:.1f} cm and direction {told['direction_error_deg']:.2f} deg "
        "from the truth."
    )
    photons, seconds = told["photons"], told["seconds"]
    made, traced, seen = photons["emitted"], photons["traced"], told["photoelectrons"]
    out.print(f"{made:.0f} photons made, {traced:.0f} traced, {seen} photoelectrons.")
    out.print(", ".join(f"{stage} {duration:.1f} s" for stage, duration in seconds.items()))
    for name, file in told["files"].items():
        out.print(f"{name:<8} {file}", soft_wrap=True, markup=False)
