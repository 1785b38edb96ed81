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
    particle: Annotated[str | None, typer.Option(help="Name of the particle; mu- if not given.")] = None,
    energy: Annotated[float | None, typer.Option(help="Kinetic energy in MeV; 1000 if not given.")] = None,
    steps: Annotated[
        Path | None, typer.Option(help="Take the charged steps of this file instead of a particle.")
    ] = None,
    photons: Annotated[Path | None, typer.Option(help="Take the photons of this file instead of a particle.")] = None,
    lamp: Annotated[Path | None, typer.Option(help="Take the lamp of this file (YAML) instead of a particle.")] = None,
    events: Annotated[int | None, typer.Option(help="How many events; 1, or all of a file.", min=1)] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0, max=2**31 - 1)] = 1,
    position: Annotated[str | None, typer.Option(help="Vertex x,y,z in m; drawn inside if not given.")] = None,
    direction: Annotated[str | None, typer.Option(help="Unit vector x,y,z; isotropic if not given.")] = None,
    at: Annotated[float | None, typer.Option("--time", help="Time at the vertex in ns; drawn in +-15 ns.")] = None,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Simulate events of a particle, of a lamp, or of a file of steps or photons, and write their hits with the truth.

    Vertices lie at least 2 m from the wall (10 % of the size in small tanks) and tracks end inside the detector. Events
    of a file stay where it has them; --position, --direction and --time carry the origin and +z elsewhere.

    Example: lampyris simulate --detector SK --particle mu- --energy 1000 --events 100 --seed 1 -o events.h5
    """
    from lampyris.data.hits_file import write_events

    begin = time.perf_counter()
    check_output("--output", output, steps, photons, lamp)
    place = (parse_vector("--position", position), parse_vector("--direction", direction), at)
    if lamp is not None:
        _check_alone(particle, energy, steps=steps, photons=photons, lamp=lamp, position=position, direction=direction)
        chosen, events = find_detector(detector), events or 1
        sources = _flashes(lamp, events)
        words = ["--detector", detector, "--lamp", lamp.name, "--events", events]
    elif steps is None and photons is None:
        particle, energy = particle or "mu-", 1000.0 if energy is None else energy
        chosen, events = find_detector(detector), events or 1
        sources = _drawn(chosen, particle, energy, place, events, seed)
        words = ["--detector", detector, "--particle", particle, "--energy", f"{energy:g}", "--events", events]
    else:
        _check_alone(particle, energy, steps=steps, photons=photons)
        chosen = find_detector(detector)
        sources, events = _from_file(steps, photons, place, events)
        given = ["--steps", steps.name] if steps is not None else ["--photons", photons and photons.name]
        words = ["--detector", detector, *given, "--events", events]
    told: dict = {"hits": 0, "charge": 0.0, "emitted": 0.0}
    for option, value in (("--position", position), ("--direction", direction), ("--time", at)):
        words += [option, value] if value is not None else []
    line = command_line("simulate", *words, "--seed", seed)
    with progress(as_json or quiet) as bar:
        made = _simulate(chosen, sources, events, seed, bar, told)
        write_events(output, chosen, made, command=line, seed=seed)
    seconds = time.perf_counter() - begin
    told = {"hits_per_event": told["hits"] / events, "charge_per_event": told["charge"] / events} | {
        "photons_per_event": told["emitted"] / events,
        "seconds": seconds,
    }
    made = {"file": output, "detector": chosen.name, "particle": particle, "energy": energy, "events": events}
    named = (("steps", steps), ("photons", photons), ("lamp", lamp))
    made |= {name: file for name, file in named if file is not None}
    told = made | {"seed": seed} | told
    hits, charge = told["hits_per_event"], told["charge_per_event"]
    text = f"{events} events, on average {hits:.0f} hits and {charge:.0f} pe, in {seconds:.1f} s: {output}"
    tell(told, text, as_json, quiet)


def _drawn(detector, particle: str, energy: float, place, events: int, seed: int):
    """Tracks drawn at random; each is its own truth."""
    from lampyris.cli._draw import Wanted, draw_tracks

    wanted = Wanted(particle, energy, *place)
    wanted.check()
    return [(track, track) for track in draw_tracks(detector, wanted, events, seed)]


def _flashes(lamp: Path, events: int):
    """A lamp, as often as it flashes; no particle is the truth of it."""
    from lampyris.catalog.detector_file import read_yaml
    from lampyris.data.lamps import make_lamp

    return [(make_lamp(read_yaml(lamp), str(lamp)), None)] * events


def _check_alone(particle, energy, **files) -> None:
    """Raise `LampyrisError` if more than one thing says what shines, or where."""
    from lampyris._checks import LampyrisError

    said = {**files, "particle": particle, "energy": energy}
    given = [f"--{name}" for name, value in said.items() if value is not None]
    if len(given) > 1:
        raise LampyrisError(f"`{given[0]}` must be given alone, but is given with {', '.join(given[1:])}.")


def _from_file(steps, photons, place, events: int | None):
    """The light of the first events of a file, and their number."""
    from lampyris._checks import fail
    from lampyris.cli._given import ALONG_Z, ORIGIN, Given

    position, direction, at = place
    path, kind = (photons, "photons") if steps is None else (steps, "steps")
    given = Given(path, kind, position or ORIGIN, direction or ALONG_Z, 0.0 if at is None else at)
    given.check()
    file = given.open()
    count = len(file) if events is None else events
    if not 0 < count <= len(file):
        fail("--events", f"between 1 and {len(file)}, the events of {path}", count)
    return given.sources(file, count), count


def _simulate(detector, sources, events, seed, bar, told):
    """Yield hits and truth of every event, moving the bar and adding up what there was."""
    import jax
    import numpy as np

    from lampyris.simulate import simulate_event

    key, task = jax.random.key(seed), bar.add_task("simulating", total=events)
    for number, (source, truth) in enumerate(sources):
        event = simulate_event(detector, source, key=jax.random.fold_in(key, number))
        told["hits"] += int(np.asarray(event.hits.hit).sum())
        told["charge"] += float(np.asarray(event.hits.charge).sum())
        told["emitted"] += event.balance.emitted
        yield event.hits, truth
        bar.advance(task)
