"""Charged-particle steps: what every light model starts from."""

import numpy as np
from jaxtyping import Float32, Int32

from lampyris._checks import LampyrisError

_FLOATS = ("start", "end", "time", "beta_start", "beta_end", "length", "charge", "energy_deposit")
_INTS = ("pdg", "track", "parent")


class Steps:
    """Steps of all charged particles of one event, in host memory; their number differs from event to event.

    `start`, `end` are (n, 3) [m]; `time` is that of the start of the step [ns]; `beta_start`, `beta_end` are v/c;
    `length` is the path of the step [m], at least the distance of its ends; `charge` in units of e;
    `energy_deposit` [MeV]; `pdg` is the particle code, `track` its number (primary 1), `parent` that of its mother (0: none).
    """

    start: Float32[np.ndarray, "n 3"]
    end: Float32[np.ndarray, "n 3"]
    time: Float32[np.ndarray, " n"]
    beta_start: Float32[np.ndarray, " n"]
    beta_end: Float32[np.ndarray, " n"]
    length: Float32[np.ndarray, " n"]
    charge: Float32[np.ndarray, " n"]
    energy_deposit: Float32[np.ndarray, " n"]
    pdg: Int32[np.ndarray, " n"]
    track: Int32[np.ndarray, " n"]
    parent: Int32[np.ndarray, " n"]

    def __init__(self, **arrays):
        missing = set(_FLOATS + _INTS) - set(arrays)
        if missing or len(arrays) != len(_FLOATS + _INTS):
            raise LampyrisError(f"`Steps` needs the arrays {', '.join(_FLOATS + _INTS)}; missing: {sorted(missing)}.")
        count = len(arrays["time"])
        for name, value in arrays.items():
            array = np.asarray(value, dtype=np.float32 if name in _FLOATS else np.int32)
            shape = (count, 3) if name in ("start", "end") else (count,)
            if array.shape != shape:
                raise LampyrisError(f"`Steps({name}=...)` must be of shape {shape}, but is {array.shape}.")
            if not np.isfinite(array).all():
                raise LampyrisError(f"`Steps({name}=...)` must be finite, but holds {array[~np.isfinite(array)][0]}.")
            setattr(self, name, array)

    def __len__(self) -> int:
        return len(self.time)

    def arrays(self) -> dict[str, np.ndarray]:
        """The columns by name."""
        return {name: getattr(self, name) for name in _FLOATS + _INTS}

    def moved(self, position, direction, time: float) -> "Steps":
        """The event, made at the origin along +z, carried to a vertex [m], direction (unit) and time [ns]."""
        rotation = rotation_from_z(np.asarray(direction, dtype=float))
        columns = self.arrays()
        for name in ("start", "end"):
            columns[name] = columns[name] @ rotation.T + np.asarray(position, dtype=float)
        columns["time"] = columns["time"] + float(time)
        return Steps(**columns)


def rotation_from_z(direction: np.ndarray) -> np.ndarray:
    """A rotation matrix that takes +z to the unit vector `direction` along the shortest way."""
    x, y, z = direction
    if z < -1.0 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, x], [0.0, 0.0, y], [-x, -y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + z)
