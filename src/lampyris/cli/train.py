"""`lampyris train`."""

import math
import time
from pathlib import Path
from typing import Annotated

import typer

from lampyris.cli._common import AS_JSON, QUIET, check_output, command_line, find_detector, guarded, progress, tell

DEFAULTS = {"energies": 32, "steps": 6000, "seed": 1}


@guarded
def train_profile(
    particle: Annotated[str, typer.Argument(help="Name of the particle.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File of the profile to write.")],
    detector: Annotated[str, typer.Option(help="Detector of the catalog, or table of sensors: its medium.")] = "SK",
    low: Annotated[float | None, typer.Option(help="Lowest kinetic energy in MeV; 100, for e-, e+, gamma 10.")] = None,
    high: Annotated[float, typer.Option(help="Highest kinetic energy in MeV.")] = 3000.0,
    energies: Annotated[int, typer.Option(help="How many energies.")] = DEFAULTS["energies"],
    events: Annotated[int | None, typer.Option(help="Particles at 1 GeV, more below; 300, for pions 1200.")] = None,
    steps: Annotated[int, typer.Option(help="Steps of the training.")] = DEFAULTS["steps"],
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = DEFAULTS["seed"],
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Learn the mean light of a particle's track from many particles of the built-in engine.

    A run that was stopped goes on where it was and gives the same file: its state waits in the output's name with .part.

    Example: lampyris train mu- -o mu.profile
    """
    from lampyris.emission import write_profile
    from lampyris.emission.training import Recipe, Training

    begin = time.perf_counter()
    check_output("--output", output)
    recipe = Recipe.of(particle, low, high, events, energies=energies, steps=steps, seed=seed)
    training = Training(recipe, find_detector(detector).medium, output.with_name(output.name + ".part"))
    words = [particle]
    for option, value, usual in (("--detector", detector, "SK"), ("--low", low, None), ("--high", high, 3000.0)):
        words += [option, f"{value:g}" if isinstance(value, float) else value] if value != usual else []
    words += ["--energies", recipe.energies, "--events", recipe.events, "--steps", steps, "--seed", seed]
    line = command_line("train", *words)
    told: dict = {"loss": math.nan}
    with progress(as_json or quiet) as bar:
        task = bar.add_task("looking ahead", total=1)

        def show(stage: str, done: int, total: int, loss: float) -> None:
            text = stage if math.isnan(loss) else f"{stage}, loss {loss:.5f}"
            bar.update(task, description=text, completed=done, total=total)
            told["loss"] = loss

        profile = training.run(show, line)
    write_profile(output, profile)
    training.part.unlink(missing_ok=True)
    seconds = time.perf_counter() - begin
    told = {"file": output, "particle": particle, "command": line} | told
    told |= {"bytes": output.stat().st_size, "seconds": seconds}
    text = f"{particle}, {recipe.low:g} to {high:g} MeV, loss {told['loss']:.5f}, in {seconds:.0f} s: {output}"
    tell(told, text, as_json, quiet)
