"""`lampyris simulate`."""

import time
from pathlib import Path
from typing import Annotated

import typer

from lampyris.cli._common import (
    AS_JSON,
    QUIET,
    check_output,
    command_line,
    find_detector,
    guarded,
    parse_vector,
    progress,
    tell,
)


@guarded
def simulate_file(
    output: Annotated[Path, typer.Option("--output", "-o", help="File of events to write (HDF5).")],
    detector: Annotated[str, typer.Option(help="Detector of the catalog, or a table of sensors (.csv, .npz).")] = "SK",
    particle: Annotated[str, typer.Option(help="Name of the particle.")] = "mu-",
    energy: Annotated[float, typer.Option(help="Kinetic energy in MeV.")] = 1000.0,
    events: Annotated[int, typer.Option(help="How many events.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0, max=2**31 - 1)] = 1,
    position: Annotated[str | None, typer.Option(help="Vertex x,y,z in m; drawn inside if not given.")] = None,
    direction: Annotated[str | None, typer.Option(help="Unit vector x,y,z; isotropic if not given.")] = None,
    at: Annotated[float | None, typer.Option("--time", help="Time at the vertex in ns; drawn in +-15 ns.")] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Simulate events of one kind of particle and write their hits with the truth.

    Vertices lie at least 2 m from the wall (10 % of the size in small tanks) and tracks end inside the detector.

    Example: lampyris simulate --detector SK --particle mu- --energy 1000 --events 100 --seed 1 -o events.h5
    """
    from lampyris.cli._draw import Wanted, draw_tracks
    from lampyris.data.hits_file import write_events

    begin = time.perf_counter()
    check_output("--output", output)
    wanted = Wanted(particle, energy, parse_vector("--position", position), parse_vector("--direction", direction), at)
    wanted.check()
    chosen = find_detector(detector)
    tracks = draw_tracks(chosen, wanted, events, seed)
    told: dict = {"hits": 0, "charge": 0.0, "emitted": 0.0}
    words = ["--detector", detector, "--particle", particle, "--energy", f"{energy:g}", "--events", events]
    for option, value in (("--position", position), ("--direction", direction), ("--time", at)):
        words += [option, value] if value is not None else []
    line = command_line("simulate", *words, "--seed", seed)
    with progress(as_json or quiet) as bar:
        made = _simulate(chosen, tracks, seed, bar, told)
        write_events(output, chosen, made, command=line, seed=seed)
    seconds = time.perf_counter() - begin
    told = {"hits_per_event": told["hits"] / events, "charge_per_event": told["charge"] / events} | {
        "photons_per_event": told["emitted"] / events,
        "seconds": seconds,
    }
    made = {"file": output, "detector": chosen.name, "particle": particle, "energy": energy, "events": events}
    told = made | {"seed": seed} | told
    hits, charge = told["hits_per_event"], told["charge_per_event"]
    text = f"{events} events, on average {hits:.0f} hits and {charge:.0f} pe, in {seconds:.1f} s: {output}"
    tell(told, text, as_json, quiet)


def _simulate(detector, tracks, seed, bar, told):
    """Yield hits and truth of every track, moving the bar and adding up what there was."""
    import jax
    import numpy as np

    from lampyris.simulate import simulate_event

    key, task = jax.random.key(seed), bar.add_task("simulating", total=len(tracks))
    for number, track in enumerate(tracks):
        event = simulate_event(detector, track, key=jax.random.fold_in(key, number))
        told["hits"] += int(np.asarray(event.hits.hit).sum())
        told["charge"] += float(np.asarray(event.hits.charge).sum())
        told["emitted"] += event.balance.emitted
        yield event.hits, track
        bar.advance(task)
