"""Free parameters of a detector, chosen by path, on a scale without bounds."""

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError, fail
from lampyris._host import on_host
from lampyris._module import Domain
from lampyris.describe import Parameter, at_path, parameters
from lampyris.detector import Detector
from lampyris.spectrum import Constant, Spectrum

EFFICIENCY, OFFSET = "sensors.relative_efficiency", "sensors.time_offset"
SPREAD = "sensors.transit_time_spread"
PER_CHANNEL = (EFFICIENCY, OFFSET, SPREAD)
FREE_TO_MOVE = ("medium.", "wall.", "sensors.surface.", "sensors.quantum_efficiency", "sensors.acceptance.")
FIXED = ("medium.refractive_index", ".wavelength", "_index")
EDGE = 1e-6


class FreeNumber(NamedTuple):
    """One free number: a value of the detector, one entry of a table, or a spectrum as a whole.

    A spectrum as a whole moves by the same amount in log or logit at every wavelength.
    """

    path: str
    """what the user calls it"""
    leaf: str
    """path of the array that it moves"""
    index: int | None
    """entry of that array, `None` for all of it"""
    unit: str
    domain: Domain


class FreeParameters(eqx.Module):
    """The free numbers of a detector. All are zero at `detector`; steps are in log, logit or plain units by domain."""

    detector: Detector
    numbers: tuple[FreeNumber, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, detector: Detector, paths: Sequence[str]) -> "FreeParameters":
        """Resolve paths, in which * stands for anything; per-channel paths are left to others.

        Raises `LampyrisError` for a path that does not exist, with the nearest that does, and for a value from which no
        step in log or logit leads away.
        """
        known = {number.path: numbers for numbers in _known(detector) for number in numbers[:1]}
        chosen: dict[tuple[str, int | None], FreeNumber] = {}
        for path in paths:
            if path in PER_CHANNEL:
                continue
            for name in matching(path, [*known, *PER_CHANNEL]):
                chosen |= {(number.leaf, number.index): number for number in known.get(name, ())}
        numbers = tuple(chosen.values())
        whole = {number.leaf for number in numbers if number.index is None}
        for number in numbers:
            if number.index is not None and number.leaf in whole:
                raise LampyrisError(f"`free` must name {number.leaf} once, but has it as a whole and entry by entry.")
            _check_movable(detector, number)
        return cls(detector, numbers)

    def with_held(self) -> "FreeParameters":
        """These, and after them all others that could be free, spectra as a whole."""
        free = {number.leaf for number in self.numbers}
        others = [group[0] for group in _known(self.detector) if group[0].index is None and group[0].leaf not in free]
        held = (number for number in others if _unmovable(self.detector, number) is None)
        return FreeParameters(self.detector, (*self.numbers, *held))

    @property
    def count(self) -> int:
        """How many numbers are free."""
        return len(self.numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each number."""
        return tuple(n.path if n.index is None else f"{n.path}[{n.index}]" for n in self.numbers)

    def rebuild(self, theta: Float[Array, " p"]) -> Detector:
        """The detector after a step. **Gradients**: right."""
        return Rebuild(self)(theta)

    def values(self, theta: np.ndarray, wavelength: float) -> tuple[np.ndarray, np.ndarray]:
        """Values of the numbers and their derivatives; that of a spectrum is its value at the wavelength [nm]."""
        value = on_host(_values, self, jnp.asarray(theta, float), float(wavelength))
        slope = on_host(_slopes, self, jnp.asarray(theta, float), float(wavelength))
        return value.astype(float), slope.astype(float)


class Rebuild(eqx.Module):
    """A function that can be handed to compiled code: the detector after a step."""

    free: FreeParameters

    def __call__(self, theta: Float[Array, " p"]) -> Detector:
        detector = self.free.detector
        for number, step in zip(self.free.numbers, theta, strict=True):
            old = at_path(detector, number.leaf)
            moves = step if number.index is None else jnp.zeros_like(old).at[number.index].set(step)
            detector = eqx.tree_at(
                lambda d, leaf=number.leaf: at_path(d, leaf), detector, _moved(old, moves, number.domain)
            )
        return detector


def matching(path: str, known: Sequence[str]) -> list[str]:
    """The known paths that a path with wildcards stands for; raises for none, with the nearest that there is."""
    found = [name for name in known if fnmatchcase(name, path)]
    if not found:
        near = difflib.get_close_matches(path, known, 1, 0.0)
        raise LampyrisError(
            f"`free` must name parameters that a calibration can move, but has {path!r}; nearest: {near[0]}."
        )
    return found


def _moved(old: Array, step: Array, domain: Domain) -> Array:
    if domain.rule == "between 0 and 1":
        old = jnp.clip(old, EDGE, 1.0 - EDGE)
    return domain.constrain(domain.unconstrain(old) + step)


def _known(detector: Detector) -> list[list[FreeNumber]]:
    """All numbers that can be free, grouped by path."""
    groups = []
    for parameter in parameters(detector):
        path = parameter.path
        if (
            not path.startswith(FREE_TO_MOVE)
            or any(word in path for word in FIXED)
            or not eqx.is_inexact_array(parameter.value)
        ):
            continue
        groups += _of_parameter(detector, parameter)
    return groups


def _of_parameter(detector: Detector, parameter: Parameter) -> list[list[FreeNumber]]:
    """A scalar; or a spectrum as a whole and, if it is a table, its entries."""
    path, declared = parameter.path, parameter.declared

    def number(name: str, index: int | None) -> FreeNumber:
        return FreeNumber(name, path, index, declared.unit, declared.domain)

    owner, value = path.rpartition(".")[0], at_path(detector, path)
    if isinstance(at_path(detector, owner), Spectrum) and path.endswith(".value"):
        whole = [[number(owner, None)]]
        entries = [number(path, index) for index in range(value.size)]
        return whole if isinstance(at_path(detector, owner), Constant) else [*whole, entries]
    return [[number(path, None)]] if value.ndim == 0 else []


def _check_movable(detector: Detector, number: FreeNumber) -> None:
    rule = _unmovable(detector, number)
    if rule is not None:
        fail(f"free: {number.path}", f"{rule} at the start", _old(detector, number)[0], number.unit)


def _unmovable(detector: Detector, number: FreeNumber) -> str | None:
    """The rule that the value of a number breaks, from which no step in log or logit leads away."""
    old = _old(detector, number)
    if number.domain.rule == "between 0 and 1":
        return "between 0 and 1, ends excluded," if np.all((old <= EDGE) | (old >= 1.0 - EDGE)) else None
    return None if np.isfinite(old).any() else "finite"


def _old(detector: Detector, number: FreeNumber) -> np.ndarray:
    old = np.asarray(at_path(detector, number.leaf), float).ravel()
    return old if number.index is None else old[number.index : number.index + 1]


def _values(free: FreeParameters, theta: Array, wavelength: Array) -> Array:
    detector = free.rebuild(theta)
    found = []
    for number in free.numbers:
        owner = at_path(detector, number.leaf.rpartition(".")[0])
        if number.index is not None:
            found.append(at_path(detector, number.leaf)[number.index])
        else:
            found.append(owner(wavelength) if isinstance(owner, Spectrum) else at_path(detector, number.leaf))
    return jnp.stack(found) if found else jnp.zeros(0)


def _slopes(free: FreeParameters, theta: Array, wavelength: Array) -> Array:
    """Derivative of each value with respect to its own step."""
    return jnp.diagonal(jax.jacfwd(lambda t: _values(free, t, wavelength))(theta))
