"""Pack whole Geant4 events: 20 muons and 16 electrons for the benchmarks, and the 1 GeV muon that the demo reconstructs.

    python tools/pack_events.py mu- STEPS.npz
    python tools/pack_events.py e- STEPS.npz

`STEPS.npz` holds arrays `<particle>_<energy>MeV_event<k>` of charged steps with the columns start, end [mm], time [ns], beta at
start and end, length [mm], charge, track, parent, pdg, energy deposit [MeV].
"""

import sys
from pathlib import Path

import numpy as np

from lampyris.data.events import pack_steps
from lampyris.particle import Steps

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = {
    "mu-": [(energy, event) for energy in (500, 550, 600, 700, 800, 900, 1000, 1100, 1200, 1400) for event in (1, 2)],
    "e-": [(energy, event) for energy in (200, 500, 1000) for event in range(5)] + [(2000, 0)],
}
"""Energies [MeV] and numbers of the events."""


def steps_of(table: np.ndarray) -> Steps:
    """Steps in the units of the package from the columns of a table in mm."""
    return Steps(
        start=table[:, 0:3] * 1e-3,
        end=table[:, 3:6] * 1e-3,
        time=table[:, 6],
        beta_start=table[:, 7],
        beta_end=table[:, 8],
        length=table[:, 9] * 1e-3,
        charge=table[:, 10],
        track=table[:, 11],
        parent=table[:, 12],
        pdg=table[:, 13],
        energy_deposit=table[:, 14],
    )


def main(particle: str, path: str) -> None:
    source = np.load(path)
    events = [(energy, steps_of(source[f"{particle}_{energy}MeV_event{k}"])) for energy, k in SAMPLE[particle]]
    pack_steps(ROOT / "data" / f"geant4_water_{particle}_events.npz", events)
    if particle == "mu-":
        demo = [(1000, steps_of(source["mu-_1000MeV_event0"]))]
        pack_steps(ROOT / "src" / "lampyris" / "data" / "muon_1000MeV.npz", demo)


if __name__ == "__main__":
    main(*sys.argv[1:])
