"""Make the shipped averaged profile of a mu- track in water from the Geant4 tables of `data/`.

    python tools/make_track_profile.py

The light of each energy is sorted into bins of u = z / (2 <z>) and of the angle to the initial direction, u scaled by the
mean emission distance so that the profiles of neighbouring energies lie on each other and can be interpolated.
"""

from pathlib import Path

import numpy as np

from lampyris.emission.profile import FORMAT, angle_edges

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "data" / "geant4_water_mu-_tables.npz"
TARGET = ROOT / "src" / "lampyris" / "emission" / "tables" / "mu-_water.npz"
U_EDGES = np.linspace(-0.02, 1.34, 65)
SMOOTH_DEGREE = 6


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


def one_energy(tables, energy: int) -> dict[str, np.ndarray | float]:
    """Profile of one energy: mean u of each bin, light per bin and angle, delays."""
    prefix = f"mu-_{energy}MeV_"
    counts = tables[prefix + "angle_z"].astype(float)
    z_edges = tables["z_over_zmax_edges"] * float(tables[prefix + "z_max_mm"]) * 1e-3
    z_light, z = counts.sum(axis=0), 0.5 * (z_edges[1:] + z_edges[:-1])
    length = 2.0 * (z_light * z).sum() / z_light.sum()
    along = split_matrix(z_edges / length, U_EDGES)
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


def smooth(energies: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients, highest power first, of log(value) as a polynomial in log(energy / 600 MeV)."""
    x = np.log(energies / 600.0)
    coefficients = np.polyfit(x, np.log(values), SMOOTH_DEGREE, w=weights)
    residual = np.abs(np.exp(np.polyval(coefficients, x)) / values - 1)
    print("residual of the smooth fit [%]:", np.round(100 * residual, 2))
    assert residual.max() < 0.01
    return coefficients


def main() -> None:
    tables = np.load(SOURCE)
    energies = np.array(sorted({int(k.split("_")[1][:-3]) for k in tables.files if "MeV" in k}))
    rows = [one_energy(tables, int(energy)) for energy in energies]
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    scale = column["light"].max(axis=(1, 2))
    precision = 1.0 / column["spread"]
    np.savez_compressed(
        TARGET,
        format=FORMAT,
        particle="mu-",
        medium_index=np.array([1.333, 1.334, 1.335, 1.337, 1.338, 1.339, 1.340, 1.342, 1.343, 1.345]),
        medium_energy=np.array([1.84, 2.07, 2.48, 2.76, 3.10, 3.31, 3.54, 3.81, 4.13, 4.51]),
        energy=energies.astype(np.float32),
        u=column["u"].astype(np.float32),
        light=(column["light"] / scale[:, None, None]).astype(np.float16),
        delay=column["delay"].astype(np.float32),
        delay_rms=column["delay_rms"].astype(np.float32),
        log_yield=smooth(energies, column["yield"], precision),
        log_length=smooth(energies, column["length"], precision),
        yield_spread=column["spread"].astype(np.float32),
        provenance="Geant4 11.4.p01 tables of data/, 150 muons per energy, by tools/make_track_profile.py",
    )
    print(f"{TARGET}: {TARGET.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
