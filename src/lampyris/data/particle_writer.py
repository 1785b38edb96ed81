"""Writing tables of steps and of photons, in the layout that `particle_table` describes."""

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from lampyris.data._attributes import write_attributes
from lampyris.data._hdf5 import append, dataset, growing, provenance, replacing, writing
from lampyris.data._particle_columns import COLUMNS, WHOLE
from lampyris.particle import Steps
from lampyris.source import Photons

FORMAT = {"steps": "lampyris-steps", "photons": "lampyris-photons"}


def write_steps(
    path: Path | str, events: Iterable[tuple[str, float, Steps]], *, command: str = "", seed: int | None = None
) -> int:
    """Write (particle, kinetic energy [MeV], steps) of events as they come; `.npz` by its name, HDF5 otherwise.

    An unknown particle is an empty name, an unknown energy NaN. The file appears when the last event is written, and
    not at all after an error. Returns the number of steps.
    """
    rows = ((particle, energy, steps.arrays()) for particle, energy, steps in events)
    return _write(Path(path), "steps", rows, command, seed)


def write_photons(
    path: Path | str, events: Iterable[tuple[str, float, Photons]], *, command: str = "", seed: int | None = None
) -> int:
    """Write (particle, kinetic energy [MeV], photons) of events, as `write_steps` does; returns the number of photons."""
    rows = (
        (particle, energy, {name: np.asarray(getattr(photons, name)) for name in COLUMNS["photons"]})
        for particle, energy, photons in events
    )
    return _write(Path(path), "photons", rows, command, seed)


def _write(path: Path, kind: str, events: Iterable[tuple[str, float, dict]], command: str, seed: int | None) -> int:
    header = {"format": FORMAT[kind], "version": 1, **provenance(command), "seed": "" if seed is None else str(seed)}
    if path.suffix.lower() == ".npz":
        return _write_archive(path, kind, events)
    with writing(path) as file:
        write_attributes(file, header)
        for name, shape in COLUMNS[kind].items():
            growing(file, name, _type(name), shape)
        for name, dtype in (("event", np.int32), ("particle", "S16"), ("energy", np.float64)):
            growing(file, name, dtype)
        for number, (particle, energy, columns) in enumerate(events):
            for name in COLUMNS[kind]:
                append(dataset(file, name), columns[name])
            append(dataset(file, "event"), np.full(len(columns["time"]), number))
            _append_primary(file, particle, energy)
        return int(dataset(file, "event").shape[0])


def _append_primary(file: h5py.File, particle: str, energy: float) -> None:
    append(dataset(file, "particle"), [particle.encode()])
    append(dataset(file, "energy"), [energy])


def _write_archive(path: Path, kind: str, events: Iterable[tuple[str, float, dict]]) -> int:
    """All events at once, in memory."""
    held = list(events)
    columns = {
        name: np.concatenate([np.zeros((0, *shape), _type(name)), *(c[name] for _, _, c in held)])
        for name, shape in COLUMNS[kind].items()
    }
    counts = [len(c["time"]) for _, _, c in held]
    columns["event"] = np.repeat(np.arange(len(held), dtype=np.int32), counts)
    columns["particle"] = np.array([particle.encode() for particle, _, _ in held], "S16")
    columns["energy"] = np.array([energy for _, energy, _ in held], np.float64)
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **columns)
    return sum(counts)


def _type(name: str) -> type:
    return np.int32 if name in WHOLE else np.float32
