"""Files of named arrays with a header: one line with a checksum, one line of JSON, then the numbers."""

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from lampyris._checks import LampyrisError

LARGEST = 2**26
"""Bytes that such a file may have."""
_KINDS = ("<f4", "<f8", "<i8")


def pack(path: Path | str, format_name: str, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a file as a whole or not at all: what was there before stays until the new one is complete."""
    path, listed, numbers = Path(path), [], []
    for name, array in arrays.items():
        kind = {"f4": "<f4", "f8": "<f8"}.get(np.asarray(array).dtype.str[1:], "<i8")
        listed.append([name, kind, list(np.shape(array))])
        numbers.append(np.asarray(array).astype(kind).tobytes())
    content = json.dumps(header | {"arrays": listed}).encode() + b"\n" + b"".join(numbers)
    first = f"{format_name} {hashlib.sha256(content).hexdigest()}\n".encode()
    begun = path.with_name(path.name + ".tmp")
    try:
        begun.write_bytes(first + content)
        os.replace(begun, path)
    except OSError as error:
        raise LampyrisError(f"{path} cannot be written: {error.strerror or type(error).__name__}.") from error


def unpack(path: Path | str, format_name: str, kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a file; raises `LampyrisError` for one of another format or with any byte changed."""
    content = _content(Path(path), format_name, kind)
    line, _, numbers = content.partition(b"\n")
    header = json.loads(line)
    arrays, at = {}, 0
    for name, dtype, shape in header.pop("arrays"):
        if dtype not in _KINDS:
            raise LampyrisError(f"{path} is not a {kind}: its array {name} is of the kind {dtype}.")
        count = math.prod(shape)
        arrays[name] = np.frombuffer(numbers, dtype, count, at).reshape(shape)
        at += count * np.dtype(dtype).itemsize
    return header, arrays


def _content(path: Path, format_name: str, kind: str) -> bytes:
    """What follows the first line, its checksum checked."""
    try:
        if path.stat().st_size > LARGEST:
            raise LampyrisError(f"{path} is not a {kind}: it has more than {LARGEST >> 20} MB.")
        first, _, content = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise LampyrisError(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from error
    words = first.decode("latin-1").split(" ")
    if len(words) != 2 or words[0] != format_name:
        other = words[0] if words[0].startswith("lampyris-") and len(words[0]) < 40 and words[0].isprintable() else None
        told = f"is of the format {other}, not {format_name}" if other else f"is not a {kind}"
        raise LampyrisError(f"{path} {told}.")
    if hashlib.sha256(content).hexdigest() != words[1]:
        raise LampyrisError(f"{path} is damaged: its checksum does not fit.")
    return content
