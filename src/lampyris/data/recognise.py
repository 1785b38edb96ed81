"""Which format a file is of."""

import contextlib
import zipfile
from pathlib import Path

import h5py

from lampyris._checks import LampyrisError
from lampyris.data import fits_file, hits_file
from lampyris.data._hdf5 import file_format
from lampyris.data._limits import readable
from lampyris.data._particle_columns import table_kind
from lampyris.data._root import open_root
from lampyris.data.geometry import SUFFIXES
from lampyris.data.parquet_summary import SIGNATURE, is_graphnet_folder, parquet_layout
from lampyris.data.watchmal import is_watchmal
from lampyris.emission import profile_file

FORMATS = {
    "events": hits_file.FORMAT,
    "fits": fits_file.FORMAT,
    "watchmal": "WatChMaL HDF5",
    "wcsim": "WCSim ROOT",
    "photonsim": "PhotonSim ROOT",
    "sensors": "table of sensors",
    "steps": "table of steps",
    "photons": "table of photons",
    "graphnet": "GraphNeT tables (parquet)",
    "prometheus": "Prometheus parquet",
    "profile": profile_file.FORMAT,
    "detector": "detector file (YAML)",
}
"""Formats that can be read, and what they are called."""
_SIGNATURES = {
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"root": "root",
    b"PK\x03\x04": "npz",
    b"lampyris": "profile",
    SIGNATURE: "parquet",
}
YAML_SUFFIXES = (".yaml", ".yml")


def recognise(path: Path | str) -> str:
    """The key in `FORMATS` of a file; raises `LampyrisError` if it is none of them."""
    path = Path(path)
    if path.is_dir() and is_graphnet_folder(path):
        return "graphnet"
    with readable(path, "file that lampyris reads"), path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise LampyrisError(f"{path} is empty.")
    container = next((kind for signature, kind in _SIGNATURES.items() if head.startswith(signature)), "")
    if container == "hdf5":
        with readable(path, "HDF5 file"), h5py.File(path, "r"):
            pass
        own = {hits_file.FORMAT: "events", fits_file.FORMAT: "fits"}.get(file_format(path))
        if own is not None:
            return own
        if is_watchmal(path):
            return "watchmal"
        if kind := _table(path):
            return kind
    elif container == "root":
        return _tree(path)
    elif container == "npz":
        return _archive(path)
    elif container == "profile":
        return container
    elif container == "parquet":
        if kind := parquet_layout(path):
            return kind
    elif path.suffix.lower() in YAML_SUFFIXES:
        return "detector"
    elif path.suffix.lower() in SUFFIXES:
        return "sensors"
    raise LampyrisError(f"{path} is of no format that lampyris reads: {', '.join(FORMATS.values())}.")


def _tree(path: Path) -> str:
    with readable(path, "ROOT file"), open_root(path) as file:
        names = {key.split(";")[0] for key in file.keys()}  # noqa: SIM118
    for tree, kind in (("wcsimT", "wcsim"), ("OpticalPhotons", "photonsim")):
        if tree in names:
            return kind
    raise LampyrisError(
        f"{path} is a ROOT file with neither wcsimT nor OpticalPhotons, but {', '.join(sorted(names)[:5])}."
    )


def _table(path: Path) -> str:
    """The kind of a plain table in HDF5; empty for one that is none or cannot be read."""
    with contextlib.suppress(LampyrisError), readable(path, "HDF5 file"), h5py.File(path, "r") as file:
        return table_kind(file.keys())
    return ""


def _archive(path: Path) -> str:
    """What a `.npz` holds, by the names of its arrays."""
    with readable(path, "archive"), zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy") for name in archive.namelist()}
    return "steps" if "format" in names else table_kind(names) or "sensors"
