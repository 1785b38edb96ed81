"""Lamps written as mappings, as configuration files have them."""

import difflib
import math
from collections.abc import Mapping
from typing import Any

from lampyris._checks import LampyrisError
from lampyris.source import Isotropic, Laser
from lampyris.source.lamps import Lamp

_COMMON: dict[str, int] = {"position": 3, "wavelength": 0, "photons": 0, "time": 0}
_LAMPS: dict[str, tuple[type[Lamp], dict[str, int]]] = {
    "isotropic": (Isotropic, _COMMON),
    "laser": (Laser, {**_COMMON, "direction": 3, "width": 0}),
}
"""Fields of each kind with the length of their lists; 0 is a single number."""


def make_lamp(content: Any, where: str) -> Lamp:
    """A lamp from a mapping with its `type`; raises `LampyrisError` that begins with `where`."""
    if not isinstance(content, Mapping):
        raise LampyrisError(f"{where} must be a mapping such as {{type: isotropic, position: [0, 0, 0]}}.")
    kind = content.get("type")
    if kind not in _LAMPS:
        raise LampyrisError(f"{where}: type must be one of {', '.join(_LAMPS)}, but is {kind!r}.")
    made, fields = _LAMPS[kind]
    values = {}
    for name, value in content.items():
        if name == "type":
            continue
        if name == "gaussian" and kind == "laser" and isinstance(value, bool):
            values[name] = value
            continue
        check_known(name, (*fields, *(("gaussian",) if kind == "laser" else ())), where)
        found = numbers(value, fields[name], f"{where}: {name}")
        values[name] = found if fields[name] else found[0]
    for name in ("position", *(("direction",) if kind == "laser" else ())):
        if name not in values:
            raise LampyrisError(f"{where} must have a {name}.")
    try:
        return made(**values)
    except LampyrisError as error:
        raise LampyrisError(f"{where}: {error}") from error


def check_known(name: Any, known: tuple[str, ...], where: str) -> None:
    """Raise `LampyrisError` for a name that is not known, with the nearest that is."""
    if name not in known:
        near = difflib.get_close_matches(str(name), known, 1, 0.0)
        raise LampyrisError(f"{where}: there is no {name!r}; nearest: {near[0]}.")


def number(value: Any, where: str) -> float:
    """A finite number; raises `LampyrisError` that begins with `where`."""
    return numbers(value, 0, where)[0]


def numbers(value: Any, length: int, where: str) -> list[float]:
    """A list of `length` finite numbers, or, for the length 0, one that stands alone."""
    values = value if isinstance(value, list) else [value]
    wanted = f"a list of {length} numbers" if length else "a number"
    good = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    if not good or isinstance(value, list) != bool(length) or len(values) != max(length, 1):
        raise LampyrisError(f"{where} must be {wanted}, but is {value!r}.")
    return [float(v) for v in values]
