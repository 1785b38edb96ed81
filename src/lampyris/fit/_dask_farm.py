"""The same work on many tasks, on the workers of a Dask scheduler. Needs the extra `lampyris[dask]`."""

import contextlib
import pickle
import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError
from importlib.metadata import version
from typing import Any

import distributed

from lampyris._checks import LampyrisError
from lampyris.fit.farm import AHEAD, Lost, Tasks, Work

PATIENCE = 30.0
"""How long scheduler and first worker are waited for [s]."""


class _Bring(distributed.WorkerPlugin):
    """Gives the work to every worker, also to those that come later."""

    def __init__(self, name: str, work: bytes):
        self.name, self.work, self.release = name, work, version("lampyris")

    def setup(self, worker: Any) -> None:
        here = version("lampyris")
        if here != self.release:
            raise RuntimeError(f"the worker has lampyris {here}, but {self.release} asks")
        _works(worker)[self.name] = pickle.loads(self.work)

    def teardown(self, worker: Any) -> None:
        _works(worker).pop(self.name, None)


def _works(worker: Any) -> dict[str, Work]:
    if not hasattr(worker, "lampyris_work"):
        worker.lampyris_work = {}
    return worker.lampyris_work


def _do(name: str, task: Any) -> Any:
    return _works(distributed.get_worker())[name](task)


def on_scheduler(work: Work, tasks: Tasks, address: str) -> Iterator[tuple[int, Any]]:
    """Do the tasks on the workers of the scheduler at `address`; results come as they are done.

    A worker that dies is replaced by the others, or by one that comes later; a task on which several workers have died is
    `Lost`. Raises `LampyrisError` if there is no scheduler, if it has no workers, or if it is lost.
    """
    with _client(address) as client:
        name = f"lampyris-{uuid.uuid4()}"
        _send(client, _Bring(name, pickle.dumps(work)), address)
        try:
            yield from _collect(client, name, iter(tasks), address)
        finally:
            with contextlib.suppress(Exception):  # whatever became of the scheduler, the work is done or told
                client.unregister_worker_plugin(name)


@contextlib.contextmanager
def _client(address: str) -> Iterator[distributed.Client]:
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise LampyrisError(f"`--scheduler` must be where a Dask scheduler answers, but {address} does not.") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise LampyrisError(f"`--scheduler` must have workers, but {address} has none.") from error
        yield client


def _send(client: distributed.Client, bring: _Bring, address: str) -> None:
    try:
        client.register_plugin(bring, name=bring.name)
    except Exception as error:  # whatever goes wrong on a worker is raised here
        reason = " ".join(str(error).split())
        raise LampyrisError(f"The workers of {address} cannot take the work: {reason}.") from error


def _collect(client: distributed.Client, name: str, source: Iterator, address: str) -> Iterator[tuple[int, Any]]:
    """Keep the workers busy and hand on what is done."""
    numbers: dict[str, int] = {}

    def submit(number: int, task: Any) -> distributed.Future:
        future = client.submit(_do, name, task, key=f"{name}-{number}", pure=False)
        numbers[str(future.key)] = number
        return future

    def fill() -> Iterator[distributed.Future]:
        cores: Any = client.ncores()
        width = AHEAD * max(sum(cores.values()), 1)
        while len(numbers) < width:
            try:
                number, task = next(source)
            except StopIteration:
                return
            yield submit(number, task)

    running = distributed.as_completed(list(fill()), loop=client.loop)
    for future in running:
        number = numbers.pop(str(future.key))
        try:
            result = future.result()
        except distributed.KilledWorker:
            result = Lost("the workers that worked on it died")
        except (CancelledError, OSError) as error:
            raise LampyrisError(f"The scheduler {address} is lost; the same command goes on where it was.") from error
        future.release()
        for new in fill():
            running.add(new)
        yield number, result
