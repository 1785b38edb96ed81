"""Time per event of muons of 1 GeV in SK: one by one, in two processes, and side by side in one.

    python benchmarks/fit_time.py [--events 24] [--batch 8]

`lampyris reconstruct` fits the first few events of a file by itself, as many as stand side by side, and then more of them.
What the second run takes longer, over the events that it has more, is the time per event: starting and compiling are in both.
Stages are those of single fits in this process. All of it wants a machine that does nothing else.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _record import record
from reconstruction import Sample, events_of

import lampyris as lp
from lampyris.data.fits_file import read_fits, summary
from lampyris.data.hits_file import write_events
from lampyris.fit.reconstruct import fit_problem, problem_of, start_of

SAMPLE = "mu-_1000"


class Way(NamedTuple):
    """A way to go through a file."""

    words: Sequence[str]
    """What it adds to the command line."""
    beside: int
    """Events at a time."""


def reconstructed(events: Path, way: Way) -> tuple[float, dict]:
    """Seconds of a run by the clock, and the summary of its fits."""
    fits = events.with_name(f"{events.stem}_fits.h5")
    words = ["reconstruct", str(events), "--quiet", "-o", str(fits), *way.words]
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "lampyris", *words], check=True)
    return time.perf_counter() - begin, summary(read_fits(fits))


def measured(drawn: list, detector: lp.Detector, way: Way, seed: int) -> dict:
    """Seconds per event without starting and compiling, and those of starting and compiling."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for count in (way.beside, len(drawn)):
            path = Path(folder) / f"{count}.h5"
            write_events(path, detector, iter(drawn[:count]), seed=seed)
            clock, told = reconstructed(path, way)
            seconds.append(clock)
    each = (seconds[1] - seconds[0]) / (len(drawn) - way.beside)
    return {
        "seconds_per_event": each,
        "start_and_compile_seconds": seconds[0] - each * way.beside,
        "converged_fraction": told["converged_fraction"],
        "iterations_median": told["iterations_median"],
        "iterations_95": told["iterations_95"],
    }


def stages(drawn: list, detector: lp.Detector) -> dict:
    """Mean seconds until a fit has its start, and of the climb from there, after one event that compiles."""
    rows = []
    for hits, _ in drawn:
        begin = time.perf_counter()
        problem = problem_of(detector, hits, Sample.of(SAMPLE).particle)
        start = start_of(problem)
        found = time.perf_counter()
        fit = fit_problem(problem, start)
        rows.append((found - begin, time.perf_counter() - found, fit.statistics["evaluations"]))
    start, climb, evaluations = np.mean(rows[1:], axis=0)
    return {"start_seconds": start, "climb_seconds": climb, "evaluations": evaluations}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=24)
    options.add_argument("--batch", type=int, default=8)
    options.add_argument("--seed", type=int, default=2)
    chosen = options.parse_args()
    ways = {
        "one_by_one": Way((), 1),
        "two_processes": Way(("--jobs", "2"), 2),
        "side_by_side": Way(("--batch", str(chosen.batch)), chosen.batch),
    }
    if chosen.events < 2 * max(way.beside for way in ways.values()):
        raise SystemExit(f"--events must be twice the events at a time at least, but is {chosen.events}")
    sample = Sample.of(SAMPLE)
    detector = lp.catalog.load(sample.detector)
    drawn = list(islice(events_of(sample, detector, chosen.events, chosen.seed), chosen.events))
    settings = {"sample": SAMPLE, "events": chosen.events, "batch": chosen.batch}
    found: dict = {"load_before": os.getloadavg()[0]}
    for name, way in ways.items():
        found[name] = measured(drawn, detector, way, chosen.seed)
        print(name, found[name], flush=True)
    found["stages"] = stages(drawn, detector)
    print(record("fit_time", settings, chosen.seed, found))
    quickest = min(ways, key=lambda name: found[name]["seconds_per_event"])
    told = {"batch_events_per_second": {"benchmark": "fit_time.py", "way": quickest}}
    rate = {"batch_events_per_second": 1.0 / found[quickest]["seconds_per_event"]}
    record("reconstruction", told, chosen.seed, rate, keep=True)


if __name__ == "__main__":
    main()
