"""Transports that hold the search for the sensors of a detector, so that they may be traced together with it."""

from typing import Protocol, TypeVar

import equinox as eqx
import numpy as np

from lampyris._checks import LampyrisError, fail, is_concrete
from lampyris.detector import Detector
from lampyris.transport.sensor_search import SensorGrid, held


class Searching(Protocol):
    """A transport with a place for a search."""

    grid: SensorGrid | None


Transport = TypeVar("Transport", bound=Searching)


def with_grid(transport: Transport, detector: Detector, stretch: float) -> Transport:
    """The same transport with the search made for this detector. Raises `LampyrisError` for a detector that is traced."""
    if transport.grid is not None and _same(transport.grid, detector):
        return transport
    grid = _made(transport, detector, stretch)
    return eqx.tree_at(lambda one: one.grid, transport, grid, is_leaf=lambda leaf: leaf is None)


def grid_of(transport: Searching, detector: Detector, stretch: float) -> SensorGrid:
    """The search that a transport holds, or a new one where the numbers of the detector are known.

    Raises `LampyrisError` for a detector that is traced, and for a search of another detector.
    """
    grid = _made(transport, detector, stretch) if transport.grid is None else transport.grid
    if grid.position.shape != detector.sensors.position.shape:
        fail(
            f"{type(transport).__name__}.prepared(detector)",
            "the detector used",
            f"one of {len(grid.position)} sensors",
        )
    return grid


def has_numbers(detector: Detector) -> bool:
    """Whether a search can be made for a detector: not where it is traced inside `jax.jit`."""
    return is_concrete(held(detector).sensors.position)


def _made(transport: Searching, detector: Detector, stretch: float) -> SensorGrid:
    if not has_numbers(detector):
        raise LampyrisError(
            f"`{type(transport).__name__}` searches sensors with the numbers of a detector, which is traced here: call "
            "`transport.prepared(detector)` outside `jax.jit` first."
        )
    return SensorGrid.of(detector, stretch)


def _same(grid: SensorGrid, detector: Detector) -> bool:
    """Say whether the sensors are where the grid was made for; taken for granted where they are traced."""
    sensors = held(detector).sensors
    if not is_concrete(sensors.position) or not is_concrete(grid.position):
        return True
    pairs = ((grid.position, sensors.position), (grid.radius, sensors.radius))
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)
