"""Attributes of HDF5 files of ours: short texts of fixed length and whole numbers.

Texts of variable length lie in a heap of the file, and the HDF5 library never ends on a heap that is damaged in certain
ways. They are written no more, and read only where the heap is sound.
"""

import mmap
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

MOST_TEXT = 65536
"""Bytes of a text at most."""


def write_attributes(file: h5py.File, values: Mapping[str, str | int]) -> None:
    """Set attributes of the file."""
    for name, value in values.items():
        if isinstance(value, str):
            text = value.encode()[: MOST_TEXT - 1]
            file.attrs[name] = np.array(text, dtype=f"S{max(len(text), 1)}")
        else:
            file.attrs[name] = np.int64(value)


def read_attribute(file: h5py.File, name: str) -> str | int | None:
    """One attribute; nothing if there is none, or if it is neither a text nor a whole number."""
    if name not in file.attrs:
        return None
    stored = file.attrs.get_id(name)
    kind = stored.get_type()
    if stored.shape not in ((), (1,)):
        return None
    if isinstance(kind, h5py.h5t.TypeStringID):
        if kind.is_variable_str() and not _heap_is_sound(Path(file.filename)):
            raise ValueError("the heap of its texts is damaged")
        if not kind.is_variable_str() and stored.dtype.itemsize > MOST_TEXT:
            raise ValueError(f"the attribute {name} has {stored.dtype.itemsize} bytes")
        value = np.asarray(file.attrs[name]).reshape(())[()]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if isinstance(kind, h5py.h5t.TypeIntegerID):
        return int(np.asarray(file.attrs[name]).reshape(())[()])
    return None


def text_attributes(file: h5py.File) -> dict[str, str]:
    """All attributes that are texts or whole numbers, as texts."""
    found = {name: read_attribute(file, name) for name in list(file.attrs)}
    return {name: str(value) for name, value in found.items() if value is not None}


def _heap_is_sound(path: Path) -> bool:
    """Whether the objects of every heap collection of a file fill it in order, as the HDF5 format wants them."""
    if os.path.getsize(path) == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(b"GCOL")
        while at >= 0:
            if at + 16 > len(content):
                return False
            version, size = content[at + 4], struct.unpack_from("<Q", content, at + 8)[0]
            if version != 1 or size < 16 or at + size > len(content) or not _objects_fit(content, at + 16, at + size):
                return False
            at = content.find(b"GCOL", at + 4)
    return True


def _objects_fit(content: mmap.mmap, at: int, end: int) -> bool:
    while at + 16 <= end:
        index, _, _, size = struct.unpack_from("<HHIQ", content, at)
        if index == 0:  # the free space, which counts its own head
            return size <= end - at
        if size > end - at - 16:
            return False
        at += 16 + (size + 7) // 8 * 8
    return True
