"""Muons, pions and protons that slow down in matter, with the electrons that they knock out."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from lampyris.particle.elastic import deflect
from lampyris.particle.energy_loss import (
    beta_of,
    delta_photons,
    delta_rate,
    heavy_range_table,
    largest_transfer,
    restricted_variance,
)
from lampyris.particle.hadron import interaction_length
from lampyris.particle.kind import Kind
from lampyris.particle.knock_on import recoil_cosine
from lampyris.particle.material import FINE_STRUCTURE, Material
from lampyris.particle.pool import Pool
from lampyris.particle.scattering import rotations, rotations_to
from lampyris.particle.shower import Shower
from lampyris.units import SPEED_OF_LIGHT

STOPPED = 1.0
"""Kinetic energy [MeV] below which a particle runs out its range (0.2 mm of water for a muon) in one last step."""

LONGEST_STEP = 0.02
"""Largest step [m]; steps also shrink to a tenth of the residual range."""


@dataclass
class End:
    """Where a track begins or ends: kinetic energy [MeV], place [m], direction, time [ns], and what ended it."""

    energy: float
    position: np.ndarray
    direction: np.ndarray
    time: float
    fate: str = "stopped"
    """"stopped", "decayed" in flight or "interacted" with a nucleus"""


def track_heavy(
    kind: Kind,
    start: End,
    track: int,
    shower: Shower,
    *,
    life: float = np.inf,
    depth: float = np.inf,
    longest: float = LONGEST_STEP,
) -> End:
    """Slow a particle down from `start` until it stops, its proper time is `life` [ns], or it meets a nucleus.

    `depth` is the path to the nucleus in interaction lengths, `longest` the largest step [m].

    Its steps go into the ledger of the shower under the number `track`, and its knocked-out electrons above the cut
    enter the shower. A step deposits what the particle lost less the energy of the electrons it set free. Loss of muons
    to photons and pairs is continuous and deposited on the track.

    **Reference** class-II simulation: Berger, Methods Comput. Phys. 1 (1963) 135; the parts name theirs.
    """
    material, random = shower.material, shower.random
    before, after, length, made, fate = _slow_down(kind, start.energy, longest, life, depth, shower)
    first, last, direction, turned = _bend(kind, start, before, after, length, material, shower.cut, random)
    beta_before, beta_after = beta_of(before, kind.mass), beta_of(after, kind.mass)
    duration = 2.0 * length / (SPEED_OF_LIGHT * (beta_before + beta_after))
    time = start.time + np.concatenate([[0.0], np.cumsum(duration)])
    step = np.repeat(np.arange(len(made)), [len(energies) for energies in made])
    deltas = np.concatenate(made)
    deposit = before - after - np.bincount(step, weights=deltas, minlength=len(made))
    tracks = np.full(len(length), track)
    shower.ledger.write(tracks, first, last, time[:-1], beta_before, beta_after, length, deposit)
    if len(deltas):
        where = random.random(len(deltas))
        out = rotations(recoil_cosine(deltas, before[step], kind.mass), 2.0 * np.pi * random.random(len(deltas)))
        position = first[step] + where[:, None] * (last - first)[step]
        around = np.einsum("nij,nj->ni", direction[step], out[:, :, 2])
        moment = time[step] + where * duration[step]
        shower.add(-1, Pool(deltas, position, around, moment, shower.ledger.open(11, np.full(len(deltas), track))))
    return End(float(after[-1]), last[-1], turned, float(time[-1]), fate)


def sample_delta_energies(count: int, energy: float, cut: float, kind: Kind, random: np.random.Generator):
    """Draw the kinetic energies (count,) [MeV] of electrons that a particle of kinetic `energy` knocks out above `cut`.

    1/T^2 of `delta_spectrum` by inversion, its other factors by rejection.
    """
    top = float(largest_transfer(energy, kind.mass))
    beta2 = float(beta_of(energy, kind.mass)) ** 2
    total = energy + kind.mass
    spin = 0.5 / total**2 if kind.spin_half else 0.0
    # the share of photons is a / (2 pi) x (y - x) with y <= 2 ln(2 E / M): at most the square of that logarithm
    photons = FINE_STRUCTURE / (2.0 * np.pi) * np.log(2.0 * total / kind.mass) ** 2 if kind.muon else 0.0
    ceiling = (1.0 + spin * top**2) * (1.0 + photons)
    drawn = np.empty(0)
    while len(drawn) < count:
        trial = 1.0 / (1.0 / cut - random.random(2 * count + 4) * (1.0 / cut - 1.0 / top))
        weight = 1.0 - beta2 * trial / top + spin * trial**2
        if kind.muon:
            weight = weight * (1.0 + delta_photons(energy, trial))
        drawn = np.concatenate([drawn, trial[random.random(len(trial)) * ceiling < weight]])
    return drawn[:count]


def _slow_down(kind: Kind, energy: float, longest: float, life: float, depth: float, shower: Shower):
    """Give energies before and after each step [MeV], lengths [m], the energies of each step's electrons, the fate."""
    material, cut, random = shower.material, shower.cut, shower.random
    table, rate = heavy_range_table(material, kind, cut), delta_rate(material, kind, cut)
    before, after, length, made = [], [], [], []
    while energy > STOPPED:
        residual = float(table.range(energy))
        # proper time passes at 1 / (beta gamma c) per path
        lives = life * SPEED_OF_LIGHT * np.sqrt(energy * (energy + 2.0 * kind.mass)) / kind.mass
        way = depth * interaction_length(kind, energy, material.density)
        step = min(longest, 0.1 * residual, way, lives)
        mean = energy - float(table.energy(residual - step))
        variance = float(restricted_variance(material, energy, cut, kind)) * step
        # a gamma law has the mean and the variance of the loss and stays positive
        lost = min(variance / mean * random.standard_gamma(mean**2 / variance), 0.9 * energy)
        count = random.poisson(float(np.interp(np.log(energy - 0.5 * mean), *rate)) * step)
        electrons = sample_delta_energies(count, energy, cut, kind, random) if count else np.empty(0)
        if lost + electrons.sum() > 0.95 * energy:
            electrons = np.empty(0)
        before.append(energy)
        energy -= lost + float(electrons.sum())
        after.append(energy)
        length.append(step)
        made.append(electrons)
        if step in (way, lives):
            fate = "interacted" if step == way else "decayed"
            return np.array(before), np.array(after), np.array(length), made, fate
        depth, life = depth * (1.0 - step / way), life * (1.0 - step / lives)
    before.append(energy)
    after.append(0.0)
    length.append(float(table.range(energy)))
    made.append(np.empty(0))
    return np.array(before), np.array(after), np.array(length), made, "stopped"


def _bend(kind: Kind, start: End, before, after, length, material: Material, cut: float, random: np.random.Generator):
    """Give starts and ends of the steps [m], the frame of each, and the direction behind the last."""
    middle = np.sqrt(before * np.maximum(after, 0.1 * before))
    momentum = np.sqrt(middle * (middle + 2.0 * kind.mass))
    beta, charge = beta_of(middle, kind.mass), np.full(len(length), float(kind.charge))
    forward = np.tile([0.0, 0.0, 1.0], (len(length), 1))
    turns = rotations_to(deflect(material, forward, momentum, beta, charge, length, cut, random))
    first = rotations_to(start.direction[None])[0]
    frames = np.stack(list(accumulate(turns, np.matmul, initial=first)))
    fraction = random.random(len(length))[:, None]
    moves = length[:, None] * (fraction * frames[:-1, :, 2] + (1.0 - fraction) * frames[1:, :, 2])
    points = start.position + np.concatenate([np.zeros((1, 3)), np.cumsum(moves, axis=0)])
    return points[:-1], points[1:], frames[:-1], frames[-1, :, 2]
