"""The learnt profiles against particles they have not seen, and their prediction against whole events in SK.

    python benchmarks/siren.py [--particles mu- e- ...] [--share 0.25] [--events 220] [--many 1500] [--train]

At energies between those of the training new particles are simulated: yield, table, and slopes with energy follow from
them with errors from the fluctuations of events. Tables are compared after bins were merged until two samples of the same
truth differ by less than 0.5 %. Predicted charges are compared with photoelectrons of whole events, and the light of many
more particles without sensors over the angle. `--train` times `lampyris train mu-` from nothing. What a run leaves out
stays as an earlier one measured it. The summary stands in `light.json` too.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from _record import RESULTS, record
from _siren_angle import light_over_angle
from _siren_charge import ANGLES, DIRECTION, POSITION, charge_of_events, draw_residuals
from _siren_tables import MERGES, SMALL, distance
from _tables import brightest, chi_square, mean_delays

import lampyris as lp
from lampyris._host import on_host
from lampyris.emission import load_profile, profile_names
from lampyris.emission.light_table import events_at, simulate_light
from lampyris.emission.profile_file import SUFFIX
from lampyris.emission.tabulate import Flashes, YieldTable
from lampyris.emission.training import Recipe

UNSEEN = {"light": (15.0, 40.0, 120.0, 350.0, 1000.0, 2600.0), "heavy": (120.0, 200.0, 350.0, 600.0, 1000.0, 2600.0)}
RING = slice(72, 94)
"""Bins of angle about the ring: 36 to 47 degrees."""
STEP = 1.06
PLAIN = ("photons", "distance", "ring")


def plain_numbers(light: np.ndarray, flashes: Flashes) -> tuple[np.ndarray, np.ndarray]:
    """Photons, mean distance and share of the ring, with their errors from event to event."""
    count = np.bincount(flashes.event, minlength=len(light)).astype(float)
    inside = (flashes.angle > np.radians(36.0)) & (flashes.angle < np.radians(47.0))
    columns = [np.bincount(flashes.event, w, minlength=len(light)) for w in (flashes.z, inside.astype(float))]
    means = [column.sum() / count.sum() for column in columns]
    spread = [np.sqrt(((c - m * count) ** 2).sum()) / count.sum() for c, m in zip(columns, means, strict=True)]
    root = np.sqrt(len(light))
    return np.array([light.mean(), *means]), np.array([light.std(ddof=1) / root, *spread])


def predicted(profile, energy):
    """The same numbers of a profile."""
    nodes = profile.nodes(energy)
    total = nodes.light.sum()
    distance = (nodes.light.sum(axis=1) * nodes.distance).sum() / total
    return jnp.stack([profile.photons(energy), distance, nodes.light[:, RING].sum() / total])


def predicted_slope(profile, energy):
    return jax.jvp(lambda e: predicted(profile, e), (energy,), (jnp.ones(()),))[1]


def one_energy(profile, energy: float, events: int, photons: float, yields: YieldTable, key) -> dict:
    """All figures of one particle at one energy."""
    particle, length, edges = profile.particle, float(profile.length.values(energy)), np.asarray(profile.edges, float)
    light, flashes = simulate_light(particle, energy, events, photons, yields, key)
    guess = np.asarray(on_host(lambda p, e: p.nodes(e).light, profile, energy), float)
    numbers, errors = plain_numbers(light, flashes)
    ours = on_host(predicted, profile, energy).astype(float)
    spread = float(profile.photons_rms.values(energy) / profile.photons.values(energy))
    ends = [
        plain_numbers(*simulate_light(particle, e, events // 2, 0.25 * photons, yields, jax.random.fold_in(key, n)))
        for n, e in ((1, energy / STEP), (2, energy * STEP))
    ]
    run = energy * STEP - energy / STEP
    slope, slope_error = (ends[1][0] - ends[0][0]) / run, np.hypot(ends[0][1], ends[1][1]) / run
    # the same difference of the profile says how much the curvature matters
    steep = on_host(predicted_slope, profile, energy).astype(float)
    chord = (on_host(predicted, profile, energy * STEP) - on_host(predicted, profile, energy / STEP)) / run
    return {
        "energy": energy,
        "events": events,
        **_named("error_percent", 100 * (ours / numbers - 1)),
        **_named("sigma_percent", 100 * errors / numbers),
        "spread_error_percent": float(100 * (spread / (light.std(ddof=1) / light.mean()) - 1)),
        "spread_sigma_percent": float(100 / np.sqrt(2 * events)),
        **delay_error(profile, energy, flashes),
        **_named("slope_pull", (chord - slope) / slope_error),
        "photons_slope_error_percent": float(100 * (chord[0] / slope[0] - 1)),
        "photons_slope_sigma_percent": float(100 * slope_error[0] / slope[0]),
        "photons_slope_curvature_percent": float(100 * (steep[0] / chord[0] - 1)),
        "table_tv_percent": distance(guess, flashes, events, length, edges),
    }


def delay_error(profile, energy: float, flashes: Flashes) -> dict[str, float]:
    """Root mean square difference [ps] of the mean delays in the bins along the track that hold 90 % of the light, and
    what fluctuations of the new particles alone would make of it."""
    edges, length = np.asarray(profile.edges, float), float(profile.length.values(energy))
    count = len(edges) - 1
    node = np.clip(np.searchsorted(edges, flashes.z / length) - 1, 0, count - 1)
    seen, error = mean_delays(flashes.event, node, flashes.delay(), count)
    ours = on_host(lambda p, e: p.shape.delays(p.photons.scaled(e), jnp.linspace(-1.0, 1.0, count))[0], profile, energy)
    light = np.bincount(node, minlength=count)
    core = brightest(light)
    off, alone = (np.sqrt(np.average(s[core], weights=light[core])) for s in ((ours - seen) ** 2, error**2))
    return {"delay_error_ps": 1e3 * float(off), "delay_statistical_ps": 1e3 * float(alone)}


def _named(ending: str, values: np.ndarray) -> dict[str, float]:
    return {f"{name}_{ending}": float(value) for name, value in zip(PLAIN, values, strict=True)}


def particle_figures(particle: str, share: float, seed: int, yields: YieldTable) -> dict:
    """Largest figures of one particle over the energies, and all of them."""
    profile, family = load_profile(particle), "light" if particle in ("e-", "e+", "gamma") else "heavy"
    recipe, rows = Recipe.of(particle), []
    for energy in UNSEEN[family]:
        key = jax.random.fold_in(jax.random.key(seed + 77), int(energy))
        events = max(int(share * 4 * events_at(energy, recipe.events)), 10)
        photons = 4e6 * min(max(share, 0.25), 1.0)
        rows.append(one_energy(profile, energy, events, photons, yields, key))
        print(particle, rows[-1], flush=True)
    error, sigma = (np.array([row[f"photons_{name}_percent"] for row in rows]) for name in ("error", "sigma"))
    far, far_sigma = (np.array([row[f"distance_{name}_percent"] for row in rows]) for name in ("error", "sigma"))
    pulls = np.array([[row[f"{name}_slope_pull"] for name in PLAIN] for row in rows])
    worst = max(rows, key=lambda row: row["table_tv_percent"]["siren"])["table_tv_percent"]
    latest = max(rows, key=lambda row: row["delay_error_ps"])
    figures = {
        "yield_error_percent_max": float(np.abs(error).max()),
        "yield_beyond_criterion_by_sigma_max": float(np.max((np.abs(error) - 0.3) / sigma)),
        "spread_error_percent_max": max(abs(row["spread_error_percent"]) for row in rows),
        "distance_error_percent_max": max(abs(row["distance_error_percent"]) for row in rows),
        "delay_error_ps_max": latest["delay_error_ps"],
        "delay_error_ps_max_statistical": latest["delay_statistical_ps"],
        "distance_beyond_1_percent_by_sigma_max": float(np.max((np.abs(far) - 1.0) / far_sigma)),
        "table_tv_percent_max": worst["siren"],
        "table_tv_percent_max_sigma": worst["sigma"],
        "slope_pull_rms": float(np.sqrt((pulls**2).mean())),
        "file_kilobytes": (Path(lp.emission.__file__).parent / "tables" / f"{particle}{SUFFIX}").stat().st_size / 1000,
    }
    return figures | {"each": rows}


def all_pulls(rows: list[dict]) -> dict:
    """How the plain numbers agree within their errors over these comparisons."""
    return {name: chi_square(rows, f"{name}_error_percent", f"{name}_sigma_percent") for name in PLAIN}


def profile_seconds(particle: str = "mu-") -> float:
    """Shortest of ten evaluations of a whole profile."""
    profile, evaluate = load_profile(particle), jax.jit(lambda p, e: p.nodes(e).light)
    jax.block_until_ready(evaluate(profile, jnp.asarray(500.0)))
    seconds = []
    for energy in np.linspace(500.0, 1500.0, 10):
        start = time.perf_counter()
        jax.block_until_ready(evaluate(profile, jnp.asarray(energy)))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def train_minutes() -> float:
    """Minutes of `lampyris train mu-` from nothing, simulation included."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        words = ["train", "mu-", "-o", str(Path(folder) / "mu.profile"), "--quiet"]
        subprocess.run([sys.executable, "-m", "lampyris", *words], check=True)
        return (time.perf_counter() - start) / 60.0


