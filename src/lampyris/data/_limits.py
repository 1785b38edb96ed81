"""Files are not trusted: what is wrong with one ends in one line, and none takes more memory than it says it may."""

import contextlib
import csv
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lampyris._checks import LampyrisError
from lampyris.data._hdf5 import one_line

LARGEST_COLUMN = 2**28
"""Bytes of a column that is read whole; longer ones are read part by part."""
LARGEST_UNPACKED = 2**28
"""Bytes that an archive may unpack to."""
_BROKEN = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    TypeError,
    RuntimeError,
    IndexError,
    OverflowError,
    MemoryError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
    struct.error,
)
_LIBRARIES = ("uproot", "awkward", "cramjam", "h5py")


@contextlib.contextmanager
def readable(path: Path | str, kind: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into a `LampyrisError` of one line."""
    path = Path(path)
    if not path.exists():
        raise LampyrisError(f"{path} does not exist.")
    if path.is_dir():
        raise LampyrisError(f"{path} is a directory, not {a(kind)}.")
    try:
        yield
    except LampyrisError:
        raise
    except Exception as error:
        # libraries have errors of their own for broken files; only what they are known to raise is taken for that
        if not isinstance(error, _BROKEN) and type(error).__module__.split(".")[0] not in _LIBRARIES:
            raise
        raise LampyrisError(f"{path} is damaged or not {a(kind)}: {one_line(error)[:300].rstrip('.')}.") from error


def a(kind: str) -> str:
    """A kind of file with its article."""
    return f"{'an' if kind[0] in 'aeiou' or kind.startswith('HDF') else 'a'} {kind}"


def check_unpacked(path: Path, most: int = LARGEST_UNPACKED) -> None:
    """Raise `LampyrisError` if the entries of an archive (.npz) claim to unpack to more than they may."""
    with zipfile.ZipFile(path) as archive:
        claimed = sum(entry.file_size for entry in archive.infolist())
        for entry in archive.infolist():
            claimed += _claimed_by_head(archive, entry)
    if claimed > 2 * most:
        raise LampyrisError(f"{path} claims {claimed} bytes unpacked, more than {most}.")


def _claimed_by_head(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Bytes that the head of an array in an archive asks for, before they are taken."""
    if not entry.filename.endswith(".npy"):
        return 0
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{entry.filename} is of an unknown version")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError(f"{entry.filename} holds objects")
    return math.prod(shape) * dtype.itemsize


def check_size(path: Path, most: int) -> None:
    """Raise `LampyrisError` if a file is larger than its kind may be."""
    size = os.path.getsize(path)
    if size > most:
        raise LampyrisError(f"{path} must be at most {most >> 20} MB, but is {size >> 20} MB.")
