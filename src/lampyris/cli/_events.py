"""Events of a file on their way to a fit."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lampyris.data.hits_file import EventFile
    from lampyris.response import Hits


def readable(
    events: "EventFile", done: set[int], unreadable: Callable[[int, str], None]
) -> "Iterator[tuple[int, Hits]]":
    """Number and hits of the events that are not done; of one that cannot be read, `unreadable` is told number and reason."""
    from lampyris._checks import LampyrisError

    for number in sorted(set(range(len(events))) - done):
        try:
            hits = events.hits(number)
        except LampyrisError as error:
            unreadable(number, str(error).removeprefix(f"{events.path}: "))
            continue
        yield number, hits
