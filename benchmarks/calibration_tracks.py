"""Optics, efficiencies and muon tracks in one fit, and each of lamp and muons alone.

    python benchmarks/calibration_tracks.py --experiments 3 --events 20

A tank of 12 x 12 m with 1016 20-inch tubes, water of 30 m absorption and 40 m scattering length, walls of reflectance
0.2; efficiencies of the channels differ by 10 %. Data: one flash of 3e5 photons of 405 nm from the centre, and whole
muons of 300 to 600 MeV from the built-in engine, all carried by Monte Carlo. Fits start a quarter off with equal
channels, whose efficiencies are known to 10 % from the bench (a prior). Figures go into `calibration.json`, block
`with_tracks`, after every experiment.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np
from _record import RESULTS, record

import lampyris as lp
from lampyris.catalog.efficiency import tube_20_inch
from lampyris.catalog.media import water_sk
from lampyris.fit.parameters import differences
from lampyris.layout import barrel, caps, join
from lampyris.phase import Rayleigh
from lampyris.surface import Mixture

SHAPE = lp.Cylinder(6.0, 12.0)
PLACED = join(barrel(SHAPE, 48, 15, 0.785, 0.505), caps(SHAPE, 148, 0.785))
COUNT = len(PLACED[0])
OPTICS = ("medium.absorption_length", "medium.scatterers.0.length", "wall.reflectance")
TRUE, START = (30.0, 40.0, 0.2), (24.0, 50.0, 0.15)
EFFICIENCY = "sensors.relative_efficiency"
SETTINGS = lp.CalibrationSettings(paths=2**19, priors={EFFICIENCY: (1.0, 0.1)})


def tank(optics, efficiency) -> lp.Detector:
    absorption, scattering, wall = optics
    medium = lp.Medium(water_sk().refractive_index, absorption, (lp.Scatterer(scattering, Rayleigh()),))
    position, normal = map(jnp.asarray, PLACED)
    sensors = lp.make_sensors(
        position,
        normal,
        0.254,
        tube_20_inch(),
        surface=Mixture(0.15, 0.5),
        transit_time_spread=2.1,
        charge_spread=0.4,
        dark_rate=4.2,
        relative_efficiency=efficiency,
    )
    return lp.Detector(SHAPE, medium, Mixture(wall, 0.5), sensors, name="tank")


def muon(draw) -> lp.Track:
    """A contained muon: its middle within 1.5 m of the centre in each coordinate."""
    way = draw.normal(size=3)
    way /= np.linalg.norm(way)
    place = draw.uniform(-1.5, 1.5, 3) - way
    return lp.Track("mu-", draw.uniform(300.0, 600.0), list(place), list(way), draw.uniform(-15.0, 15.0))


def calibrated(fit: lp.Calibration, efficiency: np.ndarray) -> dict:
    """Values, errors and pulls of the optics, and how far the efficiencies are from the truth."""
    away = np.asarray(fit.value.sensors.relative_efficiency, float) - efficiency
    pull = away / fit.channel_errors[EFFICIENCY]
    return {
        "result": fit.result,
        "relative": {n: float(v / t - 1.0) for n, v, t in zip(fit.names, fit.values, TRUE, strict=True)},
        "error": {n: float(e / v) for n, v, e in zip(fit.names, fit.values, fit.errors, strict=True)},
        "pulls": fit.pulls(dict(zip(OPTICS, TRUE, strict=True))),
        "efficiency_rms": float(np.sqrt((away**2).mean())),
        "efficiency_pull_width": float(pull.std()),
        "iterations": fit.statistics["iterations"],
        "seconds": fit.statistics["seconds"],
        "goodness": fit.goodness.worst,
    }


def tracked(fits: dict, truth: list[lp.Track]) -> list[list[float]]:
    """Energy [percent], vertex [cm] and direction [deg] by which each track is off, the first with its sign."""
    rows = []
    for number, fit in fits.items():
        true = truth[number]
        away = differences(fit.value, true)
        cosine = np.clip(np.dot(np.asarray(fit.value.direction, float), np.asarray(true.direction, float)), -1.0, 1.0)
        vertex = 100.0 * np.linalg.norm(away[1:4])
        rows.append([100.0 * away[0] / float(true.energy), float(vertex), float(np.degrees(np.arccos(cosine)))])
    return rows


def experiment(seed: int, events: int) -> dict:
    draw, key = np.random.default_rng(seed), jax.random.key(seed)
    efficiency = 1.0 + 0.1 * draw.standard_normal(COUNT)
    true, start = tank(TRUE, efficiency), tank(START, np.ones(COUNT))
    lamp = lp.Isotropic([0.0, 0.0, 0.0], 405.0, 3e5)
    truth = [muon(draw) for _ in range(events)]
    keys = jax.random.split(key, events + 1)
    hits = [lp.simulate(true, track, key=k) for track, k in zip(truth, keys[1:], strict=True)]
    runs = [lp.Run(lamp, lp.simulate(true, lamp, key=keys[0]))]
    nominal = {number: lp.reconstruct(start, event) for number, event in enumerate(hits)}
    kept = [number for number, fit in nominal.items() if fit.result == "converged"]
    tracks = lp.Tracks("mu-", lp.Hits.stacked([hits[n] for n in kept]), [nominal[n].value for n in kept])
    free = [*OPTICS, EFFICIENCY]
    fits = {
        "lamp": lp.calibrate(start, runs, free, settings=SETTINGS),
        "muons": lp.calibrate(start, [], free, tracks=tracks, settings=SETTINGS),
        "joint": lp.calibrate(start, runs, free, tracks=tracks, settings=SETTINGS),
    }
    told = {name: calibrated(fit, efficiency) for name, fit in fits.items()}
    known = [truth[n] for n in kept]
    starts = {i: fit.value for i, fit in fits["joint"].tracks.items()}
    again = {
        name: {i: lp.reconstruct(detector, hits[kept[i]], start=track) for i, track in starts.items()}
        for name, detector in (("lamp", fits["lamp"].value), ("true", true))
    }
    told["tracks"] = {
        "start": tracked({i: nominal[n] for i, n in enumerate(kept)}, known),
        "lamp": tracked(again["lamp"], known),
        "joint": tracked(fits["joint"].tracks, known),
        "true": tracked(again["true"], known),
    }
    return told


def figures(rows: list[dict], events: int) -> dict:
    """Means over the experiments, and the resolution of all tracks together."""
    told: dict = {"experiments": len(rows), "events": events}
    for case in ("lamp", "muons", "joint"):
        own = [row[case] for row in rows]
        pulls = np.array([list(row["pulls"].values()) for row in own])
        told[case] = {
            "converged": sum(row["result"] == "converged" for row in own),
            "relative_error": {n: float(np.mean([row["error"][n] for row in own])) for n in OPTICS},
            "away_rms": {n: float(np.sqrt(np.mean([row["relative"][n] ** 2 for row in own]))) for n in OPTICS},
            "pull_mean": dict(zip(OPTICS, pulls.mean(axis=0).tolist(), strict=True)),
            "pull_rms": dict(zip(OPTICS, np.sqrt((pulls**2).mean(axis=0)).tolist(), strict=True)),
            **{
                name: float(np.mean([row[name] for row in own]))
                for name in ("efficiency_rms", "efficiency_pull_width", "iterations", "seconds")
            },
        }
    told["tracks"] = {}
    for case in rows[0]["tracks"]:
        away = np.array([track for row in rows for track in row["tracks"][case]])
        told["tracks"][case] = {
            "events": len(away),
            "energy_bias_percent": float(away[:, 0].mean()),
            "energy_bias_error_percent": float(away[:, 0].std(ddof=1) / np.sqrt(len(away))),
            "energy_rms_percent": float(np.sqrt((away[:, 0] ** 2).mean())),
            "vertex_q68_cm": float(np.quantile(away[:, 1], 0.68)),
            "direction_q68_deg": float(np.quantile(away[:, 2], 0.68)),
        }
    return told | {"each": rows}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--experiments", type=int, default=3)
    options.add_argument("--events", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    rows = []
    for number in range(chosen.experiments):
        begin = time.perf_counter()
        rows.append(experiment(100 * chosen.seed + number, chosen.events))
        print(
            number, round(time.perf_counter() - begin), {k: v for k, v in rows[-1].items() if k != "tracks"}, flush=True
        )
        settings = {"with_tracks": {"experiments": chosen.experiments, "events": chosen.events}}
        record("calibration", settings, chosen.seed, {"with_tracks": figures(rows, chosen.events)}, keep=True)


if __name__ == "__main__":
    assert RESULTS.exists()
    main()
