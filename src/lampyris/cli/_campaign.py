"""Configurations of calibrations and of plans for them."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from lampyris._checks import LampyrisError
from lampyris.catalog.detector_file import read_yaml, with_parameters
from lampyris.cli._common import find_detector
from lampyris.data.geometry import SUFFIXES
from lampyris.data.hits_file import read_events
from lampyris.data.lamps import check_known, make_lamp, number, numbers
from lampyris.detector import Detector
from lampyris.fit import CalibrationSettings, Run
from lampyris.response import Hits
from lampyris.source.lamps import Lamp

_SETTINGS = ("paths", "tolerance", "most_iterations", "priors", "gauge")
_SHARED = ("detector", "free", "start", "seed", *_SETTINGS)


class Campaign(NamedTuple):
    """What a configuration asks for."""

    base: str
    detector: Detector
    free: list[str]
    key: jax.Array
    settings: CalibrationSettings


def read_calibration(path: Path) -> tuple[Campaign, list[Run]]:
    """A calibration: a detector, what is free, and runs with their events."""
    content = _content(path, "runs")
    campaign = _campaign(path, content)
    if not isinstance(content["runs"], list) or not content["runs"]:
        raise LampyrisError(f"{path}: runs must be a list of at least one run.")
    return campaign, [_run(path, index, run) for index, run in enumerate(content["runs"])]


def read_plan(path: Path) -> tuple[Campaign, dict[str, list[Lamp]]]:
    """A plan: a detector, what is free, and for each campaign its lamps."""
    content = _content(path, "campaigns")
    campaigns = content["campaigns"]
    if not isinstance(campaigns, dict) or not all(isinstance(lamps, list) and lamps for lamps in campaigns.values()):
        raise LampyrisError(f"{path}: campaigns must map names to lists of lamps.")
    made: dict[str, list[Lamp]] = {
        str(name): [make_lamp(lamp, f"{path}: campaigns.{name}[{i}]") for i, lamp in enumerate(lamps)]
        for name, lamps in campaigns.items()
    }
    return _campaign(path, content), made


def _content(path: Path, subject: str) -> dict[str, Any]:
    content = read_yaml(path)
    for name in content:
        check_known(name, (*_SHARED, subject), str(path))
    for name in ("detector", "free", subject):
        if name not in content:
            raise LampyrisError(f"{path} must have {name!r}.")
    return content


def _campaign(path: Path, content: dict[str, Any]) -> Campaign:
    base, free = content["detector"], content["free"]
    if not isinstance(base, str):
        raise LampyrisError(f"{path}: detector must be a name or a file, but is {base!r}.")
    if not isinstance(free, list) or not all(isinstance(word, str) for word in free):
        raise LampyrisError(f"{path}: free must be a list of paths, but is {free!r}.")
    start = content.get("start") or {}
    if not isinstance(start, dict):
        raise LampyrisError(f"{path}: start must map paths to numbers.")
    relative = Path(base).suffix.lower() in (*SUFFIXES, ".yaml", ".yml")
    detector = with_parameters(find_detector(str(path.parent / base) if relative else base), start, f"{path}: start")
    seed = content.get("seed", 1)
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**31:
        raise LampyrisError(f"{path}: seed must be a whole number >= 0, but is {seed!r}.")
    return Campaign(base, detector, free, jax.random.key(seed), _settings(path, content))


def _settings(path: Path, content: dict[str, Any]) -> CalibrationSettings:
    given = {name: content[name] for name in _SETTINGS if name in content}
    for name in ("paths", "most_iterations"):
        if name in given and (not isinstance(given[name], int) or isinstance(given[name], bool)):
            raise LampyrisError(f"{path}: {name} must be a whole number, but is {given[name]!r}.")
    if "tolerance" in given:
        given["tolerance"] = number(given["tolerance"], f"{path}: tolerance")
    priors = given.get("priors") or {}
    if not isinstance(priors, dict):
        raise LampyrisError(f"{path}: priors must map paths to [mean, error].")
    given["priors"] = {str(n): tuple(numbers(value, 2, f"{path}: priors.{n}")) for n, value in priors.items()}
    return CalibrationSettings(**given)


def _run(path: Path, index: int, content: Any) -> Run:
    """A run: a lamp and the events of a file, all of them or one."""
    where = f"{path}: runs[{index}]"
    if not isinstance(content, dict):
        raise LampyrisError(f"{where} must be a mapping with lamp and events.")
    for name in content:
        check_known(name, ("lamp", "events", "event", "saturation"), where)
    for name in ("lamp", "events"):
        if name not in content:
            raise LampyrisError(f"{where} must have {name!r}.")
    lamp = make_lamp(content["lamp"], f"{where}.lamp")
    file = read_events(path.parent / str(content["events"]))
    event = content.get("event")
    if event is not None and (not isinstance(event, int) or isinstance(event, bool)):
        raise LampyrisError(f"{where}: event must be a whole number, but is {event!r}.")
    events = [file.hits(n) for n in (range(len(file)) if event is None else [event])]
    if not events:
        raise LampyrisError(f"{where}: {file.path} must hold at least one event, but is empty.")
    hits = Hits(*(np.stack(columns) for columns in zip(*events, strict=True)))
    saturation = number(content["saturation"], f"{where}: saturation") if "saturation" in content else np.inf
    return Run(lamp, hits, saturation)
