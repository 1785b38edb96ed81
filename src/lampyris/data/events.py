"""Whole particles in a file: the charged steps of several events, packed for size."""
# pyright: reportArgumentType=false
# fields of modules convert plain numbers, which pyright cannot see

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._limits import check_unpacked, readable
from lampyris.particle import Steps

FORMAT, KIND = "lampyris-steps-1", "file of packed steps"


def pack_steps(path: Path | str, events: list[tuple[float, Steps]]) -> None:
    """Write (kinetic energy [MeV], steps) of several events as one compressed file."""
    columns = [steps.arrays() for _, steps in events]
    archive: dict[str, Any] = {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}
    archive |= {"format": FORMAT, "energy": [e for e, _ in events], "count": [len(steps) for _, steps in events]}
    np.savez_compressed(path, **archive)


def unpack_steps(path: Path | str) -> list[tuple[float, Steps]]:
    """Read what `pack_steps` wrote; raises `LampyrisError` with one line for any file that is not sound."""
    path = Path(path)
    with readable(path, KIND):
        check_unpacked(path)
        with np.load(path, allow_pickle=False) as archive:
            if str(archive["format"]) != FORMAT:
                raise LampyrisError(f"{path} is of the format {archive['format']}, not {FORMAT}.")
            counts, energies = archive["count"], archive["energy"]
            columns = {n: archive[n] for n in archive.files if n not in ("format", "energy", "count")}
        ends = _ends(path, counts, energies, columns)
        return [
            (float(energy), Steps(**{name: column[start:end] for name, column in columns.items()}))
            for energy, start, end in zip(energies, [0, *ends[:-1]], ends, strict=True)
        ]


def _ends(path: Path, counts: np.ndarray, energies: np.ndarray, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Where the steps of each event end, if the columns are of that length."""
    if counts.ndim != 1 or counts.dtype.kind not in "iu" or energies.shape != counts.shape or (counts < 0).any():
        raise LampyrisError(f"{path} is damaged: its energies and counts of steps do not belong together.")
    if energies.dtype.kind not in "iuf" or not (np.isfinite(energies) & (energies > 0)).all():
        raise LampyrisError(f"{path} is damaged: energies must be finite and positive.")
    if (counts > 2**40).any():
        raise LampyrisError(f"{path} is damaged: an event claims {int(counts.max())} steps.")
    total = int(counts.sum())
    for name, column in columns.items():
        if column.ndim == 0 or len(column) != total:
            raise LampyrisError(f"{path} is damaged: {name} must have {total} rows, but has the shape {column.shape}.")
    return np.cumsum(counts)


def demo_muon() -> tuple[float, Steps]:
    """Kinetic energy [MeV] and steps of the Geant4 muon that ships with the package."""
    return unpack_steps(str(files("lampyris.data") / "muon_1000MeV.npz"))[0]
