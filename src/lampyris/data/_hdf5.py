"""HDF5 files of ours: written whole or not at all, checked before they are believed."""

import contextlib
import datetime
import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import h5py
import numpy as np

from lampyris._checks import LampyrisError, show
from lampyris.data._attributes import read_attribute

MOST_COMPRESSED = 1100
"""Times that gzip can shrink data at most: a file that claims to hold more is not believed."""
_BROKEN = (OSError, KeyError, ValueError, TypeError, RuntimeError, IndexError, OverflowError)


def one_line(error: BaseException) -> str:
    """The message of an error on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def provenance(command: str) -> dict[str, str]:
    """What every file says about its making: version of the package, command, date."""
    try:
        release = version("lampyris")
    except PackageNotFoundError:
        release = "unknown"
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"lampyris": release, "command": command, "date": date}


@contextlib.contextmanager
def writing(path: Path | str) -> Iterator[h5py.File]:
    """An HDF5 file that takes its place only when the block ends well; after an error nothing is left."""
    with replacing(Path(path)) as beside, h5py.File(beside, "w") as file:
        yield file


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside `path` for a file that takes its place when the block ends well; after an error nothing is left."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        raise LampyrisError(f"{path} cannot be written: {error.strerror or one_line(error)}.") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


@contextlib.contextmanager
def reading(path: Path | str, kind: str, number: int, *, oldest: int | None = None) -> Iterator[h5py.File]:
    """A file of the format `kind` in the versions `oldest` (else `number` alone) to `number`; all that is wrong with it
    ends in one line."""
    path = Path(path)
    try:
        if not path.exists():
            raise LampyrisError(f"{path} does not exist.")
        if path.is_dir():
            raise LampyrisError(f"{path} is a directory, not a {kind} file.")
        with h5py.File(path, "r") as file:
            _check_header(path, file, kind, range(number if oldest is None else oldest, number + 1))
            yield file
    except LampyrisError:
        raise
    except _BROKEN as error:
        raise LampyrisError(f"{path} is damaged or not a {kind} file: {one_line(error)}.") from error


def file_format(path: Path | str) -> str:
    """The format that a file says it has; empty when it says nothing that can be read."""
    with contextlib.suppress(*_BROKEN), h5py.File(path, "r") as file:
        return str(read_attribute(file, "format") or "")
    return ""


def attribute(file: h5py.File, name: str) -> str:
    """A text that the file has to tell of itself."""
    told = read_attribute(file, name)
    if not isinstance(told, str):
        raise LampyrisError(f"{file.filename} is damaged: its attribute {name} must be a text, but is {show(told)}.")
    return told


def dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """A dataset that the file has to hold."""
    data = file.get(name)
    if not isinstance(data, h5py.Dataset):
        raise LampyrisError(f"{file.filename} is damaged: it holds no {name}.")
    return data


def column(
    file: h5py.File, name: str, shape: tuple[int | None, ...], kinds: str, most: int | None = None
) -> h5py.Dataset:
    """A dataset of the wanted shape (`None`: any length) and kinds of numbers, not larger than the file can hold.

    `most` is the number of bytes that it may have at most, for a column that is read whole.
    """
    data = dataset(file, name)
    fits = len(data.shape) == len(shape) and all(b in (None, a) for a, b in zip(data.shape, shape, strict=True))
    if not fits or data.dtype.kind not in kinds:
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        found = f"{data.dtype} of shape {data.shape}"
        raise LampyrisError(f"{file.filename} is damaged: {name} must be of shape ({wanted}), but is {found}.")
    if data.nbytes > MOST_COMPRESSED * os.path.getsize(file.filename):
        raise LampyrisError(f"{file.filename} is damaged: {name} claims {data.nbytes} bytes, more than the file holds.")
    if most is not None and data.nbytes > most:
        raise LampyrisError(f"{file.filename}: {name} must have at most {most} bytes, but has {data.nbytes}.")
    return data


def growing(file: h5py.File, name: str, dtype, shape: tuple[int, ...] = ()) -> h5py.Dataset:
    """An empty compressed dataset to which rows can be appended."""
    chunk = (max(1, 16384 // int(np.prod(shape, initial=1))), *shape)
    return file.create_dataset(
        name, (0, *shape), dtype, maxshape=(None, *shape), chunks=chunk, compression="gzip", shuffle=True
    )


def append(data: h5py.Dataset, rows) -> None:
    """Put rows at the end of a dataset."""
    start = data.shape[0]
    data.resize(start + len(rows), axis=0)
    data[start:] = rows


def _check_header(path: Path, file: h5py.File, kind: str, numbers: range) -> None:
    found, version_found = read_attribute(file, "format"), read_attribute(file, "version")
    if found != kind:
        told = f"its format is {found!r}" if found else "it names no format; `lampyris convert` reads those of others"
        raise LampyrisError(f"{path} is not a {kind} file: {told}.")
    if version_found not in numbers:
        told, known = show(version_found), " and ".join(map(str, numbers))
        raise LampyrisError(f"{path} is of version {told} of {kind}; this lampyris reads version {known}.")
