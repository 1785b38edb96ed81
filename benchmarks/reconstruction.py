"""Reconstruction of samples of whole particles: resolution, bias, pulls, time.

    python benchmarks/reconstruction.py mu-_1000 --events 500 [--jobs 2]
    python benchmarks/reconstruction.py mu-_300 mu-_600 mu-_1500 e-_100 e-_500 e-_1000 --events 100
    python benchmarks/reconstruction.py mu-_1000@HK mu-_300@WCTE --events 100

A sample is a particle, its kinetic energy [MeV] and, after @, a detector of the catalog (SK if none is said). Particles
start at random places 2 m from every wall (in small tanks a tenth of the tank) with their light contained, in random
directions, at times within 15 ns; the built-in engine makes them whole, `MonteCarlo` carries their light, and
`lampyris reconstruct` fits the files that are made here, in `scratch/reconstruction`. A run that was broken off goes on
where it was; figures are written after every sample.
"""

import argparse
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
from _record import record

import lampyris as lp
from lampyris.cli._draw import Wanted, draw_tracks
from lampyris.data.fits_file import read_fits, summary
from lampyris.data.hits_file import write_events
from lampyris.response import Hits

FOLDER = Path(__file__).parents[1] / "scratch" / "reconstruction"


class Sample(NamedTuple):
    """What is fitted."""

    name: str
    particle: str
    energy: float
    detector: str

    @classmethod
    def of(cls, name: str) -> "Sample":
        """Read PARTICLE_ENERGY[@DETECTOR]."""
        kind, _, detector = name.partition("@")
        particle, _, energy = kind.rpartition("_")
        return cls(name, particle, float(energy), detector or "SK")


def events_of(sample: Sample, detector: lp.Detector, count: int, seed: int) -> Iterator[tuple[Hits, lp.Track]]:
    """Data and truth of a sample, the same for the same name and seed."""
    own = zlib.crc32(f"{sample.name} {seed}".encode())
    for number, track in enumerate(draw_tracks(detector, Wanted(sample.particle, sample.energy), count, own)):
        yield lp.simulate(detector, track, key=jax.random.fold_in(jax.random.key(own), number)), track


def events_file(name: str, count: int, seed: int) -> Path:
    """The file of a sample, made if it is not there."""
    sample, events = Sample.of(name), FOLDER / f"{name}_{count}_{seed}.h5"
    if not events.exists():
        detector = lp.catalog.load(sample.detector)
        write_events(events, detector, events_of(sample, detector, count, seed), seed=seed)
    return events


def fit(name: str, count: int, seed: int, jobs: int) -> dict:
    """Make the events of a sample, if they are not there, fit them, and tell how it went."""
    sample, events = Sample.of(name), events_file(name, count, seed)
    fits = events.with_name(f"{events.stem}_fits.h5")
    if not fits.exists():
        words = ["reconstruct", str(events), "--particle", sample.particle, "--detector", sample.detector]
        subprocess.run([sys.executable, "-m", "lampyris", *words, "-o", str(fits), "--jobs", str(jobs)], check=True)
    return summary(read_fits(fits))


def measure(name: str, samples: str, most: int, figures: Callable[[str, int, int, int], dict]) -> None:
    """Write the figures of the samples that the command line names, `most` events of each unless it says otherwise.

    `figures` makes those of one, from its name, the number of events, the seed and the number of processes.
    """
    options = argparse.ArgumentParser()
    options.add_argument("samples", nargs="+", help=samples)
    options.add_argument("--events", type=int, default=most)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for sample in chosen.samples:
        told = figures(sample, chosen.events, chosen.seed, chosen.jobs)
        print(sample, told, flush=True)
        settings = {sample: {"events": chosen.events, "jobs": chosen.jobs}}
        record(name, settings, chosen.seed, {sample: told}, keep=True, whole=(sample,))


def main() -> None:
    measure("reconstruction", "PARTICLE_ENERGY[@DETECTOR]", 100, fit)


if __name__ == "__main__":
    main()
