"""What `ExpectedValue` is measured by: against Monte Carlo, against `Hybrid`, and by the width of its soft disks."""

import time

import equinox as eqx
import jax
import numpy as np
from _cases import Case
from _counted import Counted, chi_square_error, total_error

import lampyris as lp
from lampyris.fit.problem import fine_transport

RAYS = 2**20
STEPS = 24
"""so many that the light that is left over matters nowhere"""
MANY = {"rays": 16384, "scatter_rays": 65536, "mirror_rays": 262144, "cells": 64}
WIDTHS = (0.0, 0.25, 0.5, 1.0, 2.0)


@eqx.filter_jit
def charge(transport, source, detector):
    return transport(source, detector).charge


@eqx.filter_jit
def direct(transport, source, detector):
    return transport(source, detector).direct.charge


def seconds(function, *arguments, repeats: int = 3) -> float:
    jax.block_until_ready(function(*arguments))
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        taken.append(time.perf_counter() - start)
    return min(taken)


def seeded(function, source, detector, seeds: int, **options) -> np.ndarray:
    """Results with independent seeds, (seeds, channels)."""
    ready = lp.ExpectedValue(RAYS, **options).prepared(detector)
    rows = []
    for seed in range(seeds):
        other = lp.ExpectedValue(RAYS, seed=seed, **options)
        ready = eqx.tree_at(lambda t: (t.numbers, t.shifts), ready, (other.numbers, other.shifts))
        rows.append(np.asarray(function(ready, source, detector), float))
    return np.stack(rows)


def compare_hard(case: Case, events: list[Counted], seeds: int = 8) -> dict:
    """All light in the hard limit against counted photoelectrons; the variance of the rays joins that of the counts."""
    count = events[0].all
    source = case.source.suited(case.detector.medium)
    rows = seeded(charge, source, case.detector, seeds, width=0.0, steps=STEPS)
    mean = rows.mean(axis=0)
    lit = mean > 1.0
    own = rows.var(axis=0, ddof=1)[lit].sum() / mean[lit].sum() / seeds
    of_rays = rows.sum(axis=1).std(ddof=1) / np.sqrt(seeds)
    chi_square = ((count - mean)[lit] ** 2 / (mean[lit] * (1.0 + own))).mean()
    error, sigma = total_error(mean.sum(), of_rays, [event.all for event in events])
    return {
        "chi2": chi_square,
        "chi2_sigma": chi_square_error(mean[lit]),
        "total_error_percent": error,
        "total_sigma_percent": sigma,
        "balance_error": max(event.balance_error for event in events),
    }


def efficiency(detector, track, seeds: int = 4) -> dict:
    """1 / (variance x time) of `Hybrid` over that of `ExpectedValue` with 2^20 rays, same track and process.

    Direct light takes much of the time of `Hybrid` and has no noise, so the ratio grows with the rays; the most are judged.
    """
    rows, ready = seeded(charge, track, detector, seeds), lp.ExpectedValue(RAYS).prepared(detector)
    mean = rows.mean(axis=0)
    lit = mean > 0.1
    noise, spent = (rows.var(axis=0, ddof=1) / mean)[lit].mean(), seconds(charge, ready, track, detector)
    found = {"expected_value": {"noise_over_poisson_percent": 100.0 * noise, "seconds": spent}}
    for name, rays in {
        "default_rays": {},
        "rays_of_fits": rays_of(fine_transport(detector)),
        "many_rays": MANY,
    }.items():
        drawn = [charge(lp.Hybrid(seed=10 * seed, **rays), track, detector) for seed in range(2 * seeds)]
        own = (np.stack(drawn).astype(float).var(axis=0, ddof=1) / mean)[lit].mean()
        taken = seconds(charge, lp.Hybrid(**rays), track, detector)
        found[name] = {
            "noise_over_poisson_percent": 100.0 * own,
            "seconds": taken,
            "efficiency_over_expected_value": noise * spent / (own * taken),
            **rays,
        }
    judged = found["many_rays"]["efficiency_over_expected_value"]
    return {"efficiency_over_expected_value": judged, "efficiency": found}


def rays_of(transport: lp.Hybrid) -> dict[str, int]:
    """What makes a `Hybrid` of the same rays with another seed."""
    names = {"rays": "numbers", "scatter_rays": "scatter_numbers", "mirror_rays": "mirror_numbers"}
    return {name: getattr(transport, own).shape[0] for name, own in names.items()} | {"cells": transport.cells}


def speed(detector, source) -> dict:
    """The same number of photons through Monte Carlo and as rays through `ExpectedValue`, one after the other."""
    ready = lp.ExpectedValue(RAYS, width=0.0).prepared(detector)
    rays = RAYS / seconds(charge, ready, source, detector, repeats=2)
    transport, taken = lp.MonteCarlo(), []
    for number in range(3):
        start = time.perf_counter()
        _, balance = transport(source, detector, key=jax.random.key(number))
        taken.append((time.perf_counter() - start) / balance.traced)
    return {"monte_carlo_photons_per_second": 1.0 / min(taken), "expected_value_rays_per_second": rays}


def width_bias(detector, track, seeds: int = 4) -> dict:
    """Direct light counted on soft disks against the integral over disks: rms difference beyond the noise of the rays."""
    exact = np.asarray(eqx.filter_jit(lp.Hybrid().direct)(track, detector).charge, float)
    lit = exact > 0.1
    found = {}
    for width in WIDTHS:
        rows = seeded(direct, track, detector, seeds, width=width, steps=1)[:, lit]
        variance = rows.var(axis=0, ddof=1)
        beyond = ((rows.mean(axis=0) - exact[lit]) ** 2 - variance / seeds).sum() / (exact[lit] ** 2).sum()
        found[str(width)] = {
            "bias_rms_percent": 100.0 * float(np.sign(beyond) * np.sqrt(abs(beyond))),
            "noise_over_poisson_percent": 100.0 * float((variance / exact[lit]).mean()),
            "total_error_percent": 100.0 * float(rows.sum(axis=1).mean() / exact[lit].sum() - 1.0),
        }
    return found
