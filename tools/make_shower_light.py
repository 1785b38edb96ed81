"""Make the description of single showers: where shares of their light lie, how they fluctuate, and their angles.

    python tools/make_shower_light.py [e- e+ gamma]

Showers of the built-in engine are cut into shares of their light, from the first to the last. The gaps between some of the
shares give, for each energy, the mean and the covariance of their logarithms. The leans of the axes about which the shares
shine give covariances whose largest common principal axes over all energies, each share in units of its own spread, are
their modes. Triangular roots of covariances make independent numbers of unit variance. The angles of the light are taken
about the axis that the modes give each event.
Everything is smoothed over energy by Chebyshev polynomials.
"""

import sys
from pathlib import Path

import jax
import numpy as np
from _shower_cut import Photons, Sample, simulate
from numpy.polynomial.chebyshev import chebvander

from lampyris.catalog.media import water_sk
from lampyris.emission import load_profile
from lampyris.emission.angles import angle_edges
from lampyris.emission.light_table import energy_grid
from lampyris.emission.shower_light import JOINTS, NODES, SHOWER_FORMAT, SHOWERS, TURNS, along_shower
from lampyris.emission.tabulate import YieldTable, angle_about

TABLES = Path(__file__).resolve().parents[1] / "src" / "lampyris" / "emission" / "tables"
ENERGIES, EVENTS, SEED, PHOTONS = 16, 250, 5, 1e6
MANY_TERMS, TERMS, FEW_TERMS, RANKS = 8, 6, 4, 8


def principal(deviations: list[np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest common principal axes (count, nodes) of deviations of shares (events, nodes), and the weights of shares.

    Every share weighs as much as any other in units of its own spread, so that the start of the light, which says most of
    vertex and direction and spreads least, is described as well as its end; the axes are orthonormal in these weights.
    """
    weight = 1.0 / np.mean([(d**2).mean(axis=0) for d in deviations], axis=0)
    root = np.sqrt(weight)
    common = sum(c / np.trace(c) for c in ((d * root).T @ (d * root) / len(d) for d in deviations))
    _, vectors = np.linalg.eigh(common)
    axes = vectors[:, ::-1][:, :count].T / root
    return axes * np.sign(axes.sum(axis=1))[:, None], weight


def log_gaps(place: np.ndarray) -> np.ndarray:
    """Logarithms of the distances between the shares of `JOINTS` (events, depths), the first from the vertex.

    Slow electrons turn back: a gap is taken to be a tenth of its median at least.
    """
    gap = np.diff(place[:, list(JOINTS)], axis=1, prepend=0.0)
    return np.log(np.maximum(gap, 0.1 * np.maximum(np.median(gap, axis=0), 1e-3)))


def within_gaps(place: np.ndarray) -> np.ndarray:
    """Part of every gap that lies before each share (depths, nodes), from mean distances (energies, nodes)."""
    ends = place[:, list(JOINTS)]
    starts = np.concatenate([np.zeros((len(place), 1)), ends[:, :-1]], axis=1)
    part = (place[:, None, :] - starts[..., None]) / (ends - starts)[..., None]
    return in_order(np.clip(part, 0.0, 1.0).mean(axis=0))


def in_order(part: np.ndarray) -> np.ndarray:
    """The parts, 0 up to the share where a gap starts, 1 from that where it ends, and never falling between."""
    share, ends = np.arange(NODES), np.array(JOINTS)[:, None]
    starts = np.concatenate([[[-1]], ends[:-1]])
    return np.maximum.accumulate(np.where(share <= starts, 0.0, np.where(share >= ends, 1.0, part)), axis=1)


def modes(deviation: np.ndarray, axes: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Effect of one rms of independent numbers (modes, nodes), the numbers of all events, and the explained shares.

    The last are those of the variance of the first eighth, of the middle and of the last eighth of the nodes.
    """
    scores = deviation * weight @ axes.T
    root = np.linalg.cholesky(np.cov(scores.T, bias=True))
    left, all_of_it = ((d**2).mean(axis=0) * weight for d in (deviation - scores @ axes, deviation))
    explained = [1.0 - left[part].sum() / all_of_it[part].sum() for part in (slice(4), slice(4, -4), slice(-4, None))]
    return root.T @ axes, np.linalg.solve(root, scores.T).T, np.array(explained)


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
    gaps = [log_gaps(s.place / at) for s, at in pairs]
    roots = np.array([np.linalg.cholesky(np.cov(g.T)) for g in gaps])
    leans = [in_planes(s.lean) for s in samples]
    lean_axes = principal(leans, TURNS)
    turned = [modes(d, *lean_axes) for d in leans]
    turns = smoothed(np.array([effect for effect, _, _ in turned]), TERMS)
    asides = [n.T @ in_planes(s.aside) / len(n) / at for (s, at), (_, n, _) in zip(pairs, turned, strict=True)]
    delay, random, counts = np.array([s.delay.mean(axis=1) for s in samples]), np.random.default_rng(SEED), []
    for sample, (_, numbers, _), effect in zip(samples, turned, values(turns), strict=True):
        lean = np.stack(np.split(numbers @ effect, 2), axis=-1)
        counts.append(counted(sample.photons, lean, random))
    place = np.array([s.place.mean(axis=0) / at for s, at in pairs])
    columns = {
        "log_gaps": smoothed(np.array([g.mean(axis=0) for g in gaps]), MANY_TERMS),
        "mixing": smoothed(roots, TERMS),
        "within": within_gaps(place),
        "delay": smoothed(delay[:, 0], TERMS),
        "log_delay_rms": smoothed(0.5 * np.log(np.maximum(delay[:, 1] - delay[:, 0] ** 2, 1e-6)), FEW_TERMS),
        "turns": turns,
        "sideways": smoothed(np.array(asides), TERMS),
        "log_light": smooth_light(np.array(counts)),
    }
    told = np.mean([part[2] for part in turned], axis=0).round(2)
    print("modes explain of leans, at start, middle and end", told)
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
