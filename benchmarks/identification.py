"""Muons against electrons of the same light: how surely the likelihoods of their fits tell them apart.

    python benchmarks/identification.py 1000 --events 50 [--jobs 2]
    python benchmarks/identification.py 200 1000@HK --events 50

A sample is the kinetic energy of muons [MeV] and, after @, a detector of the catalog (SK if none is said). Electrons have the
energy at which they make as much light as these muons, so that nothing but the pattern and the times tell them apart. Of
both there are `--events`, drawn as in `reconstruction.py` and written to one file; `lampyris reconstruct` fits each as a
muon and as an electron, and `lampyris identify` compares the fits. A run that was broken off goes on where it was.
"""

import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
from _record import record
from reconstruction import FOLDER, Sample, events_of, measure

import lampyris as lp
from lampyris.data.hits_file import write_events
from lampyris.emission import load_profile
from lampyris.response import Hits

PARTICLES = ("mu-", "e-")
TYPICAL = "1000"
"""The sample whose figure stands among those of `reconstruction.py` too."""


def electron_of(energy: float) -> float:
    """Energy of electrons that make as much light as muons of an energy [MeV]."""
    muon, electron = (load_profile(particle) for particle in PARTICLES)
    grid = np.geomspace(*electron.energy_range, 400)
    light = np.array([float(electron.photons(np.float32(e))) for e in grid])
    return float(np.interp(float(muon.photons(np.float32(energy))), light, grid))


def both(energy: float, detector: lp.Detector, count: int, seed: int) -> Iterator[tuple[Hits, lp.Track]]:
    """Muons, then electrons."""
    for particle, own in zip(PARTICLES, (energy, electron_of(energy)), strict=True):
        yield from events_of(Sample(f"{particle}_{own:.1f}", particle, own, detector.name), detector, count, seed)


def run(*words: str) -> str:
    """What a command prints."""
    return subprocess.run(
        [sys.executable, "-m", "lampyris", *words], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def told_apart(name: str, count: int, seed: int, jobs: int) -> dict:
    """Make the events of a sample, if they are not there, fit them as both particles, and compare."""
    energy, _, place = name.partition("@")
    detector = lp.catalog.load(place or "SK")
    events = FOLDER / f"identify_{name}_{count}_{seed}.h5"
    if not events.exists():
        write_events(events, detector, both(float(energy), detector, count, seed), seed=seed)
    fits = [events.with_name(f"{events.stem}_{particle}.h5") for particle in PARTICLES]
    for particle, file in zip(PARTICLES, fits, strict=True):
        if not file.exists():
            words = ["--particle", particle, "--detector", place or "SK", "-o", str(file), "--jobs", str(jobs)]
            run("reconstruct", str(events), *words)
    told = json.loads(run("identify", *map(str, fits), "--json"))
    electrons, pair = electron_of(float(energy)), told["mu- or e-"]
    if name == TYPICAL:
        settings = {"e_mu_auc": {"benchmark": "identification.py", "events": count}}
        record("reconstruction", settings, seed, {"e_mu_auc": pair["auc"]}, keep=True)
    return {"electron_energy": electrons, "found": told["found"], "told": told["told"]} | pair


def main() -> None:
    measure("identification", "ENERGY[@DETECTOR] of the muons", 50, told_apart)


if __name__ == "__main__":
    main()
