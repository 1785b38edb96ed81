"""Neutral pions against electrons of the same light: fits of two rings against one.

    python benchmarks/rings.py 500 --events 25 [--jobs 2]
    python benchmarks/rings.py 200 500@HK --events 25

A sample is the kinetic energy of pi0 [MeV] and, after @, a detector of the catalog (SK if none is said). Electrons have the
total energy of these pions. Of both there are `--events`, drawn as in `reconstruction.py` and written to one file;
`lampyris rings` fits each event as two gammas from one vertex, `lampyris reconstruct` as one electron, and the gain of the
second ring in log-likelihood tells them apart. A run that was broken off goes on where it was.
"""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
from reconstruction import FOLDER, Sample, events_of, measure

import lampyris as lp
from lampyris.data.fits_file import read_fits
from lampyris.data.hits_file import read_events, write_events
from lampyris.data.rings_table import read_rings
from lampyris.fit.separation import separation
from lampyris.particle.kind import KINDS
from lampyris.response import Hits

MASS = KINDS["pi0"].mass
REJECTED = (0.9, 0.95, 0.98)
"""Shares of electrons that are taken for electrons, at which the share of pions that are found is told."""


def both(energy: float, detector: lp.Detector, count: int, seed: int) -> Iterator[tuple[Hits, lp.Track]]:
    """Pions, then electrons."""
    for particle, own in (("pi0", energy), ("e-", energy + MASS)):
        yield from events_of(Sample(f"{particle}_{own:.1f}", particle, own, detector.name), detector, count, seed)


def run(*words: str) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "lampyris", *words, "--quiet"], check=True)


def fitted(name: str, count: int, seed: int, jobs: int) -> dict:
    """Make the events of a sample, if they are not there, fit them in both ways, and compare."""
    energy, _, place = name.partition("@")
    detector = lp.catalog.load(place or "SK")
    events = FOLDER / f"rings_{name}_{count}_{seed}.h5"
    if not events.exists():
        write_events(events, detector, both(float(energy), detector, count, seed), seed=seed)
    table, fits = events.with_suffix(".csv"), events.with_name(f"{events.stem}_e-.h5")
    how = ["--detector", place or "SK", "--jobs", str(jobs)]
    if not table.exists():
        run("rings", str(events), "-o", str(table), *how)
    if not fits.exists():
        run("reconstruct", str(events), "--particle", "e-", "-o", str(fits), *how)
    truth = read_events(events)
    return figures(
        read_rings(table), np.asarray(read_fits(fits).log_likelihood), [truth.particle(n) for n in range(2 * count)]
    )


def figures(rows: list[dict[str, str]], single: np.ndarray, truth: list) -> dict:
    """How well pions are told from electrons, and how well they are measured."""
    gain = np.array([float(row["log_likelihood"] or "nan") for row in rows]) - single
    pion = np.array([one.particle == "pi0" for one in truth])
    told: dict = {"converged_fraction": float(np.mean([row["result"] == "converged" for row in rows]))}
    told |= {"seconds_per_event": float(np.median([float(row["seconds"]) for row in rows]))}
    told |= {"gain_median": {"pi0": float(np.nanmedian(gain[pion])), "e-": float(np.nanmedian(gain[~pion]))}}
    told |= {
        "gain_largest_of_electrons": float(np.nanmax(gain[~pion])),
        "gain_least_of_pions": float(np.nanmin(gain[pion])),
    }
    told |= {"separation": separation(gain[pion], gain[~pion])}
    told["pions_found"] = {
        f"{share:g}": float(np.mean(gain[pion] > np.nanquantile(gain[~pion], share))) for share in REJECTED
    }
    return told | pions(
        [row for row, chosen in zip(rows, pion, strict=True) if chosen], [t for t in truth if t.particle == "pi0"]
    )


def pions(rows: list[dict[str, str]], truth: list) -> dict:
    """Mass, vertex, energy and direction of the pions that have a fit."""
    number = lambda name: np.array([float(row[name] or "nan") for row in rows])  # noqa: E731
    mass, error = number("mass"), number("mass_error")
    place = np.stack([number(axis) for axis in "xyz"], axis=1)
    away = 100.0 * (place - np.array([np.asarray(t.position, float) for t in truth]))
    way = np.array([np.asarray(t.direction, float) for t in truth])
    energies = np.stack([number("energy_1"), number("energy_2")], axis=1)
    total = energies.sum(axis=1) / np.array([float(t.energy) + MASS for t in truth]) - 1.0
    momentum = sum(energies[:, k, None] * _unit(number(f"theta_{k + 1}"), number(f"phi_{k + 1}")) for k in range(2))
    cosine = (momentum * way).sum(axis=1) / np.linalg.norm(momentum, axis=1)
    spread = np.sqrt(len(rows))
    told = {"events": len(rows), "mass_median_mev": float(np.nanmedian(mass)), "mass_mean_mev": float(np.nanmean(mass))}
    told |= {
        "mass_mean_error_mev": float(np.nanstd(mass, ddof=1) / spread),
        "mass_rms_mev": float(np.nanstd(mass, ddof=1)),
    }
    told |= {
        "mass_error_median_mev": float(np.nanmedian(error)),
        "mass_pull_width": float(np.nanstd((mass - MASS) / error, ddof=1)),
    }
    told |= {
        "vertex_q68_cm": _q68(np.linalg.norm(away, axis=1)),
        "longitudinal_bias_cm": float(np.nanmean((away * way).sum(axis=1))),
    }
    told |= {"energy_bias_percent": float(100.0 * np.nanmean(total)), "energy_q68_percent": _q68(100.0 * np.abs(total))}
    return told | {"direction_q68_deg": _q68(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))}


def _unit(theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=1)


def _q68(size: np.ndarray) -> float:
    """The 68 % quantile of sizes; those of events without a fit are infinite."""
    return float(np.quantile(np.where(np.isfinite(size), size, np.inf), 0.68))


def main() -> None:
    measure("rings", "ENERGY[@DETECTOR] of the pi0", 25, fitted)


if __name__ == "__main__":
    main()
