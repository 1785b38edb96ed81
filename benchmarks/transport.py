"""Predictions against Monte Carlo, noise and time of the predictions, speed of Monte Carlo.

    python benchmarks/transport.py [--photons 5e6] [--seed 1] [--parts noise slopes ring cases efficiency speed width]
    python benchmarks/transport.py --parts cases --only box_laser box_track

`ring` compares the indirect light on the ring of a muon and beside it with paths among the true sensors, channels ordered by
their direct light. `cases` holds `Hybrid`, and all light of `ExpectedValue` of width 0 (its rows are named so), against the
same events of Monte Carlo; `--only` names some of them. What is not chosen keeps its figures of earlier runs. Peak memory is
that of parts that are measured alone.

Charges of one event are compared sensor by sensor where more than .05 photoelectrons are expected (1 for `ExpectedValue`).
The sum of all events tells totals, and `indirect_rms_percent`, the error of the predicted indirect light of a sensor beyond
what Poisson explains.
"""

import argparse
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from _cases import Case, cases
from _counted import Counted, chi_square_error, counted, total_error
from _expected import RAYS, compare_hard, efficiency, speed, width_bias
from _record import peak_memory_gb, record
from _ring import ring

import lampyris as lp
from lampyris.fit.parameters import moved

PARTS = ("noise", "slopes", "ring", "cases", "efficiency", "speed", "width")
WHOLE = {"efficiency"}
"""Figures of which nothing earlier is left"""
LIT = 0.05
"""Photoelectrons of the channels that are compared"""
FINE = {"rays": 32768, "steps": 10, "mirror_rays": 65536, "scatter_rays": 262144, "scatter_cells": 32}
"""Of `Hybrid` where it is held against Monte Carlo: what is left is its bias"""
BRIGHT = {"rays": 262144, "steps": 20}
"""Instead of these where a case is `bright`: light flies on for long"""


@eqx.filter_jit
def indirect(transport, source, detector):
    return transport.indirect(source, detector).charge


@eqx.filter_jit
def slopes(transport, track, detector):
    value, push = jax.linearize(lambda s: transport.indirect(moved(track, s), detector).charge, jnp.zeros(7))
    return value, jax.vmap(push)(jnp.eye(7))


@eqx.filter_jit
def charges(transport, track, detector):
    """Charges of all light."""
    return transport(track, detector).charge


@eqx.filter_jit
def gradient(transport, track, detector, weights):
    """A sum over them with its backward derivative in the seven numbers of the track."""
    return jax.value_and_grad(lambda s: charges(transport, moved(track, s), detector) @ weights)(jnp.zeros(7))


def compare(case: Case, events: list[Counted], seeds: int = 8) -> dict:
    """Indirect charge of `Hybrid`, the mean of some seeds, against counted photoelectrons; totals are of all light."""
    detector, source = case.detector, case.source.suited(case.detector.medium)
    fine = FINE | BRIGHT if case.bright else FINE
    ready = (lp.Hybrid(**fine, seed=10 * n).prepared(detector) for n in range(seeds))
    rows = [np.asarray(indirect(transport, source, detector), float) for transport in ready]
    mean, of_rays = np.mean(rows, axis=0), float(np.sum(rows, axis=1).std(ddof=1) / np.sqrt(seeds))
    direct = np.asarray(eqx.filter_jit(lp.Hybrid().direct)(source, detector).charge, float)
    lit = mean > LIT
    chi_square = ((events[0].indirect - mean) ** 2 / mean)[lit].mean()
    summed = ((np.sum([event.indirect for event in events], axis=0) - len(events) * mean) ** 2)[lit]
    error, sigma = total_error(mean.sum() + direct.sum(), of_rays, [event.all for event in events])
    indirect_error, indirect_sigma = total_error(mean.sum(), of_rays, [event.indirect for event in events])
    return {
        "chi2": chi_square,
        "chi2_sigma": chi_square_error(mean[lit]),
        "events": len(events),
        "indirect_rms_percent": 100.0
        * root((summed / len(events) - mean[lit]).sum() / len(events) / (mean[lit] ** 2).sum()),
        "total_error_percent": error,
        "total_sigma_percent": sigma,
        "indirect_error_percent": indirect_error,
        "indirect_sigma_percent": indirect_sigma,
        "balance_error": max(event.balance_error for event in events),
    }


