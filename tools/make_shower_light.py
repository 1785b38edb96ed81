"""Make the description of single showers: where shares of their light lie, how they fluctuate, and their angles.

    python tools/make_shower_light.py [e- e+ gamma]

Showers of the built-in engine are cut into shares of their light, from the first to the last. The distances of the shares
and the leans of the axis about which they shine give, for each energy, means and covariances between shares. Their largest
common principal axes over all energies are the modes; a triangular root of the covariance of the modes makes independent
numbers of unit variance of them. The angles of the light are taken about the axis that the modes give each event.
Everything is smoothed over energy by Chebyshev polynomials.
"""

import sys
from pathlib import Path

import jax
import numpy as np
from _shower_cut import SHARES, Photons, Sample, simulate
from numpy.polynomial.chebyshev import chebvander
from scipy.optimize import brentq

from lampyris.catalog.media import water_sk
from lampyris.emission import load_profile
from lampyris.emission.angles import angle_edges
from lampyris.emission.light_table import energy_grid
from lampyris.emission.shower_light import DEPTHS, NODES, SHOWER_FORMAT, SHOWERS, TURNS, along_shower
from lampyris.emission.tabulate import YieldTable, angle_about

TABLES = Path(__file__).resolve().parents[1] / "src" / "lampyris" / "emission" / "tables"
ENERGIES, EVENTS, SEED, PHOTONS = 16, 250, 5, 1e6
MANY_TERMS, TERMS, FEW_TERMS, RANKS = 8, 6, 4, 8


def principal(covariances: list[np.ndarray], count: int) -> np.ndarray:
    """Largest common principal axes (count, nodes), orthonormal in the light, of covariances between shares."""
    root = np.sqrt(SHARES)
    common = sum(c / (SHARES @ np.diag(c)) for c in covariances)
    _, vectors = np.linalg.eigh(root[:, None] * common * root)
    axes = vectors[:, ::-1][:, :count].T / root
    return axes * np.sign((axes * SHARES).sum(axis=1))[:, None]


def skewness_of_lognormal(width: float) -> float:
    return (np.exp(width**2) + 2.0) * np.sqrt(np.expm1(width**2))


