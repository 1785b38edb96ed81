"""Delta electrons of a muon: how many, how hard, which way, and the track of each."""

import numpy as np

from lampyris.particle.energy_loss import (
    FINE_STRUCTURE,
    Material,
    beta_of,
    delta_photons,
    electron_range_table,
    largest_transfer,
)
from lampyris.particle.scattering import highland_variance, hinge, sample_cosine, scattering_depth, turn
from lampyris.units import ELECTRON_MASS, MUON_MASS, SPEED_OF_LIGHT

DELTA_CUT = 0.25
"""Kinetic energy [MeV] above which electrons are tracked: just below the Cherenkov threshold of water."""

LOSS_PER_STEP = 0.12
"""Share of its kinetic energy that an electron loses in a step."""


def sample_delta_energies(count: int, energy: float, cut: float, random: np.random.Generator):
    """Draw the kinetic energies (count,) [MeV] of electrons that a muon of kinetic `energy` knocks out above `cut`.

    1/T^2 of `delta_spectrum` by inversion, its other factors by rejection.
    """
    top = float(largest_transfer(energy))
    beta2 = float(beta_of(energy, MUON_MASS)) ** 2
    total = energy + MUON_MASS
    # the share of photons is a / (2 pi) x (y - x) with y <= 2 ln(2 E / M): at most the square of that logarithm
    ceiling = (1.0 + 0.5 * (top / total) ** 2) * (
        1.0 + FINE_STRUCTURE / (2.0 * np.pi) * np.log(2.0 * total / MUON_MASS) ** 2
    )
    drawn = np.empty(0)
    while len(drawn) < count:
        trial = 1.0 / (1.0 / cut - random.random(2 * count + 4) * (1.0 / cut - 1.0 / top))
        weight = (1.0 - beta2 * trial / top + 0.5 * (trial / total) ** 2) * (1.0 + delta_photons(energy, trial))
        drawn = np.concatenate([drawn, trial[random.random(len(trial)) * ceiling < weight]])
    return drawn[:count]


def emission_cosine(delta_energy, muon_energy):
    """Give the cosine of the angle between a muon and the electron that it knocks out (electron at rest before)."""
    delta_momentum = np.sqrt(delta_energy * (delta_energy + 2.0 * ELECTRON_MASS))
    muon_momentum = np.sqrt(muon_energy * (muon_energy + 2.0 * MUON_MASS))
    return np.minimum(delta_energy * (muon_energy + MUON_MASS + ELECTRON_MASS) / (delta_momentum * muon_momentum), 1.0)


def track_electrons(material: Material, energy, position, direction, time, *, cut: float, random: np.random.Generator):
    """Slow electrons down together, to `cut` [MeV], and give the columns of their steps, ordered by electron.

    `energy` (n,) kinetic [MeV], `position` (n, 3) [m], `direction` (n, 3), `time` (n,) [ns]. The columns are those of
    `Steps` with `electron` (0 to n - 1) in the place of the track numbers. The slowing-down is continuous: an
    electron's own knock-on electrons count as loss along it and make no steps. Nor does bremsstrahlung: the energy that
    would be radiated stays with the electron, whose path is that of the collision loss alone, since the shower of such
    photons shines and deposits nearly as much as the electron would. What is left at the cut is deposited in the last
    step.
    """
    table = electron_range_table(material, radiative=False)
    electron = np.arange(len(energy))
    depth, power = np.zeros(len(energy)), np.zeros(len(energy))
    rows = []
    while len(electron):
        after = np.maximum(energy * (1.0 - LOSS_PER_STEP), cut)
        # a remainder too short for a step of its own goes with this one
        after = np.where(after < cut * (1.0 + 0.25 * LOSS_PER_STEP), cut, after)
        last = after <= cut
        length = table.range(energy) - table.range(after)
        add_depth, add_power = scattering_depth(
            np.sqrt(energy * after), ELECTRON_MASS, length, material.radiation_length
        )
        variance = highland_variance(depth + add_depth, power + add_power) - highland_variance(depth, power)
        depth, power = depth + add_depth, power + add_power
        turned = turn(direction, sample_cosine(variance, random), 2.0 * np.pi * random.random(len(electron)))
        end = position + hinge(direction, turned, length, random.random(len(electron)))
        before_beta, after_beta = beta_of(energy, ELECTRON_MASS), beta_of(after, ELECTRON_MASS)
        deposit = energy - np.where(last, 0.0, after)
        rows.append((electron, position, end, time, before_beta, after_beta, length, deposit))
        time = time + 2.0 * length / (SPEED_OF_LIGHT * (before_beta + after_beta))
        alive = ~last
        electron, energy, position, direction = electron[alive], after[alive], end[alive], turned[alive]
        time, depth, power = time[alive], depth[alive], power[alive]
    return _columns(rows)


def _columns(rows):
    """Join the steps of all rounds and order them by electron; rounds are in order of time already."""
    names = ("electron", "start", "end", "time", "beta_start", "beta_end", "length", "energy_deposit")
    joined = {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}
    order = np.argsort(joined["electron"], kind="stable")
    return {name: column[order] for name, column in joined.items()}
