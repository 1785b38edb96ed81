"""Make the shipped averaged profiles of tracks in water from the Geant4 tables of `data/`.

    python tools/make_track_profile.py mu- e-

The light of each energy is sorted into bins of u = z / scale and of the angle to the initial direction. The scale is
twice the mean emission distance of muons, and twice the median of electrons (a gamma that flies far moves the mean), so
that the profiles of neighbouring energies lie on each other and can be interpolated. Showers fluctuate much more than
muons: 150 of them leave a visible noise, so the scaled profiles of electrons are averaged with those of the two
neighbouring energies, and their scale is a smoother polynomial.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lampyris.emission.profile import FORMAT, angle_edges

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Recipe:
    """How the profile of a particle is made: bins in u, quantity that sets the scale, degrees, neighbours."""

    u_edges: np.ndarray
    median: bool
    length_degree: int
    length_residual: float
    neighbours: bool


RECIPES = {
    "mu-": Recipe(np.linspace(-0.02, 1.34, 65), False, 6, 0.01, False),
    "e-": Recipe(np.linspace(-0.12, 2.44, 65), True, 4, 0.12, True),
}
YIELD_DEGREE = 6


def split_matrix(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Share of each old bin (uniform inside) that falls in each new bin; what lies outside goes to the end bins."""
    edges = new.copy()
    edges[0], edges[-1] = min(old[0], new[0]), max(old[-1], new[-1])
    low = np.maximum(old[:-1, None], edges[None, :-1])
    high = np.minimum(old[1:, None], edges[None, 1:])
    return np.clip(high - low, 0.0, None) / np.diff(old)[:, None]


def averaged(values: np.ndarray, weights: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Mean of `values` in the new bins with the light as weight, bins without light filled from their neighbours."""
    light = weights @ split
    mean = (values * weights) @ split / np.maximum(light, 1e-30)
    good = light > 1e-4 * light.max()
    return np.interp(np.arange(len(light)), np.flatnonzero(good), mean[good])


def middle_of(z: np.ndarray, light: np.ndarray, median: bool) -> float:
    """Mean or median distance of the light [m]."""
    if not median:
        return float((light * z).sum() / light.sum())
    return float(np.interp(0.5, (np.cumsum(light) - 0.5 * light) / light.sum(), z))


def one_energy(tables, particle: str, energy: int, recipe: Recipe) -> dict[str, np.ndarray | float]:
    """Profile of one energy: mean u of each bin, light per bin and angle, delays."""
    prefix = f"{particle}_{energy}MeV_"
    counts = tables[prefix + "angle_z"].astype(float)
    z_edges = tables["z_over_zmax_edges"] * float(tables[prefix + "z_max_mm"]) * 1e-3
    z_light, z = counts.sum(axis=0), 0.5 * (z_edges[1:] + z_edges[:-1])
    length = 2.0 * middle_of(z, z_light, recipe.median)
    along = split_matrix(z_edges / length, recipe.u_edges)
    across = split_matrix(tables["angle_edges"], angle_edges())
    light = across.T @ counts @ along
    events = tables[prefix + "photons_per_event"].astype(float)
    return {
        "light": (light / light.sum()).T,
        "u": averaged(z / length, z_light, along),
        "delay": averaged(tables[prefix + "delay_mean"].astype(float), z_light, along),
        "delay_rms": averaged(tables[prefix + "delay_rms"].astype(float), z_light, along),
        "length": length,
        "yield": events.mean(),
        "spread": events.std(ddof=1) / events.mean(),
    }


def smooth(energies: np.ndarray, values: np.ndarray, weights: np.ndarray, degree: int, largest: float) -> np.ndarray:
    """Coefficients, highest power first, of log(value) as a polynomial in log(energy / 600 MeV)."""
    x = np.log(energies / 600.0)
    coefficients = np.polyfit(x, np.log(values), degree, w=weights)
    residual = np.abs(np.exp(np.polyval(coefficients, x)) / values - 1)
    print("residual of the smooth fit [%]:", np.round(100 * residual, 2))
    assert residual.max() < largest
    return coefficients


def with_neighbours(values: np.ndarray) -> np.ndarray:
    """Rows averaged with those before and after, 1 : 2 : 1."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]


def make(particle: str) -> None:
    """Write the profile of one particle."""
    recipe, target = RECIPES[particle], ROOT / "src" / "lampyris" / "emission" / "tables" / f"{particle}_water.npz"
    tables = np.load(ROOT / "data" / f"geant4_water_{particle}_tables.npz")
    energies = np.array(sorted({int(k.split("_")[1][:-3]) for k in tables.files if "MeV" in k}))
    rows = [one_energy(tables, particle, int(energy), recipe) for energy in energies]
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    if recipe.neighbours:
        for name in ("light", "u", "delay", "delay_rms"):
            column[name] = with_neighbours(column[name])
    scale = column["light"].max(axis=(1, 2))
    precision = 1.0 / column["spread"]
    even = np.ones(len(energies)) if recipe.median else precision
    np.savez_compressed(
        target,
        format=FORMAT,
        particle=particle,
        medium_index=np.array([1.333, 1.334, 1.335, 1.337, 1.338, 1.339, 1.340, 1.342, 1.343, 1.345]),
        medium_energy=np.array([1.84, 2.07, 2.48, 2.76, 3.10, 3.31, 3.54, 3.81, 4.13, 4.51]),
        energy=energies.astype(np.float32),
        u=column["u"].astype(np.float32),
        light=(column["light"] / scale[:, None, None]).astype(np.float16),
        delay=column["delay"].astype(np.float32),
        delay_rms=column["delay_rms"].astype(np.float32),
        log_yield=smooth(energies, column["yield"], precision, YIELD_DEGREE, 0.015),
        log_length=smooth(energies, column["length"], even, recipe.length_degree, recipe.length_residual),
        yield_spread=column["spread"].astype(np.float32),
        provenance=f"Geant4 11.4.p01 tables of data/, 150 events per energy, by tools/make_track_profile.py {particle}",
    )
    print(f"{target}: {target.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        make(name)
