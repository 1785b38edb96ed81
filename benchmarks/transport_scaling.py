"""Time and memory of the transports against rays, sensors, events and photons; forms of sensors; single against double precision.

    python benchmarks/transport_scaling.py [--parts forms precision rays sensors events photons] [--seed 1]

Every point of `rays`, `sensors`, `events` and `photons` is a process of its own, so that its memory is its own. Times are without
compilation. The figure is docs/_static/transport_scaling.png.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from _record import RESULTS, peak_memory_gb, record
from _worlds import cavities, tank

import lampyris as lp
from lampyris.fit.parameters import moved
from lampyris.form import Dome

FIGURE = Path(__file__).parents[1] / "docs" / "_static" / "transport_scaling.png"
POINTS = {
    "rays": [("hybrid", n) for n in (2048, 8192, 32768)] + [("expected", n) for n in (2**16, 2**18, 2**20)],
    "sensors": [(kind, n) for kind in ("hybrid", "expected", "monte_carlo") for n in (1000, 10_000, 100_000)],
    "events": [("hybrid", n) for n in (1, 2, 4, 8)],
    "photons": [("monte_carlo", n) for n in (10_000, 100_000, 1_000_000, 10_000_000)],
}
PARTS = ("forms", "precision", *POINTS)
TRACK = ("mu-", 1000.0, [2.0, -3.0, 4.0], [0.6, 0.0, 0.8], 0.0)


@eqx.filter_jit
def charge(transport, source, detector):
    return transport(source, detector).charge


@eqx.filter_jit
def charges(transport, tracks, detector):
    return jax.vmap(lambda track: transport(track, detector).charge)(tracks)


def best(function, *arguments, repeats: int = 3) -> float:
    jax.block_until_ready(function(*arguments))
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        taken.append(time.perf_counter() - start)
    return min(taken)


def point(part: str, kind: str, count: int) -> dict:
    """Time and memory of one setting, in this process."""
    detector = tank(count) if part == "sensors" else lp.catalog.load("SK")
    track, lamp = lp.Track(*TRACK), lp.Isotropic([3.0, -2.0, 5.0], photons=float(count if part == "photons" else 1e6))
    if kind == "monte_carlo":
        transport = lp.MonteCarlo()
        transport(lp.Isotropic([0.0, 0.0, 0.0], photons=1000.0), detector, key=jax.random.key(9))
        start = time.perf_counter()
        transport(lamp, detector, key=jax.random.key(0))
        seconds = time.perf_counter() - start
    elif part == "events":
        tracks = jax.vmap(lambda x: moved(track, jnp.zeros(7).at[2].set(x)))(jnp.linspace(0.0, 1.0, count))
        seconds = best(charges, lp.Hybrid(), tracks, detector) / count
    else:
        rays = count if part == "rays" else {"hybrid": 2048, "expected": 2**18}[kind]
        made = lp.Hybrid(rays) if kind == "hybrid" else lp.ExpectedValue(rays).prepared(detector)
        seconds = best(charge, made, track, detector)
    return {"seconds": seconds, "peak_memory_gb": peak_memory_gb(), "sensors": detector.sensors.count}


def scaling(part: str) -> dict:
    """All points of a part, each in a new process."""
    found: dict = {}
    for kind, count in POINTS[part]:
        command = [sys.executable, __file__, "--point", part, kind, str(count)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        found.setdefault(kind, {})[str(count)] = json.loads(told)
        print(part, kind, count, told, flush=True)
    return {part: found}


def forms(seed: int) -> dict:
    """Balance of light in cavities with every form of sensors, and the speed of Monte Carlo among domes in SK."""
    errors, cut = {}, {}
    for number, (name, detector) in enumerate(cavities().items()):
        source = lp.Isotropic([0.4, -0.3, 0.5], photons=1e5)
        _, balance = lp.MonteCarlo()(source, detector, key=jax.random.key(100 * seed + number))
        errors[name], cut[name] = balance.error(), balance.cut_off / balance.traced
    flush = lp.catalog.load("SK")
    domes = eqx.tree_at(lambda d: d.sensors.form, flush, Dome(0.19))
    speeds = {}
    for name, detector in (("flush", flush), ("dome", domes)):
        source, taken = lp.Isotropic([3.0, -2.0, 5.0], photons=1e6), []
        for key in range(3):
            start = time.perf_counter()
            _, balance = lp.MonteCarlo()(source, detector, key=jax.random.key(key))
            taken.append((time.perf_counter() - start) / balance.traced)
        speeds[name] = 1.0 / min(taken)
    return {"forms": {"balance_error": errors, "cut_off": cut, "photons_per_second": speeds}}


def precision(seed: int) -> dict:
    """The same prediction and the same photons in single and in double precision."""
    single, double = (predicted(x64) for x64 in (False, True))
    lit = double["charge"] > 0.1
    error = single["charge"][lit] / double["charge"][lit] - 1.0
    largest = np.abs(double["slopes"]).max(axis=1, keepdims=True)  # the charge does not know the time
    slopes = np.abs(single["slopes"] - double["slopes"]) / np.maximum(largest, 1e-12)
    ends = [landed(x64, seed) for x64 in (False, True)]
    return {
        "precision": {
            "charge_rms_relative": float(np.sqrt((error**2).mean())),
            "charge_max_relative": float(np.abs(error).max()),
            "total_relative": float(single["charge"].sum() / double["charge"].sum() - 1.0),
            "charge_error_over_poisson_max": float((np.abs(error) * np.sqrt(double["charge"][lit])).max()),
            "slopes_max_over_largest": float(slopes.max()),
            "photons_that_end_elsewhere": float((ends[0][0] != ends[1][0]).mean()),
            "arrival_times_max_ns": float(np.abs(ends[0][1] - ends[1][1])[ends[0][0] == ends[1][0]].max()),
        }
    }


def predicted(x64: bool) -> dict:
    with jax.enable_x64(x64):
        detector, track = lp.catalog.load("SK"), lp.Track(*TRACK)

        @eqx.filter_jit
        def both(track, detector):
            def value(s):
                return lp.Hybrid()(moved(track, s), detector).charge

            found, push = jax.linearize(value, jnp.zeros(7))
            return found, jax.vmap(push)(jnp.eye(7))

        found, slopes = both(track, detector)
        return {"charge": np.asarray(found, float), "slopes": np.asarray(slopes, float)}


def landed(x64: bool, seed: int, count: int = 1_000_000) -> tuple[np.ndarray, np.ndarray]:
    """Channel (-1 for the wall) and time of photons that fly straight into black sensors and a black wall."""
    from lampyris._host import on_host
    from lampyris.transport.sensor_search import SensorGrid

    draw = np.random.default_rng(seed)
    position = draw.uniform(-10.0, 10.0, (count, 3))
    direction = draw.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    with jax.enable_x64(x64):
        detector = lp.catalog.load("SK")
        kind = np.float64 if x64 else np.float32
        start, way = jnp.asarray(position, kind), jnp.asarray(direction, kind)

        def fly(shape, grid, start, way):
            distance, _ = shape.intersect(start, way)
            return grid.find(shape.on_wall(start + distance[:, None] * way)), distance * 1.34 / 0.299792458

        found, times = on_host(fly, detector.shape, SensorGrid.of(detector), start, way)
        return np.asarray(found), np.asarray(times, float)


def draw(figures: dict) -> None:
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(13.0, 6.0), layout="constrained")
    panels = sheet.subplots(2, 4)
    names = {"hybrid": "Hybrid", "expected": "ExpectedValue", "monte_carlo": "MonteCarlo, 1e6 photons"}
    for column, part in enumerate(POINTS):
        for kind, rows in figures[part].items():
            label = names[kind].split(",")[0] if part == "photons" else names[kind]
            across = [row["sensors"] for row in rows.values()] if part == "sensors" else [int(count) for count in rows]
            for row, what in enumerate(("seconds", "peak_memory_gb")):
                panels[row, column].plot(across, [r[what] for r in rows.values()], "o-", label=label, markersize=4)
        panels[0, column].set_ylabel("s an event" if part == "events" else "s", fontsize=9)
        panels[1, column].set_ylabel("peak memory of the process [GB]", fontsize=9)
        for row in (0, 1):
            if part != "events":
                panels[row, column].set_xscale("log")
            if part != "events" and row == 0:
                panels[row, column].set_yscale("log")
            else:
                panels[row, column].set_ylim(0.0, None)
            panels[row, column].set_xlabel({"events": "events in a batch"}.get(part, part), fontsize=9)
            panels[row, column].grid(alpha=0.3)
            panels[row, column].legend(fontsize=7)
    sheet.suptitle(
        "Time without compilation, and memory; 1 GeV muon or 1e6 photons of a lamp in the tank of SK", fontsize=10
    )
    FIGURE.parent.mkdir(exist_ok=True)
    sheet.savefig(FIGURE, dpi=110)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.point:
        print(json.dumps(point(chosen.point[0], chosen.point[1], int(chosen.point[2]))))
        return
    measure = {"forms": forms, "precision": precision}
    for part in chosen.parts:
        figures = measure[part](chosen.seed) if part in measure else scaling(part)
        print(figures, flush=True)
        print(record("transport_scaling", {"track": TRACK, "points": POINTS}, chosen.seed, figures, keep=True))
    figures = json.loads((RESULTS / "transport_scaling.json").read_text())["figures"]
    if all(part in figures for part in POINTS):
        draw(figures)


if __name__ == "__main__":
    main()
