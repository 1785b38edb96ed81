"""Make the table of the light of knocked-out electrons about the local direction of their muon, against residual range.

    python tools/make_delta_light.py

Muons of the built-in engine are followed from 3 GeV to rest. Every electron that they knock out shines with the light
that Frank and Tamm expect of its steps; it is sorted by the residual range of the muon where the electron was set free and
by the angle to the muon's direction there. Polynomials in the root of the residual range smooth the table.
"""

from pathlib import Path

import jax
import numpy as np

from lampyris._host import on_host
from lampyris.catalog.media import water_sk
from lampyris.emission.angles import angle_edges
from lampyris.emission.cherenkov import BAND, photons_per_metre
from lampyris.emission.muon_light import DELTA_FORMAT
from lampyris.particle import Steps, simulate_particles

TARGET = Path(__file__).resolve().parents[1] / "src" / "lampyris" / "emission" / "tables" / "mu_delta_water.npz"
ENERGY, EVENTS, BATCH, SEED = 3000.0, 2000, 50, 0
ROOTS = np.linspace(0.3, 3.7, 69)
"""Edges of the bins in the root of the residual range [m^(1/2)]."""
AZIMUTHS, DEGREE = 8, 5


def light_yield():
    """Expected photons per metre as a function of the velocity."""
    beta = np.linspace(0.74, 1.0, 2000)
    photons = on_host(photons_per_metre, water_sk(), beta)
    return lambda value: np.interp(value, beta, photons, left=0.0)


def one_event(steps: Steps, photons_per_metre, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Light by (root of residual range, angle), and the path of the muon by root of residual range."""
    muon = steps.track == 1
    way = (steps.end - steps.start).astype(float)
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-12)
    passed = np.cumsum(steps.length[muon], dtype=float)
    residual = passed[-1] - passed + 0.5 * steps.length[muon]
    path, _ = np.histogram(np.sqrt(residual), ROOTS, weights=steps.length[muon])
    first = np.unique(steps.track, return_index=True)[1]
    born = np.zeros(steps.track.max() + 1)
    born[steps.track[first]] = steps.time[first]
    origin = np.clip(np.searchsorted(steps.time[muon], born[steps.track]) - 1, 0, muon.sum() - 1)
    beta = 0.5 * (steps.beta_start + steps.beta_end).astype(float)
    light = photons_per_metre(beta) * steps.length
    chosen = ~muon & (light > 0)
    lean = (way[chosen] * way[muon][origin[chosen]]).sum(axis=1)
    cone = np.minimum(1.0 / (1.338 * beta[chosen]), 1.0)
    azimuth = 2.0 * np.pi * (np.arange(AZIMUTHS) + draw.random((chosen.sum(), 1))) / AZIMUTHS
    across = np.sqrt(np.clip(1 - lean**2, 0, None) * (1 - cone**2))[:, None]
    angle = np.arccos(np.clip((lean * cone)[:, None] + across * np.cos(azimuth), -1.0, 1.0))
    root = np.repeat(np.sqrt(residual[origin[chosen]]), AZIMUTHS)
    weight = np.repeat(light[chosen] / AZIMUTHS, AZIMUTHS)
    table, _, _ = np.histogram2d(root, angle.ravel(), [ROOTS, angle_edges()], weights=weight)
    return table, path


def smoothed(rate: np.ndarray, root: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Polynomial of the rate in every bin of the angle, never below zero."""
    scaled = (root - root.mean()) / (0.5 * np.ptp(root))
    basis = np.polynomial.legendre.legvander(scaled, DEGREE)
    # the relative fluctuation is that of a count: weight by the path over the mean light
    weight = np.sqrt(path / np.maximum(rate.sum(axis=1), 1.0))[:, None]
    solution, *_ = np.linalg.lstsq(basis * weight, rate * weight, rcond=None)
    return np.maximum(basis @ solution, 0.0)


def main() -> None:
    draw, yields = np.random.default_rng(SEED), light_yield()
    light, path = np.zeros((len(ROOTS) - 1, len(angle_edges()) - 1)), np.zeros(len(ROOTS) - 1)
    for number in range(EVENTS // BATCH):
        key = jax.random.fold_in(jax.random.key(SEED), number)
        for steps in simulate_particles("mu-", np.full(BATCH, ENERGY), key=key):
            table, walked = one_event(steps, yields, draw)
            light, path = light + table, path + walked
    rate, root = light / path[:, None], 0.5 * (ROOTS[1:] + ROOTS[:-1])
    smooth = smoothed(rate, root, path)
    print("residual of the smoothed light per metre [%]:", np.round(100 * (smooth.sum(1) / rate.sum(1) - 1), 1))
    np.savez_compressed(
        TARGET,
        format=DELTA_FORMAT,
        root=root.astype(np.float32),
        light=smooth.astype(np.float16),
        band=np.asarray(BAND),
        provenance=f"{EVENTS} muons of {ENERGY:g} MeV of the built-in engine, by tools/make_delta_light.py, seed {SEED}",
    )
    print(f"{TARGET}: {TARGET.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
