"""Scintillation: numbers of the literature, JUNO's light, expected against simulated charge.

    python benchmarks/scintillation.py [--events 40] [--seed 1]

Charges are photoelectrons of light, all times; errors are those of the mean over events. `over_expected` is simulated over
expected charge, `chi2_per_sensor` that of the summed events over sensors that expect more than 5 photoelectrons in all.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from _record import record

import lampyris as lp
from lampyris.response import detection_bound

CENTRE, UP = [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]


def literature() -> dict:
    """Yields, mean times and quenching of water-based scintillator."""
    media = {percent: lp.catalog.water_based_scintillator(float(percent)).scintillation for percent in (1, 5, 10)}
    quenching = media[5].quenching(jnp.array([200.0, 16000.0]))
    return {
        "yield_per_mev": {str(percent): float(s.light_yield) for percent, s in media.items()},
        "mean_time_ns": {str(percent): float(s.pulse.mean()) for percent, s in media.items()},
        "quenching_5_percent": {"2_mev_per_cm": float(quenching[0]), "160_mev_per_cm": float(quenching[1])},
    }


def simulated(detector: lp.Detector, track: lp.Track, events: int, seed: int) -> tuple[np.ndarray, np.ndarray, dict]:
    """Photoelectrons of each event, those of each sensor summed over events, and where the light went."""
    sensors, bound = detector.sensors, detection_bound(detector.sensors)
    draw, charge, per_sensor, balance = np.random.default_rng(seed), [], np.zeros(sensors.count), None
    for number in range(events):
        key = jax.random.fold_in(jax.random.key(seed), number)
        arrivals, own = lp.MonteCarlo()(track, detector, key=key, keep=bound)
        wavelength = jnp.asarray(arrivals.wavelength)
        chance = np.asarray(sensors.quantum_efficiency(wavelength) / bound(wavelength))
        chance = chance * np.asarray(sensors.acceptance(jnp.asarray(arrivals.cosine)))
        chance = chance * np.asarray(sensors.relative_efficiency)[arrivals.channel]
        seen = draw.random(len(chance)) < chance
        charge.append(int(seen.sum()))
        per_sensor += np.bincount(arrivals.channel[seen], minlength=sensors.count)
        balance = own if balance is None else balance.plus(own)
    light = {
        "emitted": balance.emitted / events,
        "untraced": balance.untraced / events,
        "at_sensors": balance.at_sensors / events,
        "in_medium": balance.in_medium / events,
        "in_wall": balance.in_wall / events,
    }
    return np.array(charge, float), per_sensor, light


def compare(detector: lp.Detector, track: lp.Track, events: int, seed: int, predict: bool = True) -> dict:
    """All figures of one kind of event."""
    charge, per_sensor, light = simulated(detector, track, events, seed)
    energy, error = float(track.energy), charge.std(ddof=1) / np.sqrt(events)
    figures = {
        "pe_per_mev": charge.mean() / energy,
        "pe_per_mev_error": error / energy,
        "resolution_percent": 100.0 * charge.std(ddof=1) / charge.mean(),
        "photons": light,
    }
    if predict:
        expected = np.asarray(lp.expect(detector, track).charge, float)
        lit = events * expected > 5.0
        if lit.any():
            residual = (per_sensor - events * expected)[lit] ** 2 / (events * expected[lit])
            figures["chi2_per_sensor"] = float(residual.mean())
        figures["over_expected"] = charge.mean() / expected.sum()
        figures["over_expected_error"] = error / expected.sum()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    events, seed = arguments.events, arguments.seed
    juno, eos = lp.catalog.load("JUNO"), lp.catalog.load("Eos")
    wbls = lp.Detector(eos.shape, lp.catalog.water_based_scintillator(5.0), eos.wall, eos.sensors, name="Eos, WbLS")
    cases = {
        "juno_e-_1": (juno, lp.Track("e-", 1.0, CENTRE, UP), events, True),
        "eos_wbls_5_e-_10": (wbls, lp.Track("e-", 10.0, [0.0, 0.0, -0.3], UP), 5 * events, True),
        "juno_gamma_2.223": (juno, lp.Track("gamma", 2.223, CENTRE, UP), events, False),
        "juno_mu-_200": (juno, lp.Track("mu-", 200.0, [3.0, 0.0, -5.0], UP), max(events // 10, 3), True),
    }
    figures: dict = {"literature": literature()}
    for name, (detector, track, count, predict) in cases.items():
        figures[name] = {"events": count} | compare(detector, track, count, seed, predict)
        print(name, figures[name], flush=True)
        record("scintillation", {"events": events}, seed, figures)


if __name__ == "__main__":
    main()