def modes(deviation: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Effect of one rms of independent numbers (modes, nodes), the numbers of all events, and the share explained."""
    scores = deviation * SHARES @ axes.T
    root = np.linalg.cholesky(np.cov(scores.T, bias=True))
    left = deviation - scores @ axes
    explained = 1.0 - (left**2 @ SHARES).mean() / (deviation**2 @ SHARES).mean()
    return root.T @ axes, np.linalg.solve(root, scores.T).T, float(explained)


def smoothed(table: np.ndarray, terms: int) -> np.ndarray:
    """Chebyshev series over the energies, which are on the first axis."""
    basis = chebvander(-np.cos(np.pi * np.arange(len(table)) / (len(table) - 1)), terms - 1)
    return np.linalg.lstsq(basis, table.reshape(len(table), -1), rcond=None)[0].reshape(terms, *table.shape[1:])


def smooth_light(counts: np.ndarray) -> np.ndarray:
    """Logarithm of the light per solid angle (terms, ranks, angles) by maximum likelihood from counts of photons.

    `counts` are (energies, nodes, angles); every bin of angle is fitted by itself.
    """
    energies, nodes, angles = counts.shape
    over_energy = chebvander(-np.cos(np.pi * np.arange(energies) / (energies - 1)), TERMS - 1)
    basis = np.einsum("et,nr->entr", over_energy, along_shower(RANKS)).reshape(energies * nodes, -1)
    exposure = counts.sum(axis=2).reshape(-1, 1) * -np.diff(np.cos(angle_edges()))
    series = np.zeros((basis.shape[1], angles))
    for angle in range(angles):
        seen, seeing = counts[:, :, angle].ravel(), exposure[:, angle]
        logarithm = np.log((seen + 0.5) / seeing)
        for _ in range(8):
            expected = np.clip(seeing * np.exp(logarithm), 1e-3, None)
            aim = logarithm + np.clip((seen - expected) / expected, -1.0, 1.0)
            normal = basis.T @ (basis * expected[:, None]) + 0.1 * np.eye(basis.shape[1])
            series[:, angle] = np.linalg.solve(normal, basis.T @ (expected * aim))
            logarithm = np.clip(basis @ series[:, angle], -25.0, 25.0)
    return series.reshape(TERMS, RANKS, angles)


def counted(photons: Photons, lean: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Photons (nodes, angles) about the axes of all shares, which lean (events, nodes, 2)."""
    own = lean[photons.event, photons.node]
    along = (photons.way[:, :2] * own).sum(axis=1) + photons.way[:, 2]
    angle = angle_about(photons.cosine, along / np.sqrt(1.0 + (own**2).sum(axis=1)), random)
    return np.histogram2d(photons.node, angle, [np.arange(NODES + 1), angle_edges()])[0]


def values(series: np.ndarray) -> np.ndarray:
    """A smoothed table at its energies again."""
    return np.tensordot(chebvander(-np.cos(np.pi * np.arange(ENERGIES) / (ENERGIES - 1)), len(series) - 1), series, 1)


def in_planes(pairs: np.ndarray) -> np.ndarray:
    """Vectors (events, nodes, 2) as rows of both planes."""
    return np.concatenate([pairs[..., 0], pairs[..., 1]])


def describe(samples: list[Sample], unit: np.ndarray) -> dict[str, np.ndarray]:
    """All columns of the file; `unit` is the mean distance of the light at each energy [m]."""
    pairs = list(zip(samples, unit, strict=True))
    depths = [(s.place - s.place.mean(axis=0)) / at for s, at in pairs]
    deep_axes = principal([d.T @ d / len(d) for d in depths], DEPTHS)
    leans = [in_planes(s.lean) for s in samples]
    lean_axes = principal([d.T @ d / len(d) for d in leans], TURNS)
    deep, turned = [modes(d, deep_axes) for d in depths], [modes(d, lean_axes) for d in leans]
    skew = np.array([np.clip((numbers**3).mean(axis=0), -3.0, 3.0) for _, numbers, _ in deep])
    width = np.vectorize(lambda s: np.sign(s) * brentq(lambda w: skewness_of_lognormal(w) - abs(s), 0.0, 1.0))(skew)
    turns = smoothed(np.array([effect for effect, _, _ in turned]), TERMS)
    asides = [n.T @ in_planes(s.aside) / len(n) / at for (s, at), (_, n, _) in zip(pairs, turned, strict=True)]
    delay, random, counts = np.array([s.delay.mean(axis=1) for s in samples]), np.random.default_rng(SEED), []
    for sample, (_, numbers, _), effect in zip(samples, turned, values(turns), strict=True):
        lean = np.stack(np.split(numbers @ effect, 2), axis=-1)
        counts.append(counted(sample.photons, lean, random))
    place = np.array([s.place.mean(axis=0) / at for s, at in pairs])
    columns = {
        "place": smoothed(place, MANY_TERMS),
        "depths": smoothed(np.array([effect for effect, _, _ in deep]), TERMS),
        "skew": smoothed(width, FEW_TERMS),
        "delay": smoothed(delay[:, 0], TERMS),
        "log_delay_rms": smoothed(0.5 * np.log(np.maximum(delay[:, 1] - delay[:, 0] ** 2, 1e-6)), FEW_TERMS),
        "turns": turns,
        "sideways": smoothed(np.array(asides), TERMS),
        "log_light": smooth_light(np.array(counts)),
    }
    told = [np.array([part[2] for part in parts]) for parts in (deep, turned)]
    print("modes explain of depths", told[0].round(2), "of leans", told[1].round(2))
    print("smoothed distance of the light", (values(columns["place"]) @ SHARES).round(3), "of 1")
    return columns


def write(particle: str) -> None:
    profile, yields, key = load_profile(particle), YieldTable.of(water_sk()), jax.random.key(SEED)
    energies, samples = energy_grid(*profile.energy_range, ENERGIES), []
    for number, energy in enumerate(energies):
        samples.append(simulate(particle, energy, EVENTS, PHOTONS, yields, jax.random.fold_in(key, number)))
        print(f"{particle}, {energy:.1f} MeV: {len(samples[-1].place)} showers", flush=True)
    columns = describe(samples, profile.distance.values(energies))
    target = TABLES / f"{particle}_shower.npz"
    provenance = (
        f"showers of the built-in engine at {ENERGIES} energies, {EVENTS} at 1 GeV, "
        f"by tools/make_shower_light.py {particle}, seed {SEED}"
    )
    stored = {
        name: values.astype(np.float16 if name == "log_light" else np.float32) for name, values in columns.items()
    }
    np.savez_compressed(target, format=SHOWER_FORMAT, provenance=provenance, **stored)
    print(f"{target}: {target.stat().st_size / 1024:.0f} kB", flush=True)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or SHOWERS:
        write(chosen)
