"""The chain on whole Geant4 muons in Super-Kamiokande: resolution, time and memory.

    python benchmarks/first_light.py [--events 20] [--seed 1]
    python benchmarks/first_light.py --timing
    python benchmarks/first_light.py --demo

The second form measures the times of a prediction and of a step of the fit alone, the third runs the demo command; both
put them into the figures of the first.

Muons of 500 to 1400 MeV from `data/`, each at its own random contained vertex (2 m from every wall), direction and time,
carried by `MonteCarlo`, reconstructed from the data alone.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
from _record import RESULTS, peak_memory_gb, record

import lampyris as lp
from lampyris.data.events import demo_muon, unpack_steps
from lampyris.emission import load_profile
from lampyris.fit.problem import Problem
from lampyris.likelihood import Dispersion, Observation, log_likelihood

EVENTS = Path(__file__).parents[1] / "data" / "geant4_water_mu-_events.npz"


def contained(detector: lp.Detector, energy: float, draw: np.random.Generator) -> lp.Track:
    """A random track with its vertex 2 m from every wall and its end inside."""
    length = 1.2 * float(load_profile("mu-").length(energy))
    half = np.asarray(detector.shape.half_extent())
    while True:
        position = draw.uniform(-half, half)
        direction = draw.normal(size=3)
        direction /= np.linalg.norm(direction)
        ends = np.stack([position, position + length * direction])
        room = np.asarray(detector.shape.signed_distance(ends))
        if room[0] > 2.0 and room[1] > 0.0:
            return lp.Track("mu-", energy, position, direction, draw.uniform(-15.0, 15.0))


def momentum(energy: float) -> float:
    """Momentum [MeV/c] of a muon of this kinetic energy."""
    return float(np.sqrt(energy * (energy + 2.0 * 105.6583755)))


def one(detector: lp.Detector, truth: lp.Track, steps, key) -> dict:
    """Errors and pulls of one event."""
    hits = lp.simulate(detector, lp.StepLight(steps, truth.position, truth.direction, truth.time), key=key)
    start = time.perf_counter()
    fit = lp.reconstruct(detector, hits, particle="mu-")
    seconds = time.perf_counter() - start
    cosine = float(np.clip(np.dot(fit.value.direction, truth.direction), -1.0, 1.0))
    true_momentum = momentum(float(truth.energy))
    return {
        "energy": float(truth.energy),
        "result": fit.result,
        "vertex_cm": 100.0 * float(np.linalg.norm(np.asarray(fit.value.position - truth.position))),
        "direction_deg": float(np.degrees(np.arccos(cosine))),
        "momentum_percent": 100.0 * (momentum(float(fit.value.energy)) - true_momentum) / true_momentum,
        "longitudinal_cm": 100.0 * float(np.dot(fit.value.position - truth.position, truth.direction)),
        "pulls": fit.pulls(truth),
        "seconds": seconds,
        "evaluations": fit.statistics["evaluations"],
    }


def timing(detector: lp.Detector) -> dict:
    """Seconds of the first call and of later calls for the demo event: likelihood with all slopes, prediction, gradient."""
    energy, steps = demo_muon()
    track = lp.Track("mu-", energy, [2.0, -3.0, 4.0], [0.6, 0.0, 0.8], 0.0)
    light = lp.StepLight(steps, track.position, track.direction, track.time)
    hits = lp.simulate(detector, light, key=jax.random.key(0))
    problem = Problem(detector, hits, "mu-", lp.Hybrid(), Dispersion())
    state = problem.model.start(track)

    @eqx.filter_jit
    def value_and_gradient(track: lp.Track, seen: Observation) -> tuple:
        def value(t: lp.Track):
            return log_likelihood(problem.transport(t, detector), seen, problem.dispersion)

        return eqx.filter_value_and_grad(value)(track)

    calls = {
        "": lambda: value_and_gradient(track, problem.seen),
        "indirect_": lambda: problem.scattered(state),
        "fit_step_": lambda: problem.local(state, scattered, 0.0),
    }
    scattered = problem.scattered(state)
    figures = {}
    for name, call in calls.items():
        seconds = []
        for _ in range(8):
            start = time.perf_counter()
            jax.block_until_ready(call())
            seconds.append(time.perf_counter() - start)
        key = "value_and_gradient_seconds" if not name else f"{name}seconds"
        figures[key] = float(np.median(seconds[1:]))
        figures[f"{name}compile_seconds"] = seconds[0]
    return figures


def demo() -> None:
    """Add the time of the demo command, compilation and start of Python included, to the figures on record."""
    known = json.loads((RESULTS / "first_light.json").read_text())
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        words = [sys.executable, "-m", "lampyris", "demo", "--json", "--output", place]
        told = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        seconds = time.perf_counter() - start
    largest = max(abs(pull) for pull in told["pull"].values())
    figures = {"demo_seconds": seconds, "demo_vertex_cm": told["vertex_error_cm"], "demo_largest_pull": largest}
    print(record("first_light", known["settings"], known["seed"], figures | known["figures"] | figures))


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--demo", action="store_true")
    options.add_argument("--timing", action="store_true")
    options.add_argument("--events", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    if chosen.demo:
        demo()
        return
    if chosen.timing:
        known = json.loads((RESULTS / "first_light.json").read_text())
        print(record("first_light", known["settings"], known["seed"], timing(lp.catalog.load("SK")), keep=True))
        return
    detector, draw = lp.catalog.load("SK"), np.random.default_rng(chosen.seed)
    figures = timing(detector)
    print(figures, flush=True)
    rows = []
    for number, (energy, steps) in enumerate(unpack_steps(EVENTS)[: chosen.events]):
        truth = contained(detector, energy, draw)
        rows.append(one(detector, truth, steps, jax.random.fold_in(jax.random.key(chosen.seed), number)))
        print(number, rows[-1], flush=True)
    quantile = lambda name: float(np.quantile(np.abs([row[name] for row in rows]), 0.68))  # noqa: E731
    figures["muons"] = {
        "events": len(rows),
        "converged_fraction": float(np.mean([row["result"] == "converged" for row in rows])),
        "vertex_q68_cm": quantile("vertex_cm"),
        "vertex_median_cm": float(np.median([row["vertex_cm"] for row in rows])),
        "longitudinal_bias_cm": float(np.mean([row["longitudinal_cm"] for row in rows])),
        "beyond_1m": int(sum(row["vertex_cm"] > 100.0 for row in rows)),
        "direction_q68_deg": quantile("direction_deg"),
        "momentum_q68_percent": quantile("momentum_percent"),
        "momentum_bias_percent": float(np.mean([row["momentum_percent"] for row in rows])),
        "pull_mean": {n: float(np.mean([row["pulls"][n] for row in rows])) for n in rows[0]["pulls"]},
        "pull_width": {n: float(np.std([row["pulls"][n] for row in rows])) for n in rows[0]["pulls"]},
        "seconds_per_event": float(np.median([row["seconds"] for row in rows])),
        "each": rows,
    }
    figures["peak_memory_gb"] = peak_memory_gb()
    print(record("first_light", {"detector": "SK", "particle": "mu-", "events": len(rows)}, chosen.seed, figures))


if __name__ == "__main__":
    main()
