"""Make the shipped tables of the mean steps of muons and electrons in the matter of the catalog.

    python tools/make_step_tables.py mu- e-

For water, ice, LAB and mineral oil, with the built-in engine: 15 energies over its range, 60 events at each and up to eight
times as many below 300 MeV, fixed seed.
"""

import sys
from pathlib import Path

import numpy as np

from lampyris.emission.step_table import FORMAT, SHIPPED, make_step_table

TABLES = Path(__file__).resolve().parents[1] / "src" / "lampyris" / "emission" / "tables"
EVENTS = 60


def write(particle: str, name: str) -> None:
    """Simulate and write one table; deposits and paths are kept to three digits, each energy with its own scale."""
    table = make_step_table(particle, SHIPPED[name], events=EVENTS)
    residual = np.exp(np.polyval(table["log_scale"], np.linspace(0.0, 1.0, len(table["scale"])))) / table["scale"] - 1.0
    columns = {column: table[column].astype(np.float32) for column in ("u", "delay", "delay_rms", "log_scale")}
    for column in ("deposit", "path"):
        values = table[column]
        scale = np.maximum(values.reshape(len(values), -1).max(axis=1), 1e-30)
        columns[column] = (values / scale.reshape((-1,) + (1,) * (values.ndim - 1))).astype(np.float16)
        # rounding must not change the sum, which is the energy or the whole path
        kept = columns[column].astype(float).reshape(len(values), -1).sum(axis=1)
        columns[f"{column}_scale"] = (values.reshape(len(values), -1).sum(axis=1) / np.maximum(kept, 1e-30)).astype(
            np.float32
        )
    target = TABLES / f"{particle}_steps_{name}.npz"
    provenance = f"built-in engine, {EVENTS} events or more per energy, by tools/make_step_tables.py {particle}"
    np.savez_compressed(target, format=FORMAT, provenance=provenance, **columns)
    print(f"{target}: {target.stat().st_size / 1024:.0f} kB, scale {100.0 * np.abs(residual).max():.1f} % off at most")


if __name__ == "__main__":
    for chosen in sys.argv[1:]:
        for material in SHIPPED:
            write(chosen, material)
