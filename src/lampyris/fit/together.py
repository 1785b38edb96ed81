"""Fits of several events side by side on one device: what all of them ask for next is worked out at once.

Each fit runs in a thread of its own, and is the same fit that runs alone. Whenever all of them wait for an evaluation, the
kind that most wait for is evaluated for these together, mapped over events. A bucket always has the same size, so that
each kind is compiled once; places that no event needs are filled with a copy of another.
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from lampyris._checks import fail
from lampyris._host import small_matrices
from lampyris.detector import Detector
from lampyris.fit.objective import Asked, Evaluator, event_quadratic
from lampyris.likelihood import Quadratic
from lampyris.transport import Hybrid


class BrokenOff(BaseException):
    """The fits that this one ran beside have been stopped; no fit may take it for an event that failed."""


class Meeting:
    """Where fits wait until all of them do; `size` is that of a bucket, and the most fits that may attend."""

    def __init__(self, size: int):
        if size < 1:
            fail("Meeting(size=...)", ">= 1", size)
        self.size, self._present, self._open = size, 0, True
        self._waiting: list[_Request] = []
        self._changed = threading.Condition()

    @contextmanager
    def attended(self, count: int) -> Iterator[None]:
        """Between here and its end `count` fits attend, unless they `leave`."""
        with self._changed:
            self._present += count
        try:
            yield
        finally:
            with self._changed:
                self._present, self._open = 0, False
                self._changed.notify_all()

    def leave(self) -> None:
        """One fit less attends."""
        with self._changed:
            self._present -= 1
            self._changed.notify_all()

    def ask(self, function: Callable, own: Any, shared: tuple) -> Any:
        """`function(own, *shared)`, with all that ask for the same function; blocks until all that attend ask."""
        request = _Request(function, own, shared)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify_all()
            while not request.done:
                if not self._open:
                    raise BrokenOff
                if len(self._waiting) >= self._present:
                    self._serve()
                    self._changed.notify_all()
                else:
                    self._changed.wait()
        if request.error is not None:
            raise request.error
        return request.result

    def _serve(self) -> None:
        """Work out what most wait for."""
        kind, _ = Counter(id(request.function) for request in self._waiting).most_common(1)[0]
        served = [request for request in self._waiting if id(request.function) == kind][: self.size]
        self._waiting = [request for request in self._waiting if request not in served]
        owns = [request.own for request in served]
        filled = tuple(owns + owns[:1] * (self.size - len(owns)))
        try:
            results = jax.block_until_ready(_each(served[0].function, filled, served[0].shared))
        except Exception as error:  # whatever it is, it is the answer to all that asked
            results = (None,) * len(served)
            for request in served:
                request.error = error
        for request, result in zip(served, results, strict=False):
            request.result, request.done = result, True


class _Request:
    """What one fit waits for."""

    def __init__(self, function: Callable, own: Any, shared: tuple):
        self.function, self.own, self.shared = function, own, shared
        self.result: Any = None
        self.error: Exception | None = None
        self.done = False


@eqx.filter_jit
def _each(function: Callable, owns: tuple, shared: tuple) -> tuple:
    """The results of a function for several arguments of the same structure, mapped over them."""
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *owns)
    found = jax.vmap(lambda own: function(own, *shared))(stacked)
    return tuple(jax.tree.map(itemgetter(place), found) for place in range(len(owns)))


class SideBySide(Evaluator):
    """Works out what several fits ask for at a time."""

    def __init__(self, detector: Detector, transport: Hybrid, meeting: Meeting):
        super().__init__(detector, transport)
        self.meeting = meeting

    def work(self, function: Callable, own: Any, *shared: Any) -> Any:
        return self.meeting.ask(function, own, shared)

    def quadratic(self, asked: Asked) -> Quadratic:
        return self.work(event_quadratic, asked, self.detector)


def side_by_side(
    work: Callable[[Any], Any], tasks: Iterable[tuple[int, Any]], meeting: Meeting
) -> Iterator[tuple[int, Any]]:
    """Do tasks in as many threads as the meeting has places, each the next one that is left; results as they are done."""
    source, waiting, results = iter(tasks), queue.SimpleQueue(), queue.SimpleQueue()

    def attend() -> None:
        try:
            while (task := waiting.get()) is not None:
                results.put((task[0], work(task[1])))
        except BaseException as error:
            results.put(error)
        finally:
            meeting.leave()

    with small_matrices(), meeting.attended(meeting.size):
        for _ in range(meeting.size):
            threading.Thread(target=attend, daemon=True).start()
        try:
            yield from _fed(source, waiting, results, meeting.size)
        finally:
            for _ in range(meeting.size):
                waiting.put(None)


def _fed(source: Iterator, waiting: queue.SimpleQueue, results: queue.SimpleQueue, places: int) -> Iterator:
    """Give each of some workers a task, and the next one for each result; those for whom none is left get nothing."""
    working = 0
    for _ in range(places):
        task = next(source, None)
        waiting.put(task)
        working += task is not None
    while working:
        found = results.get()
        if isinstance(found, BaseException):
            raise found
        task = next(source, None)
        waiting.put(task)
        working -= task is None
        yield found
