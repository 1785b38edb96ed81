"""`lampyris particles`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from lampyris.cli._common import AS_JSON, QUIET, check_output, command_line, guarded, progress, tell

ENGINES = ("built-in", "geant4")
TOGETHER = 20
"""Events that are in memory at a time."""


@guarded
def write_particles(
    particle: Annotated[
        str, typer.Argument(help="Name of the particle: mu-, e-, gamma, pi+ and so on; for geant4 also a PDG code.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table of steps to write (HDF5, or .npz).")],
    energy: Annotated[float, typer.Option(help="Kinetic energy in MeV.")] = 1000.0,
    events: Annotated[int, typer.Option(help="How many events.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0, max=2**31 - 1)] = 1,
    decay: Annotated[bool, typer.Option(help="Let muons decay.")] = False,
    engine: Annotated[str, typer.Option(help="Who makes the steps: built-in, or geant4 with your Geant4 data.")] = (
        "built-in"
    ),
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Write the charged steps of particles in water, made at the origin along +z at time 0.

    Example: lampyris particles mu- --energy 1000 --events 10 -o steps.h5 && lampyris simulate --steps steps.h5 -o events.h5
    """
    from lampyris._checks import fail_unknown
    from lampyris.data.particle_writer import write_steps

    begin = time.perf_counter()
    check_output("--output", output)
    if engine not in ENGINES:
        fail_unknown("engine", engine, ENGINES)
    words = ["--energy", f"{energy:g}", "--events", events, "--engine", engine, "--decay" if decay else None]
    line = command_line("particles", particle, *words, "--seed", seed)
    code, make = _maker(engine, particle, energy, decay)
    with progress(as_json or quiet) as bar:
        task = bar.add_task("particles", total=events)
        rows = _events(make, code, energy, events, seed, lambda: bar.advance(task))
        steps = write_steps(output, rows, command=line, seed=seed)
    seconds = time.perf_counter() - begin
    told = {"file": output, "particle": particle, "energy": energy, "events": events, "seed": seed, "engine": engine}
    told |= {"steps_per_event": steps / events, "seconds": seconds}
    text = f"{events} events, on average {steps / events:.0f} charged steps, in {seconds:.1f} s: {output}"
    tell(told, text, as_json, quiet)


def _maker(engine: str, particle: str, energy: float, decay: bool):
    """The name of the particle in the file and a function from keys to steps; bad input is found here."""
    if engine == "geant4":
        from lampyris.data.records import PARTICLES
        from lampyris.particle.geant4 import Geant4

        geant4 = Geant4(decay=decay)
        code = int(particle) if particle.lstrip("+-").isdigit() else particle
        geant4.check(code, energy, "--energy")
        name = PARTICLES.get(code, ("", 0.0))[0] if isinstance(code, int) else code
        return name, lambda keys: geant4.simulate_many(code, [energy] * len(keys), keys)
    from lampyris.particle import check_particle, simulate_particle

    check_particle(particle, energy, "--energy")
    return particle, lambda keys: [simulate_particle(particle, energy, key=key, decay=decay) for key in keys]


def _events(make, name: str, energy: float, count: int, seed: int, advance):
    """Yield the events, made some at a time."""
    import jax

    key = jax.random.key(seed)
    for start in range(0, count, TOGETHER):
        keys = [jax.random.fold_in(key, number) for number in range(start, min(start + TOGETHER, count))]
        for steps in make(keys):
            yield name, energy, steps
            advance()
