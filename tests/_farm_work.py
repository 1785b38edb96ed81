"""What workers of the tests do; it imports nothing, so that they start quickly."""

import os
import signal
import time
from pathlib import Path


class Deadly:
    """Squares numbers; the process dies on some tasks, on a task "once" only as long as the mark is not there."""

    def __init__(self, always=(), once=(), mark=""):
        self.always, self.once, self.mark = always, once, mark

    def __call__(self, task):
        if task in self.always:
            os.kill(os.getpid(), signal.SIGKILL)
        if task in self.once and not Path(self.mark).exists():
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)
        return task**2


def cores(task):
    """The processor cores that any thread of the process may use, and the process."""
    time.sleep(0.2)
    threads = Path("/proc/self/task")
    numbers = [int(thread.name) for thread in threads.iterdir()] if threads.exists() else [0]
    return os.getpid(), frozenset().union(*(os.sched_getaffinity(number) for number in numbers))