def charge_figures(events: int, many: int, seed: int) -> dict:
    """Charges of whole events in SK and the light of many particles over the angle; draws them too."""
    detector, charge, angle = lp.catalog.load("SK"), {}, {}
    for particle in ("mu-", "e-"):
        track = lp.Track(particle, 1000.0, POSITION, DIRECTION, 0.0)
        angle[particle] = light_over_angle(detector, track, many, seed, ANGLES)
        print(particle, {n: v for n, v in angle[particle].items() if n != "profile"}, flush=True)
        charge[particle] = charge_of_events(detector, particle, 1000.0, events, seed)
        print(particle, {n: v for n, v in charge[particle].items() if n != "profile"}, flush=True)
    draw_residuals(charge, angle, Path(__file__).parents[1] / "docs" / "_static" / "siren_residual.png")
    return {
        "charge_total_error_percent": {p: row["total_error_percent"] for p, row in charge.items()},
        "charge": {p: {"seed": seed} | {n: v for n, v in row.items() if n != "profile"} for p, row in charge.items()},
        "angle": {p: {"seed": seed} | {n: v for n, v in row.items() if n != "profile"} for p, row in angle.items()},
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--particles", nargs="*", default=profile_names())
    options.add_argument("--share", type=float, default=0.25, help="of four times as many particles as in the training")
    options.add_argument("--events", type=int, default=220, help="whole events in SK; 0: none")
    options.add_argument("--many", type=int, default=1500, help="particles whose light is compared over the angle")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--train", action="store_true", help="time a training of mu-")
    chosen = options.parse_args()
    yields, path = YieldTable.of(lp.catalog.load("SK").medium), RESULTS / "siren.json"
    old = json.loads(path.read_text()) if path.exists() else {"figures": {}, "settings": {}}
    measured = {
        p: particle_figures(p, chosen.share, chosen.seed, yields) | {"share": chosen.share, "seed": chosen.seed}
        for p in chosen.particles
    }
    figures = old["figures"] | {"siren": old["figures"].get("siren", {}) | measured}
    for row in figures["siren"].values():
        row["pulls"] = all_pulls(row["each"])
    figures["pulls"] = all_pulls([each for row in figures["siren"].values() for each in row["each"]])
    figures["siren_profile_seconds"] = profile_seconds()
    if chosen.train:
        figures["train_minutes"] = train_minutes()
    if chosen.events > 0:
        figures |= charge_figures(chosen.events, chosen.many, chosen.seed)
    settings = {"merges": MERGES, "small_percent": SMALL}
    print(record("siren", settings, chosen.seed, figures))
    light = {name: value for name, value in figures.items() if name not in ("charge", "angle", "pulls")}
    light["siren"] = {p: {n: v for n, v in row.items() if n != "each"} for p, row in figures["siren"].items()}
    settings |= {"share": chosen.share, "share_each": {p: row["share"] for p, row in figures["siren"].items()}}
    settings["events"] = {p: row["events"] for p, row in figures.get("charge", {}).items()}
    print(record("light", {"siren": settings}, chosen.seed, light, keep=True))


if __name__ == "__main__":
    main()
