"""Single whole events in SK against the averaged track and against the descriptions with numbers of their own event.

    python benchmarks/whole_events.py [--muons 20] [--showers e- gamma] [--events 10] [--seed 1]

Muons are the whole Geant4 muons of `data/`; their bent track gets the true bends and range of each event, read off its steps.
Showers are new ones of the built-in engine at 1 GeV; their latent numbers are fitted to the direct light of one
drawing of the photons, with the true vertex, direction, time and energy, and judged with another drawing of the same
shower. The measure is the Poisson deviance of the direct photoelectrons of all sensors less its expectation if the
prediction were the truth: 0 for a perfect description. Tracks start at random contained vertices.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from _record import RESULTS, record
from scipy.special import gammaln, xlogy

import lampyris as lp
from lampyris._host import on_host
from lampyris._math import orthonormal_frame
from lampyris.data.events import unpack_steps
from lampyris.emission.muon_light import RANGE_STRAGGLING, SHORTEST, highland, load_muon_light
from lampyris.emission.shower_light import DEPTHS, TURNS
from lampyris.particle import simulate_particle
from lampyris.response import detection_bound
from lampyris.source import BentTrack, Shower
from lampyris.source.bent_track import JOINTS, NODES
from lampyris.transport.direct import DistanceTable, direct_light

matplotlib.use("Agg")
from matplotlib import pyplot

DATA = Path(__file__).parents[1] / "data" / "geant4_water_mu-_events.npz"
FIGURE = Path(__file__).parents[1] / "docs" / "_static" / "whole_events.png"
COUNTS = np.arange(400)


class Case(NamedTuple):
    """One event: its track, photoelectrons of two drawings of its photons, and the predictions by name."""

    track: lp.Track
    seen: np.ndarray
    expected: dict[str, np.ndarray]


def contained(detector: lp.Detector, particle: str, energy: float, draw: np.random.Generator) -> lp.Track:
    """A random track with its vertex 2 m from every wall and room for its light."""
    half = np.asarray(detector.shape.half_extent())
    room = 1.2 * float(lp.Track(particle, energy, [0, 0, 0], [0, 0, 1.0]).profile.length(energy))
    while True:
        position, direction = draw.uniform(-half, half), draw.normal(size=3)
        direction /= np.linalg.norm(direction)
        ends = np.asarray(detector.shape.signed_distance(np.stack([position, position + room * direction])))
        if ends[0] > 2.0 and ends[1] > 0.0:
            return lp.Track(particle, energy, position, direction, 0.0)


def photoelectrons(detector: lp.Detector, light: lp.StepLight, seed: int, drawings: int) -> np.ndarray:
    """Direct photoelectrons of every sensor (drawings, sensors)."""
    bound, draw, counts = detection_bound(detector.sensors), np.random.default_rng(seed), []
    for number in range(drawings):
        key = jax.random.fold_in(jax.random.key(seed), number)
        arrivals, _ = lp.MonteCarlo()(light, detector, key=key, keep=bound)
        wavelength = jnp.asarray(arrivals.wavelength)
        chance = np.asarray(detector.sensors.quantum_efficiency(wavelength) / bound(wavelength))
        own = arrivals.direct & (draw.random(len(chance)) < chance)
        counts.append(np.bincount(arrivals.channel[own], minlength=detector.sensors.count))
    return np.array(counts)


@eqx.filter_jit
def direct(source, detector) -> jax.Array:
    """Expected direct photoelectrons."""
    emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
    return direct_light(emitters, detector, DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)).charge


def shower_of(track: lp.Track, latent: jax.Array) -> Shower:
    """The shower of latent numbers: depths, then the turns in two planes."""
    planes = jnp.stack(orthonormal_frame(track.direction))
    turns = latent[DEPTHS:].reshape(TURNS, 2) @ planes
    return Shower(track.particle, track.energy, track.position, track.direction, track.time, latent[:DEPTHS], turns)


@eqx.filter_jit
def slopes(track: lp.Track, detector: lp.Detector, latent: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Expected direct photoelectrons and their derivatives in the latent numbers (sensors, latents)."""

    def value(numbers):
        return direct(shower_of(track, numbers), detector)

    return value(latent), jax.jacfwd(value)(latent)


