"""`lampyris convert`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lampyris.cli._common import (
    AS_JSON,
    QUIET,
    check_output,
    command_line,
    find_detector,
    guarded,
    load_detector,
    progress,
    tell,
)

if TYPE_CHECKING:
    from lampyris.data.records import EventRecords, Truth
    from lampyris.detector import Detector
    from lampyris.response import Hits

TARGETS = {
    "events": "own events (.h5)",
    "watchmal": "WatChMaL HDF5 (.h5)",
    "graphnet": "GraphNeT tables (a folder of parquet files)",
    "prometheus": "Prometheus parquet (.parquet)",
    "sensors": "table of sensors (.csv)",
}
TO = typer.Option("--to", help=f"Format to write: {', '.join(TARGETS)}; guessed from the output's name if not given.")
DETECTOR = typer.Option(help="Detector of the hits, from the catalog or a table; own events name theirs.")


@dataclass(frozen=True)
class Change:
    """What is done to events on their way."""

    axis: str | None
    shift: float


@guarded
def convert_file(
    file: Annotated[Path, typer.Argument(help="File to read: own events, WatChMaL, WCSim, or a table of sensors.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File (for GraphNeT a folder) to write.")],
    to: Annotated[str | None, TO] = None,
    detector: Annotated[str | None, DETECTOR] = None,
    axis: Annotated[str | None, typer.Option(help="Axis of the tank in WatChMaL files, y or z.")] = None,
    shift: Annotated[float, typer.Option(help="Time [ns] added to every hit and vertex.")] = 0.0,
    as_json: Annotated[bool, AS_JSON] = False,
    quiet: Annotated[bool, QUIET] = False,
) -> None:
    """Turn a file of one format into another: units, axes and channel numbers are converted on the way.

    The tubes of a WCSim file become a table of sensors with an output that ends in .csv.

    Example: lampyris convert wcsim.root -o sensors.csv && lampyris convert wcsim.root --detector sensors.csv -o events.h5
    """
    import math

    from lampyris._checks import LampyrisError, fail, fail_unknown
    from lampyris.data.recognise import recognise

    check_output("--output", output)
    kind = recognise(file)
    target = _guess(kind, output) if to is None else to
    if target not in TARGETS:
        fail_unknown("format", target, TARGETS)
    if not math.isfinite(shift):
        fail("--shift", "finite", shift, "ns")
    if target == "sensors":
        told = _convert_sensors(file, kind, output)
    elif kind in ("events", "watchmal", "wcsim"):
        with progress(as_json or quiet) as bar:
            told = _convert_events(file, kind, output, target, detector, Change(axis, shift), bar)
    else:
        raise LampyrisError(f"{file} holds no events that could be converted; it is a {kind} file.")
    tell(told, f"{told['count']} {told['what']} of {file}, as {TARGETS[target]}: {output}", as_json, quiet)


def _guess(kind: str, output: Path) -> str:
    """The format that the name of the output asks for."""
    by_suffix = {".csv": "sensors", ".parquet": "prometheus", "": "graphnet"}
    return by_suffix.get(output.suffix.lower(), "watchmal" if kind == "events" else "events")


def _convert_sensors(file: Path, kind: str, output: Path) -> dict:
    from lampyris._checks import LampyrisError
    from lampyris.data.geometry import read_sensor_table, write_sensor_table
    from lampyris.data.wcsim import read_wcsim_geometry

    if kind not in ("wcsim", "sensors"):
        raise LampyrisError(f"{file} holds no sensors; a table can be made from WCSim files and other tables.")
    table = read_wcsim_geometry(file) if kind == "wcsim" else read_sensor_table(file)
    write_sensor_table(output, table)
    return {"file": str(output), "format": "sensors", "what": "sensors", "count": len(table)}


def _convert_events(file, kind: str, output: Path, target: str, detector: str | None, change: Change, bar) -> dict:
    from lampyris.data.hits_file import write_events
    from lampyris.data.parquet import write_graphnet, write_prometheus
    from lampyris.data.watchmal import write_watchmal

    events, made = _open(file, kind, detector, change.axis, needed=target != "watchmal")
    task = bar.add_task("converting", total=None)
    told = {"file": str(output), "format": target, "what": "events", "count": 0}

    def records() -> "Iterator[tuple[Hits, Truth | None]]":
        for hits, truth in events.records():
            yield _shifted(hits, truth, change.shift)
            told["count"] += 1
            bar.advance(task)

    line = command_line("convert", file.name, "--to", target, "--shift", f"{change.shift:g}")
    if target == "watchmal":
        write_watchmal(output, records(), axis=change.axis or "y")
    elif target == "events":
        write_events(output, made, records(), command=line)
    else:
        {"graphnet": write_graphnet, "prometheus": write_prometheus}[target](output, made, records())
    return told


def _open(file, kind: str, name: str | None, axis: str | None, needed: bool) -> "tuple[EventRecords, Detector]":
    """The events of a file, and their detector where it is needed."""
    from lampyris._checks import LampyrisError
    from lampyris.data.hits_file import read_events
    from lampyris.data.watchmal import read_watchmal
    from lampyris.data.wcsim import read_wcsim

    if kind == "events":
        own = read_events(file)
        return own, load_detector(own, name) if needed else None  # pyright: ignore[reportReturnType]
    if name is None:
        if not needed:
            return (read_watchmal(file, axis=axis) if kind == "watchmal" else read_wcsim(file)), None  # pyright: ignore[reportReturnType]
        raise LampyrisError(f"{file} does not name its detector; say which it is with --detector.")
    made = find_detector(name)
    events = read_watchmal(file, made.sensors.count, axis) if kind == "watchmal" else read_wcsim(file)
    if events.channels != made.sensors.count:
        raise LampyrisError(f"{file} has {events.channels} channels, but {made.name} has {made.sensors.count}.")
    return events, made


def _shifted(hits: "Hits", truth: "Truth | None", shift: float) -> "tuple[Hits, Truth | None]":
    import numpy as np

    if not shift:
        return hits, truth
    time = np.where(hits.hit, np.asarray(hits.time) + np.float32(shift), 0.0).astype(np.float32)
    return hits._replace(time=time), None if truth is None else truth._replace(time=truth.time + shift)
