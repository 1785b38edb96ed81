"""HDF5 files that end in the middle: what is left of one can be read after the missing end is filled with zeros."""

import contextlib
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lampyris._checks import LampyrisError
from lampyris.data.hits_file import EventFile, read_events

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_END = {0: 40, 1: 44, 2: 28, 3: 28}
"""Where the first block of a file says where it ends, by the version of that block."""
MOST_MISSING = 1000
"""Times that what is missing may be larger than what is there: a damaged head may claim any size."""


def missing_bytes(path: Path) -> int:
    """How many bytes an HDF5 file lacks of those that it says it has; 0 for a whole one and for other files."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        head = file.read(64)
        at = _END.get(head[8]) if head.startswith(_SIGNATURE) and len(head) == 64 else None
        if at is not None:
            return max(struct.unpack_from("<Q", head, at)[0] - path.stat().st_size, 0)
    return 0


@contextlib.contextmanager
def events_left(path: Path) -> Iterator[tuple[EventFile, int]]:
    """The events of a file, and how many bytes it lacks; single events of a cut file may still be unreadable.

    Raises `LampyrisError` for a file that is not sound for another reason, or of which not even the list of events is left.
    """
    lacking = missing_bytes(path)
    if not 0 < lacking <= MOST_MISSING * path.stat().st_size:
        yield read_events(path), 0
        return
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / path.name
        try:
            shutil.copyfile(path, copy)
            os.truncate(copy, path.stat().st_size + lacking)  # zeros that take no room
            events = read_events(copy)
        except (LampyrisError, OSError):
            events = None
        if events is None:
            yield read_events(path), 0  # says what is wrong with the file itself
            return
        yield events, lacking