def best_latents(track: lp.Track, detector: lp.Detector, seen: np.ndarray) -> np.ndarray:
    """Most probable latent numbers given the photoelectrons, by Newton steps with the expected information."""
    latent = np.zeros(DEPTHS + 2 * TURNS)

    def local(at):
        mu, slope = (np.asarray(part, float) for part in slopes(track, detector, jnp.asarray(at, float)))
        mu = np.maximum(mu, 1e-9)
        return (xlogy(seen, mu) - mu).sum() - 0.5 * (at**2).sum(), mu, slope

    value, mu, slope = local(latent)
    for _ in range(12):
        information = slope.T @ (slope / mu[:, None]) + np.eye(len(latent))
        step = np.linalg.solve(information, slope.T @ (seen / mu - 1.0) - latent)
        for share in (1.0, 0.5, 0.25, 0.1, 0.03):
            trial = local(latent + share * step)
            if trial[0] > value:
                break
        else:
            break
        gain, latent = trial[0] - value, latent + share * step
        value, mu, slope = trial
        if gain < 0.01:
            break
    return latent


def true_bends(steps, track: lp.Track) -> BentTrack:
    """The bent track that follows the steps of a muon made along +z, carried to the vertex of `track`."""
    own = steps.moved(np.asarray(track.position), np.asarray(track.direction), 0.0)
    muon = own.track == 1
    way, length = (own.end - own.start)[muon].astype(float), own.length[muon].astype(float)
    mean = float(on_host(load_muon_light().range, track.energy))
    passed = np.concatenate([[0.0], np.cumsum(length)])
    stretch = (passed[-1] / mean - 1.0) / RANGE_STRAGGLING
    shining = passed[-1] - SHORTEST
    borders = np.arange(NODES + 1) / NODES * shining
    path = np.concatenate([np.zeros((1, 3)), np.cumsum(way, axis=0)])
    at = np.stack([np.interp(borders, passed, path[:, a]) for a in range(3)], axis=1)
    lean = np.diff(at, axis=0) / (shining / NODES)
    turned, size = on_host(_turns, passed[-1])
    # least squares on the directions of the pieces; the prior holds what they do not fix
    design = (turned * size).astype(float)
    weight = 1.0 / np.radians(0.3) ** 2
    bend = lean - lean @ np.asarray(track.direction)[:, None] * np.asarray(track.direction)
    kinks = np.linalg.solve(weight * design.T @ design + np.eye(len(size)), weight * design.T @ bend)
    return BentTrack("mu-", track.energy, track.position, track.direction, track.time, kinks, stretch)


def _turns(whole):
    """How far each kink has turned at each piece of a track of this range, and the rms of the kinks."""
    light = load_muon_light()
    residual = whole - (whole - SHORTEST) * (np.arange(NODES) + 0.5) / NODES
    motion, joints = light.at(residual), light.at(whole - (whole - SHORTEST) * np.asarray(JOINTS))
    start = joints.depth[0], joints.power[0]
    knots = highland(start[0] - joints.depth, start[1] - joints.power)
    variance = highland(start[0] - motion.depth, start[1] - motion.power)
    growth = jnp.diff(knots)
    return jnp.clip((variance[:, None] - knots[:-1]) / growth, 0.0, 1.0), jnp.sqrt(growth)


