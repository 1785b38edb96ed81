"""How much light muons of 1 GeV give in SK, for the photons that they make, against predictions of it.

    python benchmarks/predicted_totals.py [--muons 40] [--drawings 8] [--seed 77]

Each muon of the built-in engine is one set of steps whose photons are drawn and carried several times. Predicted are the
averaged track, and the bent track with the true bends and range of each event, read off its steps. The rms of the logarithm of
observed over predicted light, less what the drawings leave, is by how much predictions of totals are off; beside it stand the rms
of the light that the muons make, and how it goes with their range.
"""

import argparse
from typing import NamedTuple

import jax
import numpy as np
from _record import record
from whole_events import direct, true_bends

import lampyris as lp
from lampyris.cli._draw import Wanted, draw_tracks
from lampyris.fit.objective import scattered_light
from lampyris.fit.problem import fine_transport
from lampyris.particle import simulate_particle

ENERGY = 1000.0


class Seen(NamedTuple):
    """One muon."""

    counted: np.ndarray
    """photoelectrons of each drawing, without dark ones"""
    made: float
    """photons, the mean of the drawings"""
    range: float
    """[m]"""
    expected: dict[str, float]
    """photoelectrons for the mean light of the energy, by prediction"""


def seen(detector: lp.Detector, track: lp.Track, number: int, drawings: int) -> Seen:
    """Carry the photons of one muon several times, and predict them."""
    steps = simulate_particle("mu-", ENERGY, key=jax.random.key(1000 + number))
    light = lp.StepLight(steps, track.position, track.direction, track.time)
    events = [lp.simulate_event(detector, light, key=jax.random.key(10000 * number + k)) for k in range(drawings)]
    bent = true_bends(steps, track)
    own = float(bent.photons() / track.profile.photons(track.energy))
    indirect = float(scattered_light(track, detector, fine_transport(detector)).light.charge.sum())
    expected = {
        "averaged": float(direct(track, detector).sum()) + indirect,
        "bent": float(direct(bent, detector).sum()) / own + indirect,
    }
    counted = np.array([event.record.photoelectrons for event in events], float)
    made = float(np.mean([event.balance.emitted for event in events]))
    return Seen(counted, made, float(steps.length[steps.track == 1].sum()), expected)


def figures(muons: list[Seen], mean_light: float) -> dict:
    """Relative rms of light, and of predicted totals beyond what the drawings leave; with errors, in percent."""
    count, drawings = len(muons), len(muons[0].counted)
    light = np.log([one.made / mean_light for one in muons])
    drawn = np.mean([(one.counted.std(ddof=1) / one.counted.mean()) ** 2 for one in muons]) / drawings
    found: dict = {
        "muons": count,
        "photoelectrons": float(np.mean([one.counted.mean() for one in muons])),
        "light_rms_percent": 100.0 * light.std(ddof=1),
        "light_with_range": float(np.corrcoef(light, [one.range for one in muons])[0, 1]),
    }
    for name in muons[0].expected:
        away = np.log([one.counted.mean() / one.expected[name] for one in muons]) - light
        rms = np.sqrt(max(away.var(ddof=1) - drawn, 0.0))
        error = away.var(ddof=1) / np.sqrt(2.0 * (count - 1)) / max(rms, 1e-6)
        found[name] = {
            "rms_percent": 100.0 * rms,
            "rms_error_percent": 100.0 * error,
            "mean_percent": 100.0 * away.mean(),
        }
    return found


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--muons", type=int, default=40)
    options.add_argument("--drawings", type=int, default=8)
    options.add_argument("--seed", type=int, default=77)
    chosen = options.parse_args()
    detector = lp.catalog.load("SK")
    tracks = list(draw_tracks(detector, Wanted("mu-", ENERGY), chosen.muons, chosen.seed))
    muons = [seen(detector, track, number, chosen.drawings) for number, track in enumerate(tracks)]
    told = figures(muons, float(tracks[0].profile.photons(tracks[0].energy)))
    print(told)
    settings = {"energy": ENERGY, "muons": chosen.muons, "drawings": chosen.drawings}
    print(record("predicted_totals", settings, chosen.seed, told))


if __name__ == "__main__":
    main()
