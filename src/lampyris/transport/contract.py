"""Which derivatives a transport stands behind: asking for another raises."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

import equinox as eqx
import jax
from jax.custom_derivatives import SymbolicZero

from lampyris._checks import LampyrisError, is_concrete
from lampyris.detector import Detector
from lampyris.source import Source

Tree = TypeVar("Tree", bound=eqx.Module)


class Family(StrEnum):
    """Parameters that ask the same of a transport."""

    OPTICS = "optics"
    """refractive index, absorption and scattering lengths, reflectances of wall and sensors"""
    PHASE = "phase functions"
    EFFICIENCIES = "efficiencies"
    """quantum efficiency, angular acceptance, relative efficiencies"""
    SENSORS = "sensor positions"
    """positions, normals and radii"""
    RESPONSE = "response"
    """gains, time offsets, spreads, dark noise, window"""
    SHAPE = "sizes of the shape"
    """the wall moves, the sensors stay"""
    POSITION = "source position"
    DIRECTION = "source direction"
    ENERGY = "energy"
    TIME = "time"
    LIGHT = "light of a lamp"
    """its photons and its wavelength"""
    FORM = "form of the source"
    """opening of a beam, bends of a track"""


ALL = frozenset(Family)

_SENSORS = {
    **dict.fromkeys(("position", "normal", "radius"), Family.SENSORS),
    **dict.fromkeys(("relative_efficiency", "quantum_efficiency", "acceptance"), Family.EFFICIENCIES),
    "surface": Family.OPTICS,
}
_SOURCE = {
    "position": Family.POSITION,
    "direction": Family.DIRECTION,
    "energy": Family.ENERGY,
    "time": Family.TIME,
    "photons": Family.LIGHT,
    "wavelength": Family.LIGHT,
}


def detector_family(names: list[str]) -> Family:
    """The family of a leaf of a detector, from the names of the fields that lead to it."""
    if names[0] == "sensors":
        return _SENSORS.get(names[1], Family.RESPONSE)
    if names[0] == "shape":
        return Family.SHAPE
    return Family.PHASE if "phase" in names else Family.OPTICS


def source_family(names: list[str]) -> Family:
    """The family of a leaf of a source."""
    return _SOURCE.get(names[0], Family.FORM)


def declared(
    transport: str, supported: Iterable[Family], source: Source, detector: Detector
) -> tuple[Source, Detector]:
    """The same source and detector, whose derivatives outside the supported families raise `LampyrisError`, as sensors do
    that stand out of the wall.
    """
    check_flush(detector)
    allowed = frozenset(supported)
    if allowed == ALL:
        return source, detector
    return (
        _guarded(source, source_family, transport, allowed),
        _guarded(detector, detector_family, transport, allowed),
    )


def check_flush(detector: Detector) -> None:
    """Raise for sensors that are no disks on the wall, which `MonteCarlo` alone takes."""
    sensors = detector.sensors
    if not sensors.flush:
        form = type(sensors.form).__name__ if not sensors.form.flush else "Housing"
        raise LampyrisError(f"`MonteCarlo` alone takes sensors of the form {form}: others need `Flush` and no housing.")


def check_no_tracers(transport: str, *trees: eqx.Module) -> None:
    """Raise for trees inside `jax.grad` or `jax.jit`, where a transport has neither derivatives nor a trace."""
    leaves = jax.tree.leaves(trees)
    if not all(is_concrete(leaf) for leaf in leaves):
        raise LampyrisError(
            f"`{transport}` has no derivatives and cannot be traced: `Hybrid` and `ExpectedValue` are for `jax.grad`."
        )


def _guarded(tree: Tree, family_of, transport: str, allowed: frozenset[Family]) -> Tree:
    def guard(path, leaf):
        names = [key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey)]
        family = family_of(names)
        if family in allowed or not eqx.is_inexact_array(leaf):
            return leaf
        where = f"{type(tree).__name__.lower()}.{'.'.join(names)}"
        return _refuse(leaf, f"`{transport}` has no derivative in {family} (`{where}`).")

    return jax.tree_util.tree_map_with_path(guard, tree)


def _refuse(leaf, message: str):
    """The leaf itself; a derivative in it raises the message."""

    @jax.custom_jvp
    def same(value):
        return value

    def rule(primals, tangents):
        if not isinstance(tangents[0], SymbolicZero):
            raise LampyrisError(message)
        return primals[0], tangents[0]

    same.defjvp(rule, symbolic_zeros=True)
    return same(leaf)