def deviance(seen: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Poisson deviance of each sensor."""
    mu = np.maximum(expected, 1e-6)
    return 2.0 * (xlogy(seen, np.maximum(seen, 1) / mu) - (seen - mu))


def excess(seen: np.ndarray, expected: np.ndarray) -> float:
    """Deviance of all sensors less what a true prediction would have."""
    mu = np.maximum(expected, 1e-6)
    grid = np.geomspace(1e-6, max(float(mu.max()), 1.0), 400)
    chance = np.exp(xlogy(COUNTS, grid[:, None]) - grid[:, None] - gammaln(COUNTS + 1.0))
    mean = (chance * deviance(COUNTS, grid[:, None])).sum(axis=1)
    return float(deviance(seen, mu).sum() - np.interp(np.log(mu), np.log(grid), mean).sum())


def muons(detector: lp.Detector, events: int, seed: int) -> list[Case]:
    cases, draw = [], np.random.default_rng(seed)
    for number, (energy, steps) in enumerate(unpack_steps(DATA)[:events]):
        track = contained(detector, "mu-", energy, draw)
        light = lp.StepLight(steps, track.position, track.direction, track.time)
        straight = BentTrack("mu-", energy, track.position, track.direction, 0.0, np.zeros((len(JOINTS) - 1, 3)), 0.0)
        sources = {"averaged": track, "straight": straight, "bent": true_bends(steps, track)}
        expected = {name: np.asarray(direct(source, detector), float) for name, source in sources.items()}
        cases.append(Case(track, photoelectrons(detector, light, seed + number, 1)[0], expected))
        print("mu-", energy, {n: round(excess(cases[-1].seen, mu)) for n, mu in expected.items()}, flush=True)
    return cases


def showers(detector: lp.Detector, particle: str, events: int, seed: int) -> list[Case]:
    cases, draw = [], np.random.default_rng(seed)
    for number in range(events):
        track = contained(detector, particle, 1000.0, draw)
        steps = simulate_particle(particle, 1000.0, key=jax.random.fold_in(jax.random.key(seed + 31), number))
        light = lp.StepLight(steps, track.position, track.direction, track.time)
        fitted, seen = photoelectrons(detector, light, seed + number, 2)
        latent = best_latents(track, detector, fitted)
        numbers = {
            "typical": np.zeros_like(latent),
            "depths": latent * (np.arange(len(latent)) < DEPTHS),
            "shower": latent,
        }
        expected = {"averaged": np.asarray(direct(track, detector), float)}
        for name, own in numbers.items():
            expected[name] = np.asarray(direct(shower_of(track, jnp.asarray(own, float)), detector), float)
        cases.append(Case(track, seen, expected))
        print(
            particle,
            number,
            {n: round(excess(seen, mu)) for n, mu in expected.items()},
            np.round(latent, 1),
            flush=True,
        )
    return cases


def figures(cases: list[Case]) -> dict:
    """Excess of the deviance per event by description: mean, error of the mean, median; and per lit sensor."""
    found: dict = {"events": len(cases)}
    for name in cases[0].expected:
        values = np.array([excess(case.seen, case.expected[name]) for case in cases])
        lit = np.array([(case.expected[name] > 0.1).sum() for case in cases])
        found[name] = {
            "deviance_excess_mean": float(values.mean()),
            "deviance_excess_error": float(values.std(ddof=1) / np.sqrt(len(values))),
            "deviance_excess_median": float(np.median(values)),
            "per_lit_sensor": float((values / lit).mean()),
            "each": values.round(1).tolist(),
        }
    return found


def draw_figure(rows: dict[str, dict], path: Path) -> None:
    """Excess of the deviance of every event, for the averaged track and for that of the event."""
    figure, axes = pyplot.subplots(1, len(rows), figsize=(3.2 * len(rows), 3.2), layout="constrained", squeeze=False)
    for axis, (particle, row) in zip(axes[0], rows.items(), strict=True):
        own = "bent" if "bent" in row else "shower"
        axis.plot(row["averaged"]["each"], row[own]["each"], ".", color="C0")
        top = 1.05 * max(row["averaged"]["each"])
        axis.plot([0.0, top], [0.0, top], color="grey", linewidth=0.8)
        axis.axhline(0.0, color="grey", linewidth=0.8)
        axis.set(title=particle, xlabel="averaged track", ylabel=f"{own} track" if own == "bent" else "own shower")
    figure.suptitle("deviance of an event beyond that of a true prediction")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--showers", nargs="*", default=["e-", "gamma"])
    options.add_argument("--muons", type=int, default=20, help="of the 20 of the file; 0: none")
    options.add_argument("--events", type=int, default=10, help="showers of each particle")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    detector = lp.catalog.load("SK")
    path = RESULTS / "light.json"
    rows = json.loads(path.read_text())["figures"].get("whole_events", {}) if path.exists() else {}
    if chosen.muons:
        rows["mu-"] = figures(muons(detector, chosen.muons, chosen.seed))
    for particle in chosen.showers:
        rows[particle] = figures(showers(detector, particle, chosen.events, chosen.seed))
    draw_figure(rows, FIGURE)
    settings = {"whole_events": {"energy_showers_mev": 1000.0, "seed": chosen.seed}}
    print(record("light", settings, chosen.seed, {"whole_events": rows}, keep=True))


if __name__ == "__main__":
    main()
