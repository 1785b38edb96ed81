"""Files are not trusted: what is wrong with one ends in one line, and none takes more memory than it says it may."""

import contextlib
import csv
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from lampyris._checks import LampyrisError
from lampyris.data._hdf5 import one_line

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
    NotImplementedError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
)


@contextlib.contextmanager
def readable(path: Path | str, kind: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into a `LampyrisError` of one line."""
    path = Path(path)
    if not path.exists():
        raise LampyrisError(f"{path} does not exist.")
    if path.is_dir():
        raise LampyrisError(f"{path} is a directory, not a {kind}.")
    try:
        yield
    except LampyrisError:
        raise
    except _BROKEN as error:
        raise LampyrisError(f"{path} is damaged or not a {kind}: {one_line(error)[:300]}.") from error


def check_size(path: Path, most: int) -> None:
    """Raise `LampyrisError` if a file is larger than its kind may be."""
    size = os.path.getsize(path)
    if size > most:
        raise LampyrisError(f"{path} must be at most {most >> 20} MB, but is {size >> 20} MB.")
