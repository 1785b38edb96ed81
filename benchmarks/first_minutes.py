"""A new user's first minutes: the commands of the README, in an empty environment made from a clone, each timed.

    python benchmarks/first_minutes.py [--python python3.12] [--keep FOLDER]

The blocks of commands below `## First steps` of the README are read from it and run as they stand there: installation, demo,
own detector, WatChMaL file. What a user brings is made before and not timed: a table of sensors, and a WatChMaL file of
muons in WCTE.
Times by the clock depend on how near the packages are and on what else the machine does; those of the processor do less.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _record import record

ROOT = Path(__file__).parents[1]
STEPS = ("install", "demo", "own_detector", "watchmal")
MADE = {
    "demo": ("demo/event.html", "demo/event.png", "demo/events.h5", "demo/fits.h5"),
    "own_detector": ("tank.h5", "tank.html"),
    "watchmal": ("events.h5", "fits.h5", "events.html"),
}
EVENTS = 2


def blocks(readme: Path) -> list[list[str]]:
    """The commands of each block of the first steps."""
    section = readme.read_text(encoding="utf-8").split("## First steps")[1].split("\n## ")[0]
    found = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [[line.split("   #")[0].strip() for line in block.splitlines() if line.strip()] for block in found]


def run(command: str, folder: Path, python: str, *, activate: bool) -> dict:
    """Seconds that a command takes in a clean shell, by the clock and of the processor; a failure ends the trial."""
    # what belongs to the caller's environment must not help
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    script = (". .venv/bin/activate\n" if activate else "") + command.replace("python3 ", f"{python} ", 1)
    begin, used = time.perf_counter(), os.times()
    ended = subprocess.run(["bash", "-ec", script], cwd=folder, env=clean, capture_output=True, text=True)
    if ended.returncode != 0:
        sys.exit(f"{command!r} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
    after = os.times()
    cpu = after.children_user + after.children_system - used.children_user - used.children_system
    told = {"seconds": time.perf_counter() - begin, "cpu_seconds": cpu}
    print(f"{told['seconds']:8.1f} s  {cpu:8.1f} s  {command}", flush=True)
    return told


def bring(folder: Path, python: str) -> None:
    """What a user has: a table of sensors of a tank, and a file of WatChMaL."""
    rows = ["# radius: 0.1", "x,y,z"]
    for z in np.linspace(-1.8, 1.8, 13):
        rows += [f"{2.0 * np.cos(a):.6f},{2.0 * np.sin(a):.6f},{z:.6f}" for a in 2.0 * np.pi * np.arange(40) / 40]
    grid = np.stack(np.meshgrid(*2 * [np.arange(-1.65, 1.66, 0.3)]), -1).reshape(-1, 2)
    grid = grid[np.linalg.norm(grid, axis=1) < 1.85]
    rows += [f"{x:.6f},{y:.6f},{z:.1f}" for z in (-2.0, 2.0) for x, y in grid]
    (folder / "tank.csv").write_text("\n".join(rows) + "\n")
    words = f"--detector WCTE --particle mu- --energy 300 --events {EVENTS} --seed 5 --quiet -o made.h5"
    run(f"lampyris simulate {words}", folder, python, activate=True)
    run("lampyris convert made.h5 --to watchmal -o watchmal.h5 --quiet && rm made.h5", folder, python, activate=True)


def trial(folder: Path, python: str) -> dict:
    """Seconds and number of the commands of each step."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    steps = dict(zip(STEPS, blocks(folder / "README.md"), strict=True))
    figures = {}
    for name, commands in steps.items():
        if name == "own_detector":
            bring(folder, python)
        each = {line: run(line, folder, python, activate=name != "install" or "pip" in line) for line in commands}
        missing = [file for file in MADE.get(name, ()) if not (folder / file).stat().st_size]
        if missing:
            sys.exit(f"{name} has not made {missing}")
        total = {unit: sum(one[unit] for one in each.values()) for unit in ("seconds", "cpu_seconds")}
        figures[name] = {"commands": len(commands)} | total | {"each": each}
    return figures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--python", default=sys.executable, help="interpreter for the empty environment")
    options.add_argument("--keep", type=Path, help="folder to make the clone in, kept afterwards")
    chosen = options.parse_args()
    place = Path(tempfile.mkdtemp()) if chosen.keep is None else chosen.keep
    try:
        figures = trial(place / "lampyris", chosen.python)
    finally:
        if chosen.keep is None:
            shutil.rmtree(place)
    cores = len(os.sched_getaffinity(0)) if platform.system() == "Linux" else os.cpu_count()
    settings = {"cores": cores, "load": os.getloadavg()[0], "events": EVENTS, "watchmal_detector": "WCTE"}
    print(record("first_minutes", settings, 5, figures))


if __name__ == "__main__":
    main()
