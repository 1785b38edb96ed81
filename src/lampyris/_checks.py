"""The one grammar of errors: which field, which value, which rule."""

from typing import NoReturn

import numpy as np
from jax.core import Tracer


class LampyrisError(ValueError):
    """Bad input; the message is one line that names the field, the value and the rule."""


class LampyrisWarning(UserWarning):
    """Something that a user should know and that does not stop the work."""


def is_concrete(value) -> bool:
    """Say whether `value` holds numbers now, rather than inside a traced function."""
    return not isinstance(value, Tracer)


def fail(where: str, rule: str, value, unit: str = "") -> NoReturn:
    """Raise the error "`where` must be <rule> <unit>, but is <value> <unit>."."""
    tail = f" {unit}" if unit else ""
    raise LampyrisError(f"`{where}` must be {rule}{tail}, but is {show(value)}{tail}.")


def fail_outside(where: str, position) -> NoReturn:
    """Raise the error for a place [m] that is not inside the detector."""
    raise LampyrisError(f"`{where}` must be inside the detector, but is {show(position)} m.")


def fail_unknown(what: str, name: str, known) -> NoReturn:
    """Raise the error for a name that does not exist, with the names that do."""
    raise LampyrisError(f"Unknown {what} {name!r}; there are: {', '.join(sorted(known))}.")


def show(value) -> str:
    """Write a value in few characters: strings quoted, arrays cut to their first entries."""
    if isinstance(value, str):
        return repr(value)
    array = np.asarray(value)
    if array.dtype == object:
        return repr(value)
    if array.ndim == 0:
        return f"{array.item():g}" if array.dtype.kind in "fiu" else repr(array.item())
    first = ", ".join(show(entry) for entry in array.ravel()[:4].tolist())
    return f"[{first}{', ...' if array.size > 4 else ''}]"
