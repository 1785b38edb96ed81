"""Whole particles in a file: the charged steps of several events, packed for size."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.particle import Steps

FORMAT = "lampyris-steps-1"


def pack_steps(path: Path | str, events: list[tuple[float, Steps]]) -> None:
    """Write (kinetic energy [MeV], steps) of several events as one compressed file."""
    columns = [steps.arrays() for _, steps in events]
    archive: dict[str, Any] = {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}
    archive |= {"format": FORMAT, "energy": [e for e, _ in events], "count": [len(steps) for _, steps in events]}
    np.savez_compressed(path, **archive)


def unpack_steps(path: Path | str) -> list[tuple[float, Steps]]:
    """Read what `pack_steps` wrote."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if str(archive["format"]) != FORMAT:
                raise LampyrisError(f"{path} is of the format {archive['format']}, not {FORMAT}.")
            ends = np.cumsum(archive["count"])
            columns = {n: archive[n] for n in archive.files if n not in ("format", "energy", "count")}
            energies = archive["energy"]
    except (OSError, KeyError, ValueError) as error:
        raise LampyrisError(f"{path} is not a file of packed steps: {error}") from error
    events = []
    for energy, start, end in zip(energies, [0, *ends[:-1]], ends, strict=True):
        events.append((float(energy), Steps(**{name: column[start:end] for name, column in columns.items()})))
    return events


def demo_muon() -> tuple[float, Steps]:
    """Kinetic energy [MeV] and steps of the Geant4 muon that ships with the package."""
    return unpack_steps(str(files("lampyris.data") / "muon_1000MeV.npz"))[0]
