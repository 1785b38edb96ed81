"""Configurations of calibrations and of plans for them."""

from pathlib import Path
from typing import Any, NamedTuple

import jax

from lampyris._checks import LampyrisError
from lampyris.catalog.detector_file import read_yaml, with_parameters
from lampyris.cli._campaign_data import read_runs, read_tracks
from lampyris.cli._common import find_detector
from lampyris.data.geometry import SUFFIXES
from lampyris.data.lamps import check_known, make_lamp, number, numbers
from lampyris.detector import Detector
from lampyris.fit import CalibrationSettings, Run, Tracks
from lampyris.source.lamps import Lamp

_SETTINGS = ("paths", "tolerance", "most_iterations", "priors", "gauge")
_SHARED = ("detector", "free", "start", "seed", *_SETTINGS)


class Data(NamedTuple):
    """The data of a calibration."""

    runs: list[Run]
    tracks: Tracks | None


class Campaign(NamedTuple):
    """What a configuration asks for."""

    base: str
    detector: Detector
    free: list[str]
    key: jax.Array
    settings: CalibrationSettings


def read_calibration(path: Path) -> tuple[Campaign, Data]:
    """A calibration: a detector, what is free, and runs with their events, events of particles, or both."""
    content = _content(path, "runs", "tracks")
    campaign = _campaign(path, content)
    runs = read_runs(path, content["runs"]) if "runs" in content else []
    return campaign, Data(runs, read_tracks(path, content["tracks"]) if "tracks" in content else None)


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


def _content(path: Path, *subjects: str) -> dict[str, Any]:
    """What a file holds; it must have one of the subjects."""
    content = read_yaml(path)
    for name in content:
        check_known(name, (*_SHARED, *subjects), str(path))
    for name in ("detector", "free"):
        if name not in content:
            raise LampyrisError(f"{path} must have {name!r}.")
    if not any(subject in content for subject in subjects):
        raise LampyrisError(f"{path} must have {' or '.join(map(repr, subjects))}.")
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
