"""Reconstruction of a file of events: one process, several ones that are killed, and Dask workers of which one dies.

    python benchmarks/many_events.py [--events 6] [--seed 1]

Electrons of 300 MeV in a tank of 8 x 8 m with 400 sensors. The first run fits all events in one process. The second fits
them in two processes and is killed with SIGKILL after a quarter of the events; it goes on with two Dask workers, one of which
is killed with SIGKILL as well. All columns but the seconds of the fits must be the same to the last bit.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import distributed
import h5py
import jax
import numpy as np
from _record import record

import lampyris as lp
from lampyris.cli._draw import Wanted, draw_tracks
from lampyris.data.fits_file import read_fits
from lampyris.data.geometry import SensorTable, write_sensor_table
from lampyris.data.hits_file import write_events
from lampyris.layout import barrel, caps, join

PARTICLE, ENERGY, RADIUS = "e-", 300.0, 0.2
PATIENCE = 1800.0


def tank(folder: Path) -> Path:
    """A table of the sensors of the tank."""
    shape = lp.Cylinder(4.0, 8.0)
    parts = (barrel(shape, columns=24, rows=11, pitch=0.7, first_row=0.5), caps(shape, count=68, pitch=0.8))
    position, normal = (np.asarray(part) for part in join(*parts))
    path = folder / "tank.csv"
    settings = {"name": "tank", "shape": "cylinder 4 8", "radius": str(RADIUS)}
    write_sensor_table(path, SensorTable(path, position, normal, np.full(len(position), RADIUS), {}, settings))
    return path


def command(folder: Path, output: str, *words: str) -> list[str]:
    line = [sys.executable, "-m", "lampyris", "reconstruct", "events.h5", "--particle", PARTICLE]
    return [*line, "--detector", "tank.csv", "-o", output, *words]


def rows_in(part: Path) -> int:
    return max(part.read_bytes().count(b"\n") - 1, 0) if part.exists() else 0


def wait_for(condition, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not come in {PATIENCE:.0f} s")
        time.sleep(0.05)


def killed_run(folder: Path, events: int) -> int:
    """Two processes, killed after a quarter of the events; how many rows they left."""
    running = subprocess.Popen(command(folder, "other.h5", "--jobs", "2"), cwd=folder)
    part = folder / "other.h5.part"
    wait_for(lambda: rows_in(part) >= events // 4 or running.poll() is not None, "a quarter of the rows")
    running.send_signal(signal.SIGKILL)
    running.wait()
    return rows_in(part)


def dask_run(folder: Path, events: int, done: int) -> None:
    """The rest on two workers, the first of which is killed when it has work."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        words = command(folder, "other.h5", "--scheduler", cluster.scheduler_address)
        running = subprocess.Popen(words, cwd=folder)
        wait_for(lambda: rows_in(folder / "other.h5.part") > done or running.poll() is not None, "a row of a worker")
        cluster.workers[0].process.process.kill()
        if running.wait(PATIENCE) != 0:
            raise SystemExit("the run on Dask workers failed")


def different_columns(one: Path, other: Path) -> list[str]:
    """Columns in which two files of fits differ, the time that the fits took apart."""
    different = []
    with h5py.File(one) as first, h5py.File(other) as second:
        names: list[str] = []
        first.visit(names.append)
        for name in names:
            if isinstance(first[name], h5py.Dataset) and name != "statistics/seconds":
                a, b = first[name][:], second[name][:]
                if a.shape != b.shape or a.tobytes() != b.tobytes():
                    different.append(name)
    return different


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=6)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        table = tank(folder)
        detector = lp.catalog.from_table(table)
        tracks = draw_tracks(detector, Wanted(PARTICLE, ENERGY), chosen.events, chosen.seed)
        key = jax.random.key(chosen.seed)
        made = ((lp.simulate(detector, t, key=jax.random.fold_in(key, i)), t) for i, t in enumerate(tracks))
        write_events(folder / "events.h5", detector, made, seed=chosen.seed)
        subprocess.run(command(folder, "one.h5"), cwd=folder, check=True)
        done = killed_run(folder, chosen.events)
        dask_run(folder, chosen.events, done)
        different = different_columns(folder / "one.h5", folder / "other.h5")
        fits = read_fits(folder / "one.h5")
    figures = {
        "events": chosen.events,
        "converged_fraction": float(np.mean(np.array(fits.result) == "converged")),
        "rows_before_the_first_kill": done,
        "different_columns": different,
    }
    settings = {"detector": "tank of 8 x 8 m, 400 sensors", "particle": PARTICLE}
    print(record("many_events", settings | {"energy_MeV": ENERGY}, chosen.seed, figures))
    if different:
        raise SystemExit(f"the runs differ in {', '.join(different)}")


if __name__ == "__main__":
    main()
