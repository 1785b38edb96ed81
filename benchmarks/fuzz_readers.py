"""Damage files of every format and read them: no crash, no hang, no memory above 2 GB, and one line for what is refused.

    python benchmarks/fuzz_readers.py [--mutations 10000] [--readers events wcsim] [--seed 1]

Each reader works in a process of its own, so that a crash of a library shows; a read that takes longer than 20 s of the
processor, or 400 s by the clock, is a hang. Figures of readers that are not named are kept. What fails is kept in
`build/fuzz/` with the number of its mutation.
"""

import argparse
import faulthandler
import multiprocessing
import resource
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
from _fuzzing import READERS, damaged, sound_files, survives
from _record import record

LONGEST = 20
KEPT = Path("build/fuzz")


def work(kind: str, content: bytes, name: str, begin: int, end: int, seed: int, pipe) -> None:
    """Read mutations `begin` to `end` and tell the outcome of each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        for number in range(begin, end):
            path.write_bytes(damaged(content, np.random.default_rng([seed, number])))
            faulthandler.dump_traceback_later(20 * LONGEST, exit=True)  # works inside libraries too
            signal.setitimer(signal.ITIMER_PROF, LONGEST)  # of the processor, whatever else the machine does; it kills
            try:
                outcome = survives(kind, path)
            except BaseException as error:
                outcome = f"{type(error).__name__}: {error}"[:300]
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            faulthandler.cancel_dump_traceback_later()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
            pipe.send((number, outcome, peak))


def fuzz(kind: str, source: Path, mutations: int, seed: int) -> dict:
    """Counts of outcomes, and the memory that one process took at most."""
    content, told = (
        source.read_bytes(),
        {"mutations": 0, "read": 0, "refused": 0, "failed": [], "crashed": [], "peak_gb": 0.0},
    )
    begin, start = 0, time.perf_counter()
    while begin < mutations:
        here, there = multiprocessing.Pipe(duplex=False)
        worker = multiprocessing.Process(target=work, args=(kind, content, source.name, begin, mutations, seed, there))
        worker.start()
        there.close()
        while True:
            try:
                number, outcome, peak = here.recv()
            except EOFError:
                break
            begin, told["mutations"] = number + 1, told["mutations"] + 1
            told["peak_gb"] = max(told["peak_gb"], peak)
            if outcome in ("read", "refused"):
                told[outcome] += 1
            else:
                told["failed"].append((number, outcome))
                keep(kind, source, content, number, seed)
        worker.join()
        if worker.exitcode != 0 and begin < mutations:
            told["crashed"].append((begin, worker.exitcode))
            keep(kind, source, content, begin, seed)
            begin, told["mutations"] = begin + 1, told["mutations"] + 1
    return told | {"seconds": time.perf_counter() - start}


def keep(kind: str, source: Path, content: bytes, number: int, seed: int) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    data = damaged(content, np.random.default_rng([seed, number]))
    (KEPT / f"{kind}_{number}{source.suffix}").write_bytes(data)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--mutations", type=int, default=10_000)
    options.add_argument("--readers", nargs="+", default=list(READERS), choices=list(READERS))
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    multiprocessing.set_start_method("spawn")
    folder = Path(tempfile.mkdtemp())
    try:
        files, settings = sound_files(folder), {"mutations": chosen.mutations, "readers": list(READERS)}
        for kind in chosen.readers:
            figures = {kind: fuzz(kind, files[kind], chosen.mutations, chosen.seed)}
            record("fuzz_readers", settings, chosen.seed, figures, keep=True)  # a run that is stopped keeps what it has
            print(figures, flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
