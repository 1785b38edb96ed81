"""The data that a configuration of a calibration names: runs with lamps, and events of particles."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data.fits_file import read_fits
from lampyris.data.hits_file import EventFile, read_events
from lampyris.data.lamps import check_known, make_lamp, number
from lampyris.fit import Run, Tracks
from lampyris.response import Hits


def read_runs(path: Path, content: Any) -> list[Run]:
    """Runs with lamps, at least one."""
    if not isinstance(content, list) or not content:
        raise LampyrisError(f"{path}: runs must be a list of at least one run.")
    return [_run(path, index, run) for index, run in enumerate(content)]


def _run(path: Path, index: int, content: Any) -> Run:
    """A run: a lamp and the events of a file, all of them or one."""
    where = f"{path}: runs[{index}]"
    _check(content, where, ("lamp", "events"), ("event", "saturation"))
    lamp = make_lamp(content["lamp"], f"{where}.lamp")
    file = read_events(path.parent / str(content["events"]))
    event = content.get("event")
    if event is not None and (not isinstance(event, int) or isinstance(event, bool)):
        raise LampyrisError(f"{where}: event must be a whole number, but is {event!r}.")
    saturation = number(content["saturation"], f"{where}: saturation") if "saturation" in content else np.inf
    return Run(lamp, _hits(file, range(len(file)) if event is None else [event], where), saturation)


def read_tracks(path: Path, content: Any) -> Tracks:
    """Events of particles whose tracks are fitted; from the tracks of a file of fits, where one is named."""
    where = f"{path}: tracks"
    _check(content, where, ("particle", "events"), ("fits",))
    particle, file = str(content["particle"]), read_events(path.parent / str(content["events"]))
    if "fits" not in content:
        return Tracks(particle, _hits(file, range(len(file)), where))
    fits = read_fits(path.parent / str(content["fits"]))
    if fits.attributes["particle"] != particle:
        raise LampyrisError(
            f"{where}: {fits.path} must hold fits of {particle}, but holds {fits.attributes['particle']}."
        )
    if fits.attributes["input_uuid"] != file.uuid:
        raise LampyrisError(f"{where}: {fits.path} holds fits of other events than {file.path}.")
    converged = [event for event, result in zip(fits.event.tolist(), fits.result, strict=True) if result == "converged"]
    found = {event: fits.track(event) for event in converged}
    starts = {event: track for event, track in found.items() if track is not None}
    return Tracks(particle, _hits(file, starts, where), list(starts.values()))


def _hits(file: EventFile, chosen: Iterable[int], where: str) -> Hits:
    """The chosen events of a file, stacked."""
    events = [file.hits(number) for number in chosen]
    if not events:
        raise LampyrisError(f"{where}: {file.path} must hold at least one event to use, but holds none.")
    return Hits.stacked(events)


def _check(content: Any, where: str, needed: tuple[str, ...], more: tuple[str, ...]) -> None:
    """Raise `LampyrisError` unless the content is a mapping with all that is needed and nothing that is unknown."""
    if not isinstance(content, dict):
        raise LampyrisError(f"{where} must be a mapping with {' and '.join(needed)}.")
    for name in content:
        check_known(name, (*needed, *more), where)
    for name in needed:
        if name not in content:
            raise LampyrisError(f"{where} must have {name!r}.")
