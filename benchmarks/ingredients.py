"""What each ingredient of the fit of a muon is worth: the same events with and without it.

    python benchmarks/ingredients.py mu-_1000 --events 50

A sample is named and drawn as in `reconstruction.py`. `mean plain` is the likelihood of the averaged track in which every
channel is Poisson, as fitters have it; `mean` is the averaged track with all that the fit allows single events to differ by.
`range` adds the range that straggles, `turns` the turns of the track, and `bent` is both, as muons are fitted. `bent plain`
is that track with Poisson channels, and `full weight` lets each channel count for one. A run that was broken off goes on
where it was.
"""

import jax.numpy as jnp
from _fitted import fitted
from jaxtyping import Array
from reconstruction import FOLDER, Sample, events_file, measure

import lampyris as lp
from lampyris.fit.model import KINKS, BentMuon, MeanTrack
from lampyris.likelihood import Dispersion
from lampyris.source import BentTrack

PLAIN = Dispersion(channel=0.0, clumps=0.0, total=0.0)
"""Every channel is Poisson, and the total charge too."""


class Range(BentMuon):
    """A straight muon whose range straggles."""

    shaping = (0, 7)
    plain, vectors, size = 1, 0, 8

    def light(self, track: lp.Track, plain: Array, vectors: Array) -> BentTrack:
        t = track
        return BentTrack(
            t.particle, t.energy, t.position, t.direction, t.time, jnp.zeros((KINKS, 3)), plain[0], self.width
        )


class Turns(BentMuon):
    """A muon of mean range that bends."""

    shaping = (0,)
    plain, vectors, size = 0, KINKS, 7 + 2 * KINKS

    def light(self, track: lp.Track, plain: Array, vectors: Array) -> BentTrack:
        t = track
        return BentTrack(t.particle, t.energy, t.position, t.direction, t.time, vectors, 0.0, self.width)


class FullWeight(BentMuon):
    """A muon as it is fitted, but for channels that count for one each."""

    dispersion = BentMuon.dispersion._replace(weight=1.0)


VARIANTS = {
    "mean plain": {"model": MeanTrack(), "dispersion": PLAIN},
    "mean": {"model": MeanTrack()},
    "range": {"model": Range()},
    "turns": {"model": Turns()},
    "bent plain": {"dispersion": PLAIN},
    "full weight": {"model": FullWeight()},
    "bent": {},
}
"""Options of `reconstruct`."""


def compare(name: str, count: int, seed: int, jobs: int) -> dict:
    """All variants on the same events."""
    sample, events, told = Sample.of(name), events_file(name, count, seed), {}
    detector = lp.catalog.load(sample.detector)
    for variant, options in VARIANTS.items():
        fits = FOLDER / f"{events.stem}_{variant.replace(' ', '_')}.h5"
        told[variant] = fitted(detector, events, fits, sample.particle, jobs, **options)
        print(variant, told[variant], flush=True)
    return told


def main() -> None:
    measure("ingredients", "PARTICLE_ENERGY[@DETECTOR]", 50, compare)


if __name__ == "__main__":
    main()
