"""What the readers of ROOT files share: uproot if it is there, and the arrays of objects that it leaves unread."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from lampyris._checks import LampyrisError

LARGEST_FILE = 8 * 2**30
LARGEST_PART = 512 * 2**20
"""Bytes that one part of a branch may unpack to."""
COLUMN_WISE = 0x1000
"""Bit of a TClonesArray whose objects are written member by member."""
REFERENCED = 0x10
_TYPES = {3: ">i4", 5: ">f4", 8: ">f8", 9: ">f4", 13: ">u4", 6: ">i4", 2: ">i2", 12: ">u2", 18: "?", 11: "u1", 1: "i1"}


def uproot_module() -> Any:
    """The package uproot; raises `LampyrisError` with the command that installs it."""
    try:
        import uproot
    except ImportError as error:
        raise LampyrisError("ROOT files need the package uproot: pip install uproot awkward.") from error
    return uproot


def open_root(path: Path) -> Any:
    """Open a ROOT file whose arrays of objects are read as columns."""
    uproot = uproot_module()
    classes = {**uproot.classes, "TClonesArray": _columns_class()}
    return uproot.open(path, custom_classes=classes, object_cache=None, array_cache=None)


def tree_of(path: Path, file: Any, name: str) -> Any:
    """A tree of a file by name; raises `LampyrisError` if there is none."""
    tree = file.get(name)
    if tree is None or not hasattr(tree, "num_entries"):
        raise LampyrisError(f"{path} has no tree {name}.")
    return tree


def check_basket_sizes(path: Path, branch: Any) -> None:
    """Raise `LampyrisError` before memory is taken if a part of a branch claims to unpack to too much."""
    for number in range(branch.num_baskets):
        size = branch.basket_uncompressed_bytes(number)
        if not 0 <= size <= LARGEST_PART:
            raise LampyrisError(f"{path}: a part of {branch.name} claims {size} bytes, not 0 to {LARGEST_PART}.")


def _columns_class() -> type:
    """A reader for TClonesArray that understands objects written member by member, which uproot does not."""
    from uproot.models.TClonesArray import Model_TClonesArray
    from uproot.models.TObjArray import _tobjarray_format1
    from uproot.models.TObject import Model_TObject

    class Columns(Model_TClonesArray):
        def read_members(self, chunk, cursor, context, file):
            start = cursor.copy()
            base = Model_TObject.read(chunk, cursor, context, file, self._file, self._parent, concrete=self.concrete)
            name = cursor.string(chunk, context)
            kind, _, version = cursor.string(chunk, context).partition(";")
            count, low = cursor.fields(chunk, _tobjarray_format1, context)
            if not base.member("@fBits") & COLUMN_WISE:
                cursor.move_to(start.index)
                super().read_members(chunk, cursor, context, file)
                self.columns = None
                return
            self._bases.append(base)
            self._members.update({"fName": name, "fSize": count, "fLowerBound": low, "fClass": kind})
            self._item_classname, self._item_classversion = kind, int(version)
            end = self._cursor.index + self._num_bytes
            rest = np.frombuffer(bytes(cursor.bytes(chunk, end - cursor.index, context)), np.uint8)
            self.columns = read_columns(rest, count, file.streamer_named(kind, int(version)).elements)
            self._data = []

    Columns.__name__ = Columns.__qualname__ = "Model_TClonesArray"
    return Columns


def read_columns(raw: np.ndarray, count: int, elements: Any) -> dict[str, np.ndarray]:
    """Members of `count` objects from the bytes of their columns, up to the first that is not a plain number."""
    columns, at = {}, 0
    if count < 0 or count > len(raw):
        raise LampyrisError(f"An array of objects claims {count} of them in {len(raw)} bytes.")
    for element in elements:
        kind, name = int(element.member("fType")), element.member("fName")
        if kind == 66:  # the base class of all: version, identifier, bits
            at = _skip_objects(raw, at, count)
            continue
        length = max(int(element.member("fArrayLength")), 1)
        plain = _TYPES.get(kind - 20 if kind > 20 else kind)
        if plain is None:
            break
        size = count * length * np.dtype(plain).itemsize
        if at + size > len(raw):
            raise LampyrisError(f"The column {name} of an array of objects is cut off.")
        values = np.frombuffer(raw[at : at + size].tobytes(), plain)
        columns[name] = values.reshape(count, length) if length > 1 else values
        at += size
    return columns


def _skip_objects(raw: np.ndarray, at: int, count: int) -> int:
    """The place behind the base classes of all objects; one that is referred to has two bytes more."""
    for _ in range(count):
        if at + 10 > len(raw):
            raise LampyrisError("The base classes of an array of objects are cut off.")
        bits = int.from_bytes(raw[at + 6 : at + 10].tobytes(), "big")
        at += 12 if bits & REFERENCED else 10
    return at


def read_whole(branch: Any, file: Any, kind: str) -> dict[str, Any]:
    """Members of the first object of a branch that ROOT did not split, of the class `kind`.

    ROOT writes such an object without the header that uproot expects before it. Numbers come as they are, arrays of
    objects as their columns; what follows a member of another type is left out.
    """
    raw = np.frombuffer(branch.basket(0).data.tobytes(), np.uint8)
    at = 6 if len(raw) > 4 and raw[0] & 0x40 else 0
    members: dict[str, Any] = {}
    for element in file.file.streamer_named(kind).elements:
        name, code = element.member("fName"), int(element.member("fType"))
        if code == 66:
            at = _skip_objects(raw, at, 1)
        elif code in (63, 64) and element.typename.startswith("TClonesArray"):
            members[name], at = _pointed_columns(raw, at, file)
        else:
            plain = _TYPES.get(code - 20 if code > 20 else code)
            if plain is None:
                break
            length = max(int(element.member("fArrayLength")), 1)
            size = length * np.dtype(plain).itemsize
            if at + size > len(raw):
                raise LampyrisError(f"The member {name} of {kind} is cut off.")
            values = np.frombuffer(raw[at : at + size].tobytes(), plain)
            members[name] = values if length > 1 else values[0]
            at += size
    return members


def _pointed_columns(raw: np.ndarray, at: int, file: Any) -> tuple[dict[str, np.ndarray], int]:
    """Columns of an array of objects behind a pointer, and the place after it."""
    content = raw.tobytes()
    (length,) = struct.unpack_from(">I", content, at)
    if not length & 0x40000000:
        return {}, at + 4  # a pointer to nothing
    end = at + 4 + (length & 0x3FFFFFFF)
    if end > len(content):
        raise LampyrisError("An array of objects is cut off.")
    (tag,) = struct.unpack_from(">I", content, at + 4)
    at += 8
    if tag == 0xFFFFFFFF:
        at = content.index(b"\0", at, end) + 1  # behind the name of the class
    at += 6  # length and version
    (bits,) = struct.unpack_from(">I", content, at + 6)
    if not bits & COLUMN_WISE:
        raise LampyrisError("An array of objects is written object by object, which is not understood here.")
    at = _skip_objects(raw, at, 1)
    _, at = _string(content, at, end)
    kind, at = _string(content, at, end)
    (count, _), at = struct.unpack_from(">ii", content, at), at + 8
    name, _, version = kind.partition(";")
    return read_columns(raw[at:end], count, file.file.streamer_named(name, int(version)).elements), end


def _string(content: bytes, at: int, end: int) -> tuple[str, int]:
    length, at = content[at], at + 1
    if length == 255:
        (length,), at = struct.unpack_from(">I", content, at), at + 4
    if at + length > end:
        raise LampyrisError("A name in an array of objects is cut off.")
    return content[at : at + length].decode("latin-1"), at + length
