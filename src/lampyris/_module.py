"""Modules with declared quantities: unit, domain and shape of a number stand once, in its field."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, dataclass_transform

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from lampyris._checks import LampyrisError, fail, is_concrete


@dataclass(frozen=True)
class Domain:
    """Values that a quantity may take, and the smooth map of the domain onto the real line that fits use."""

    rule: str
    holds: Callable[[np.ndarray], np.ndarray]
    unconstrain: Callable[[Array], Array] = lambda x: x
    constrain: Callable[[Array], Array] = lambda x: x


real = Domain("finite", np.isfinite)
positive = Domain("> 0 and finite", lambda x: np.isfinite(x) & (x > 0), jnp.log, jnp.exp)
positive_or_infinite = Domain("> 0", lambda x: x > 0, jnp.log, jnp.exp)
non_negative = Domain(">= 0 and finite", lambda x: np.isfinite(x) & (x >= 0))
fraction = Domain(
    "between 0 and 1",
    lambda x: (x >= 0) & (x <= 1),
    lambda x: jnp.log(x) - jnp.log1p(-x),
    lambda y: 1.0 / (1.0 + jnp.exp(-y)),
)
index_of_refraction = Domain(">= 1 and finite", lambda x: np.isfinite(x) & (x >= 1))
cosine = Domain("between -1 and 1", lambda x: np.abs(x) <= 1)
unit_vector = Domain("a unit vector", lambda x: np.abs(np.linalg.norm(x, axis=-1) - 1.0) < 1e-4)


@dataclass(frozen=True)
class Quantity:
    """What is declared of a field: description, unit, domain, and trailing shape (`None`: any)."""

    description: str
    unit: str
    domain: Domain
    shape: tuple[int | str, ...] | None


if TYPE_CHECKING:
    Numbers = ArrayLike | Sequence[ArrayLike]
else:
    Numbers = Any
"""What may be given to a field of numbers; not checked at run time, where `as_array` says better what is wrong."""


def as_array(value: Numbers) -> Array:
    """Turn numbers into an array of the default floating type; leave arrays and tracers as they are."""
    if isinstance(value, jax.Array):
        return value if jnp.issubdtype(value.dtype, jnp.inexact) else value.astype(float)
    try:
        if not isinstance(value, bool | str) and value is not None:
            return jnp.asarray(value, dtype=float)
    except (TypeError, ValueError):
        pass
    raise LampyrisError(f"A number or an array of numbers is needed, but {value!r} was given.")


def quantity(
    description: str,
    unit: str = "",
    domain: Domain = real,
    shape: tuple[int | str, ...] | None = (),
    default: Any = MISSING,
    *,
    converter: Callable[[Any], Any] = as_array,
) -> Any:
    """Declare a field of a `Module` that is converted and checked at construction.

    Fields name their converter, `as_array` or `as_spectrum`, although the first is the default: type checkers look for
    it in the field, to learn what may be given.
    """
    metadata = {"quantity": Quantity(description, unit, domain, shape)}
    if default is MISSING:
        return eqx.field(converter=converter, metadata=metadata)
    return eqx.field(converter=converter, metadata=metadata, default=default)


@dataclass_transform(field_specifiers=(quantity, eqx.field), frozen_default=True)
class _ModuleType(type(eqx.Module)):
    """Tells type checkers that `quantity` declares a field; they ask the type of a class before its bases."""


class Module(eqx.Module, metaclass=_ModuleType):
    """Immutable tree of quantities; checks every declared field when it is made."""

    def __check_init__(self):
        for name, declared, value in declared_quantities(self):
            check_quantity(f"{type(self).__name__}({name}=...)", declared, value)


def declared_quantities(module: eqx.Module) -> Iterator[tuple[str, Quantity, Any]]:
    """Yield name, declaration and value of each declared field of a module, in order."""
    for field in fields(module):
        declared = field.metadata.get("quantity")
        if declared is not None:
            yield field.name, declared, getattr(module, field.name)


def check_quantity(where: str, declared: Quantity, value) -> None:
    """Raise `LampyrisError` if a concrete value breaks the declared shape or domain."""
    check = getattr(value, "check", None)  # a spectrum checks its own values
    if check is not None:
        check(where, declared)
        return
    if not eqx.is_array(value) or not is_concrete(value):
        return
    check_shape(where, declared.shape, value.shape)
    numbers = np.asarray(value)
    good = np.asarray(declared.domain.holds(numbers))
    if not good.all():
        worst = numbers if good.ndim == 0 else numbers[tuple(np.argwhere(~good)[0])]
        fail(where, declared.domain.rule, worst, declared.unit)


def check_shape(where: str, expected: tuple[int | str, ...] | None, actual: tuple[int, ...]) -> None:
    """Raise unless `actual` ends in `expected`; named axes match any length, further leading axes are batches."""
    if expected is None:
        return
    tail = actual[len(actual) - len(expected) :] if len(actual) >= len(expected) else None
    if tail is None or any(isinstance(e, int) and e != a for e, a in zip(expected, tail, strict=True)):
        fail(where, f"of shape {_shape_text(expected)}", _shape_text(actual).strip("'"))


def _shape_text(shape: tuple[int | str, ...]) -> str:
    return "(" + ", ".join(str(axis) for axis in shape) + ("," if len(shape) == 1 else "") + ")"
