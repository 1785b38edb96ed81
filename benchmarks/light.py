"""The built-in engine against Geant4: yield, spread, emission distance, (angle, z) table and delays at all energies.

    python benchmarks/light.py [--events 150]

The tables of Geant4 hold 150 events per energy; every figure comes with the error that two such samples of the same
truth would show. For tables the total variation distance is given with the one expected from event-to-event
fluctuations, and the part that exceeds it. The tables were filled with the mean of the Frank-Tamm yields at the two ends
of each Geant4 step, which loses light on the long last steps of electrons: `endpoint_rule_percent`, measured on whole
Geant4 events as the light of a continuous slowing-down along the same steps, is how much.
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from _record import record

from lampyris.data.events import unpack_steps
from lampyris.emission.tabulate import YieldTable, sample_flashes
from lampyris.particle.energy_loss import beta_of
from lampyris.particle.engine import particle_columns
from lampyris.particle.material import WATER
from lampyris.particle.rates import restricted_range
from lampyris.units import ELECTRON_MASS

DATA = Path(__file__).parents[1] / "data"
GEANT4_EVENTS = 150
BINS = {"4 x 4": (4, 4), "10 x 20": (10, 20), "20 x 40": (20, 40), "30 x 80": (30, 80)}


def tables(particle: str):
    return np.load(DATA / f"geant4_water_{particle}_tables.npz")


def energies(archive) -> list[int]:
    return sorted({int(name.split("_")[1][:-3]) for name in archive.files if "MeV" in name})


def geant4_yields() -> YieldTable:
    """Light with the refractive index of the tables."""
    edges = np.linspace(1.84, 4.51, 101)
    index = [1.333, 1.334, 1.335, 1.337, 1.338, 1.339, 1.340, 1.342, 1.343, 1.345]
    knots = [1.84, 2.07, 2.48, 2.76, 3.10, 3.31, 3.54, 3.81, 4.13, 4.51]
    return YieldTable.of_index(np.interp(0.5 * (edges[1:] + edges[:-1]), knots, index), edges[1] - edges[0])


def merged(table: np.ndarray, angles: int, places: int) -> np.ndarray:
    rows, columns = table.shape[0] // angles, table.shape[1] // places
    cut = table[: rows * angles, : columns * places]
    return cut.reshape(rows, angles, columns, places).sum(axis=(1, 3))


def variation(first: np.ndarray, second: np.ndarray) -> float:
    """Total variation distance of two tables."""
    return float(0.5 * np.abs(first / first.sum() - second / second.sum()).sum())


def distances(ours: np.ndarray, halves: list[np.ndarray], theirs: np.ndarray, events: int) -> dict:
    """Total variation distance, that of two samples of our engine, and the excess, for each way to merge bins."""
    scale = np.sqrt((1.0 / events + 1.0 / GEANT4_EVENTS) / (4.0 / events))
    rows = {}
    for name, (angles, places) in BINS.items():
        whole = merged(ours, angles, places)
        seen = variation(whole, merged(theirs, angles, places))
        parts = [merged(half, angles, places) for half in halves]
        statistical = scale * float(np.mean([variation(part, whole - part) for part in parts]))
        excess = np.sqrt(max(seen**2 - statistical**2, 0.0))
        rows[name] = {"percent": 100 * seen, "statistical": 100 * statistical, "excess": 100 * excess}
    return rows


def delay_error(flashes, edges: np.ndarray, expected: np.ndarray, light: np.ndarray) -> float:
    """Root mean square difference [ps] of the mean delays in the z bins that hold 90 % of the light."""
    cell = np.digitize(flashes.z, edges) - 1
    inside = (cell >= 0) & (cell < len(light))
    counts = np.bincount(cell[inside], minlength=len(light))
    delay = np.bincount(cell[inside], flashes.delay()[inside], minlength=len(light)) / np.maximum(counts, 1)
    order = np.argsort(-light)
    core = order[: np.searchsorted(np.cumsum(light[order]), 0.9 * light.sum()) + 1]
    return 1e3 * float(np.sqrt(np.average((delay[core] - expected[core]) ** 2, weights=light[core])))


def compare(particle: str, energy: int, archive, yields: YieldTable, events: int, key) -> dict:
    """All figures of one energy."""
    columns = particle_columns(particle, np.full(events, float(energy)), key=key)
    random = np.random.default_rng(energy)
    flashes = sample_flashes(columns, yields, 2e6, random)
    prefix = f"{particle}_{energy}MeV_"
    counts = archive[prefix + "angle_z"].astype(float)
    edges = archive["z_over_zmax_edges"] * float(archive[prefix + "z_max_mm"]) * 1e-3
    middle = 0.5 * (edges[1:] + edges[:-1])
    bins = [archive["angle_edges"], edges]
    ours = np.histogram2d(flashes.angle, flashes.z, bins=bins)[0]
    halves = []
    for _ in range(6):
        own = (random.permutation(events) < events // 2)[flashes.event]
        halves.append(np.histogram2d(flashes.angle[own], flashes.z[own], bins=bins)[0])
    theirs = archive[prefix + "photons_per_event"].astype(float)
    per_event = np.bincount(columns["event"], yields.light(columns), minlength=events)
    per_event = random.poisson(per_event).astype(float)
    place = [float((table.sum(axis=0) * middle).sum() / table.sum()) for table in (ours, counts)]
    by_event = np.bincount(flashes.event, flashes.z, minlength=events)
    by_event = by_event / np.maximum(np.bincount(flashes.event, minlength=events), 1)
    both = 1.0 / events + 1.0 / GEANT4_EVENTS
    relative = per_event.std(ddof=1) / per_event.mean()
    return {
        "energy": energy,
        "yield_percent": 100 * (per_event.mean() / theirs.mean() - 1.0),
        "yield_sigma": 100 * relative * np.sqrt(both),
        "spread_percent": 100 * (relative / (theirs.std(ddof=1) / theirs.mean()) - 1.0),
        "spread_sigma": 100 * np.sqrt(both / 2.0),
        "distance_percent": 100 * (place[0] / place[1] - 1.0),
        "distance_sigma": 100 * float(by_event.std() * np.sqrt(both) / place[1]),
        "delay_ps": delay_error(flashes, edges, archive[prefix + "delay_mean"], counts.sum(axis=0)),
        "variation": distances(ours, halves, counts, events),
    }


def endpoint_rule(particle: str, yields: YieldTable) -> float:
    """Light that the end-point rule of the tables loses in electrons below 20 MeV, from whole Geant4 events [%].

    The truth is the light of a continuous slowing-down over the length of each step.
    """
    table = restricted_range(WATER, 0.163, -1)  # the production cut of the tables
    energy = np.geomspace(0.01, 30.0, 4000)
    path, light = table.range(energy), yields.at(beta_of(energy, ELECTRON_MASS))
    pieces = 0.5 * (light[1:] + light[:-1]) * np.diff(path)
    cumulative = np.concatenate([[0.0], np.cumsum(pieces)])
    rule, exact = 0.0, 0.0
    for _, steps in unpack_steps(DATA / f"geant4_water_{particle}_events.npz"):
        first, last, length = (a.astype(float) for a in (steps.beta_start, steps.beta_end, steps.length))
        by_rule = 0.5 * (yields.at(first) + yields.at(last)) * length
        kinetic = ELECTRON_MASS * (1.0 / np.sqrt(np.clip(1.0 - first**2, 1e-13, 1.0)) - 1.0)
        slow = (np.abs(steps.pdg) == 11) & (kinetic < 20.0) & (kinetic > 0.02)
        begin = table.range(kinetic[slow])
        end = np.maximum(begin - length[slow], path[0])
        smooth = by_rule.copy()
        smooth[slow] = np.interp(begin, path, cumulative) - np.interp(end, path, cumulative)
        rule, exact = rule + by_rule.sum(), exact + smooth.sum()
    return 100.0 * (exact / rule - 1.0)


def summary(rows: list[dict]) -> dict:
    """Largest figures over the energies, and the mean of each difference with its error."""
    figures: dict = {"energies": len(rows)}
    for name in ("yield", "spread", "distance"):
        value = np.array([row[f"{name}_percent"] for row in rows])
        sigma = np.array([row[f"{name}_sigma"] for row in rows])
        figures[f"{name}_error_percent_max"] = float(np.abs(value).max())
        figures[f"{name}_error_percent_mean"] = float(np.average(value, weights=sigma**-2))
        figures[f"{name}_error_percent_mean_sigma"] = float((sigma**-2).sum() ** -0.5)
        figures[f"{name}_beyond_criterion_by_sigma_max"] = float(
            np.max((np.abs(value) - {"yield": 1.0, "spread": 15.0, "distance": 1.0}[name]) / sigma)
        )
    excess = {name: [row["variation"][name]["excess"] for row in rows] for name in BINS}
    figures["table_tv_percent_max"] = float(max(excess["10 x 20"]))
    figures["table_tv_percent_median"] = {name: float(np.median(values)) for name, values in excess.items()}
    figures["delay_error_ps_max"] = float(max(row["delay_ps"] for row in rows))
    return figures | {"each": rows}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=150)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--particles", nargs="+", default=["mu-", "e-"])
    chosen = options.parse_args()
    yields, figures = geant4_yields(), {}
    for particle in chosen.particles:
        archive, rows = tables(particle), []
        for energy in energies(archive):
            key = jax.random.fold_in(jax.random.key(chosen.seed), energy)
            rows.append(compare(particle, energy, archive, yields, chosen.events, key))
            print(particle, {name: value for name, value in rows[-1].items() if name != "variation"}, flush=True)
        figures[particle] = summary(rows) | {"endpoint_rule_percent": endpoint_rule(particle, yields)}
    settings = {"events": chosen.events, "geant4_events": GEANT4_EVENTS, "merged_bins": BINS}
    print(record("light", settings, chosen.seed, {"engine": figures}))


if __name__ == "__main__":
    main()
