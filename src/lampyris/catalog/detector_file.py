"""A detector in a file: one of the catalog or of a table of sensors, and the parameters in which it differs from it.

Format `lampyris-detector`, version 1, as YAML:

    format: lampyris-detector-1
    base: SK                                    # a name of the catalog, or a table of sensors beside the file
    parameters:                                 # by the paths of `print(detector)`
      wall.reflectance.value: 0.0521
      sensors.relative_efficiency: [1.02, ...]  # one number for each channel
    calibration: {...}                          # where the numbers come from; not read back
"""

import datetime
import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import yaml

from lampyris._checks import LampyrisError, fail
from lampyris._module import check_quantity
from lampyris.catalog import registry
from lampyris.catalog.table import from_table
from lampyris.data._hdf5 import replacing
from lampyris.data._limits import readable
from lampyris.data.geometry import SUFFIXES
from lampyris.describe import Parameter, at_path, parameters
from lampyris.detector import Detector

FORMAT = "lampyris-detector-1"
LARGEST = 64 * 2**20
"""Largest file that is read [bytes]."""


def read_yaml(path: Path | str) -> dict[str, Any]:
    """A mapping from a YAML file: plain data only, of bounded size. Raises `LampyrisError` with one line."""
    path = Path(path)
    with readable(path, "YAML file"):
        if path.stat().st_size > LARGEST:
            raise LampyrisError(
                f"{path} must be smaller than {LARGEST // 2**20} MB, but has {path.stat().st_size} bytes."
            )
        text = path.read_text(encoding="utf-8", errors="replace")
        if "&" in text and "*" in text and any(_is_alias(token) for token in _tokens(path, text)):
            raise LampyrisError(f"{path} must be plain YAML, but uses anchors and aliases.")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            content = yaml.load(text, Loader=loader)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise LampyrisError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise LampyrisError(f"{path} must hold a mapping of names to values, but holds {type(content).__name__}.")
    return content


def _tokens(path: Path, text: str):
    try:
        yield from yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise LampyrisError(f"{path} is not YAML: {' '.join(str(error).split())}") from error


def _is_alias(token) -> bool:
    """Whether a token could make a small file into a large tree."""
    return isinstance(token, yaml.AliasToken)


def from_file(path: Path | str) -> Detector:
    """Read a detector. Raises `LampyrisError` for a parameter that does not exist or has another shape or domain."""
    path = Path(path)
    content = read_yaml(path)
    if content.get("format") != FORMAT:
        raise LampyrisError(f"{path} is of the format {content.get('format')!r}, not {FORMAT}.")
    base = content.get("base")
    changes = content.get("parameters") or {}
    if not isinstance(base, str) or not isinstance(changes, dict):
        raise LampyrisError(f"{path} must name a `base` and map `parameters` to numbers.")
    named = path.parent / base if Path(base).suffix.lower() in SUFFIXES else None
    detector = registry.load(base) if named is None else from_table(named)
    return with_parameters(detector, changes, str(path))


def with_parameters(detector: Detector, changes: Mapping[str, Any], where: str) -> Detector:
    """The detector with other numbers, by path; `where` is named in errors."""
    known = {parameter.path: parameter for parameter in parameters(detector)}
    for name, value in changes.items():
        if name not in known:
            raise LampyrisError(f"{where}: there is no parameter {name!r}.")
        new = _as_parameter(known[name], value, where, detector.sensors.count)
        detector = eqx.tree_at(lambda d, name=name: at_path(d, name), detector, new)
    return detector


def _as_parameter(parameter: Parameter, value: Any, where: str, channels: int):
    """The value as an array of the shape and domain of the parameter."""
    try:
        numbers = np.asarray(value, float)
    except (TypeError, ValueError):
        raise LampyrisError(f"{where}: {parameter.path} must be a number or a list of numbers.") from None
    shape = np.shape(np.asarray(parameter.value))
    allowed = {shape} | ({(channels,)} if parameter.path == "sensors.transit_time_spread" else set())
    if numbers.shape not in allowed:
        raise LampyrisError(f"{where}: {parameter.path} must be of shape {shape}, but is of shape {numbers.shape}.")
    if np.isnan(numbers).any():
        fail(f"{where}: {parameter.path}", "a number", math.nan)
    new = jnp.asarray(numbers, float)
    check_quantity(f"{where}: {parameter.path}", parameter.declared, new)
    return new


def to_file(path: Path | str, detector: Detector, base: str, calibration: Mapping[str, Any] | None = None) -> None:
    """Write the parameters in which a detector differs from its base, a name of the catalog or a table beside the file."""
    path = Path(path)
    named = path.parent / base if Path(base).suffix.lower() in SUFFIXES else None
    original = registry.load(base) if named is None else from_table(named)
    old = {parameter.path: np.asarray(parameter.value) for parameter in parameters(original)}
    changed = {}
    for parameter in parameters(detector):
        value = np.asarray(parameter.value)
        if parameter.path not in old:
            raise LampyrisError(f"A detector file changes numbers only, but {base} has no {parameter.path}.")
        if value.shape != old[parameter.path].shape or not np.array_equal(value, old[parameter.path]):
            changed[parameter.path] = plain(value)
    made = {"lampyris": version("lampyris"), "date": datetime.date.today().isoformat()}
    content = {"format": FORMAT, "base": base, "made": made, "parameters": changed}
    content |= {"calibration": dict(calibration)} if calibration is not None else {}
    text = yaml.safe_dump(content, sort_keys=False, width=110, default_flow_style=None)
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def plain(value) -> Any:
    """Numbers as Python has them, to nine digits, which is all that single precision holds."""
    array = np.asarray(value, float)
    if array.ndim == 0:
        return float(f"{float(array):.9g}")
    return [plain(entry) for entry in array]
