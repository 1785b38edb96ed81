"""Reconstruction against the number of sensors: muons of 1 GeV in the tank of SK with few of its tubes to very many.

    python benchmarks/photocoverage.py 2000 4000 8000 18000 --events 60

The numbers are those of 20-inch tubes that are asked for; what the layout makes of them, and the share of the wall that they
cover, stand beside the figures. Events are drawn and fitted as in `reconstruction.py`.
"""

import numpy as np
from _fitted import fitted
from _worlds import covered
from reconstruction import FOLDER, Sample, events_of, measure

from lampyris.data.hits_file import write_events

SAMPLE = "mu-_1000"


def figures(wanted: str, count: int, seed: int, jobs: int) -> dict:
    """Figures of one number of sensors."""
    detector, sample = covered(int(wanted)), Sample.of(SAMPLE)
    events = FOLDER / f"{SAMPLE}_{wanted}_tubes_{count}_{seed}.h5"
    if not events.exists():
        write_events(events, detector, events_of(sample, detector, count, seed), seed=seed)
    told = fitted(detector, events, events.with_name(f"{events.stem}_fits.h5"), sample.particle, jobs)
    area = float(np.sum(np.pi * np.asarray(detector.sensors.radius) ** 2))
    share = area / float(detector.shape.area())
    return told | {"sensors": detector.sensors.count, "covered_percent": 100.0 * share}


def main() -> None:
    measure("photocoverage", "number of sensors", 60, figures)


if __name__ == "__main__":
    main()
