"""The same work on many tasks: one after the other, or in several processes of this machine.

Results come as they are done, each with the number of its task. What a worker is given once, the work, is sent to it once.
"""

import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import count as counting
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, NamedTuple

AHEAD = 2
"""Tasks that wait for each worker, so that none is idle."""

Work = Callable[[Any], Any]
Tasks = Iterable[tuple[int, Any]]


class Lost(NamedTuple):
    """In the place of a result: the worker of the task died."""

    reason: str


def in_line(work: Work, tasks: Tasks) -> Iterator[tuple[int, Any]]:
    """Do all tasks here, in order."""
    for number, task in tasks:
        yield number, work(task)


def in_processes(work: Work, tasks: Tasks, count: int) -> Iterator[tuple[int, Any]]:
    """Do the tasks in `count` processes; work and tasks must pickle.

    When a process dies, new ones are started, and the tasks that were in flight are done one at a time: the task that kills
    its process once more is `Lost`, and no other.
    """
    farm = _Processes(pickle.dumps(work), count)
    source, flying = iter(tasks), {}
    try:
        while True:
            yield from _fly(farm, source, flying)
            if not flying:
                return
            suspects = deque(sorted(flying.items()))
            flying.clear()
            farm.restart()
            while suspects:
                number, (task, _) = suspects.popleft()
                try:
                    yield number, farm.submit(task).result()
                except BrokenProcessPool:
                    farm.restart()
                    yield number, Lost("the process that worked on it died, twice")
    finally:
        farm.stop()


def _fly(farm: "_Processes", source: Iterator, flying: dict[int, tuple[Any, Future]]) -> Iterator[tuple[int, Any]]:
    """Keep the processes busy until all is done, or until one dies: then what was in flight is left in `flying`."""
    for number, task in source:
        try:
            flying[number] = (task, farm.submit(task))
        except BrokenProcessPool:
            flying[number] = (task, Future())
            return
        while len(flying) >= AHEAD * farm.count:
            if not (yield from _land(flying)):
                return
    while flying and (yield from _land(flying)):
        pass


def _land(flying: dict[int, tuple[Any, Future]]) -> Iterator[tuple[int, Any]]:
    """Wait for results and hand them on; returns whether the processes are alive."""
    wait([future for _, future in flying.values()], return_when=FIRST_COMPLETED)
    alive = True
    for number, (_, future) in sorted(flying.items()):
        if not future.done():
            continue
        if isinstance(future.exception(), BrokenProcessPool):
            alive = False
            continue
        del flying[number]
        yield number, future.result()
    return alive


class _Kept(SpawnProcess):
    """A process that keeps to its share of the processor cores from its first moment."""

    share: tuple[int, int] = (0, 1)
    """its number among as many"""

    def start(self) -> None:
        with _on_share(*self.share):
            super().start()


class _Spawning(SpawnContext):
    """Starts processes anew: one that were forked would share the threads of the arithmetic, which forking breaks."""

    def __init__(self, count: int):
        super().__init__()
        self.count, self.numbers = count, counting()

    def Process(self, *args: Any, **options: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        process = _Kept(*args, **options)
        process.share = (next(self.numbers) % self.count, self.count)
        return process


class _Processes:
    """A pool of processes that can be started anew."""

    def __init__(self, work: bytes, count: int):
        self.work, self.count = work, count
        self._start()

    def _start(self) -> None:
        context = _Spawning(self.count)
        self.pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_adopt, initargs=(self.work,))

    def submit(self, task: Any) -> Future:
        return self.pool.submit(_do, task)

    def restart(self) -> None:
        self.stop()
        self._start()

    def stop(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)


_work: list[Work] = []
"""What this process does, if it is one of a pool."""


def _adopt(work: bytes) -> None:
    """Begin as a process of a pool: control-C is for the first process, without which none stays."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _work.append(pickle.loads(work))


@contextmanager
def _on_share(number: int, count: int) -> Iterator[None]:
    """Keep this thread to a share of the processor cores for a while, where the system lets it choose.

    What it starts meanwhile inherits the share, and makes no more threads than it has cores: threads for all cores in each of
    several processes spend much of their time on waiting for each other.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[number % len(cores) :: count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(task: Any) -> Any:
    return _work[0](task)