def root(square: float) -> float:
    """The square root, with the sign: what noise explains has both."""
    return float(np.sign(square) * np.sqrt(abs(square)))


def best_seconds(function, *arguments, repeats: int = 5) -> float:
    jax.block_until_ready(function(*arguments))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def prediction(detector, track, seeds: int = 8) -> dict:
    """Noise of the prediction over the Poisson variance, and what it and its derivative cost.

    `gradient_over_value` is of value and backward derivative together.
    """
    drawn = np.stack([np.asarray(charges(lp.Hybrid(seed=10 * s), track, detector), float) for s in range(seeds)])
    mean = drawn.mean(axis=0)
    weights = jax.random.uniform(jax.random.key(0), (detector.sensors.count,))
    whole = best_seconds(charges, lp.Hybrid(), track, detector)
    with_slopes = best_seconds(gradient, lp.Hybrid(), track, detector, weights)
    return {
        "value_seconds": whole,
        "gradient_over_value": with_slopes / whole,
        "noise_over_poisson_percent": 100.0 * (drawn.var(axis=0, ddof=1) / mean)[mean > 0.1].mean(),
        "total_rms_percent": 100.0 * drawn.sum(axis=1).std(ddof=1) / mean.sum(),
    }


def seven_slopes(detector, track) -> dict:
    """Time of the indirect light, and of it with its derivatives in all seven numbers in every channel."""
    return {
        "indirect_value_seconds": best_seconds(indirect, lp.Hybrid(), track, detector),
        "indirect_seven_slopes_seconds": best_seconds(slopes, lp.Hybrid(), track, detector),
    }


def against_monte_carlo(worlds: dict[str, Case], seed: int, only: list[str] | None) -> dict:
    """Chi-square, total and balance of both transports in every case, or in some; events do not depend on which."""
    rows = {}
    for number, (name, case) in enumerate(worlds.items()):
        if only and name not in only:
            continue
        events = counted(case, jax.random.key(100 * seed + number), np.random.default_rng([seed, number]))
        own = {name: compare(case, events), f"expected_value_{name}": compare_hard(case, events)}
        print(own, flush=True)
        rows |= own
    return {
        "chi2_per_sensor": {name: row["chi2"] for name, row in rows.items()},
        "total_error_percent": {name: row["total_error_percent"] for name, row in rows.items()},
        "energy_balance_error_max": max(row["balance_error"] for row in rows.values()),
        "cases": rows,
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--photons", type=float, default=5e6)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options.add_argument("--only", nargs="+", metavar="CASE")
    chosen = options.parse_args()
    detector = lp.catalog.load("SK")
    track = lp.Track("mu-", 1000.0, [2.0, -3.0, 4.0], [0.6, 0.0, 0.8], 0.0)
    worlds = cases(chosen.photons)
    unknown = set(chosen.only or ()) - set(worlds)
    if unknown:
        raise SystemExit(f"--only must name cases among {', '.join(worlds)}, but has {', '.join(sorted(unknown))}")
    measure = {
        "noise": lambda: prediction(detector, track),
        "slopes": lambda: seven_slopes(detector, track),
        "ring": lambda: ring(detector, track),
        "cases": lambda: against_monte_carlo(worlds, chosen.seed, chosen.only),
        "efficiency": lambda: efficiency(detector, track),
        "speed": lambda: speed(detector, lp.Isotropic([3.0, -2.0, 5.0], photons=1e6)),
        "width": lambda: {"soft_disk": width_bias(detector, track)},
    }
    for part in chosen.parts:
        figures = measure[part]()
        print(figures, flush=True)
        if len(chosen.parts) == 1:  # the peak of a process holds all that went before
            figures["peak_memory_by_part_gb"] = {part: peak_memory_gb()}
        settings = {"photons_by_part": {part: chosen.photons}, "fine": FINE, "bright": BRIGHT, "rays": RAYS}
        print(record("transport", settings, chosen.seed, figures, keep=True, whole=tuple(WHOLE & set(figures))))


if __name__ == "__main__":
    main()
