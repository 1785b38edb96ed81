"""A muon that slows down and stops in matter, with the electrons that it knocks out."""

from itertools import accumulate

import jax
import numpy as np

from lampyris.particle.delta import DELTA_CUT, emission_cosine, sample_delta_energies, track_electrons
from lampyris.particle.energy_loss import (
    WATER,
    Material,
    beta_of,
    muon_delta_rate,
    muon_range_table,
    restricted_variance,
)
from lampyris.particle.scattering import highland_variance, hinge, rotations, sample_cosine, scattering_depth
from lampyris.particle.steps import Steps
from lampyris.units import MUON_MASS, SPEED_OF_LIGHT

STOPPED = 1.0
"""Kinetic energy [MeV] below which a muon runs out its range (0.2 mm of water) in one last step."""


def generator(key) -> np.random.Generator:
    """Make the NumPy generator that a JAX key stands for: the same key, the same numbers."""
    words = np.zeros(4, dtype=np.uint32)
    data = np.asarray(jax.random.key_data(key), dtype=np.uint32).ravel()
    words[: len(data)] = data
    return np.random.Generator(np.random.Philox(key=words.view(np.uint64)))


def simulate_muon(
    energy: float, *, key, material: Material = WATER, cut: float = DELTA_CUT, max_step: float = 0.02
) -> Steps:
    """Slow a mu- down from the origin along +z at time 0 until it stops; it does not decay.

    `energy` kinetic [MeV]; `cut` [MeV] is the energy above which knocked-out electrons are tracks of their own;
    `max_step` [m] bounds the muon's steps, which shrink to a tenth of the residual range. The muon's steps come first
    (track 1, parent 0, pdg 13), then the electrons (tracks from 2, parent 1, pdg 11). A muon step deposits what the
    muon lost less the energy of the electrons it set free; these deposit it along their own steps, so that all
    deposits together are the initial energy. Loss to photons and pairs is continuous and deposited on the track.

    **Reference** class-II simulation: Berger, Methods Comput. Phys. 1 (1963) 135; the parts name theirs.
    """
    random = generator(key)
    before, after, length, made = _slow_down(float(energy), material, cut, max_step, random)
    start, end, frame_before, frame_after, fraction = _bend(before, after, length, material, random)
    beta_before, beta_after = beta_of(before, MUON_MASS), beta_of(after, MUON_MASS)
    duration = 2.0 * length / (SPEED_OF_LIGHT * (beta_before + beta_after))
    time = np.concatenate([[0.0], np.cumsum(duration)[:-1]])
    step = np.repeat(np.arange(len(made)), [len(energies) for energies in made])
    deltas = np.concatenate(made)
    deposit = before - after - np.bincount(step, weights=deltas, minlength=len(made))
    muon = {
        "start": start, "end": end, "time": time, "beta_start": beta_before, "beta_end": beta_after,
        "length": length, "energy_deposit": deposit, "electron": np.full(len(length), -1),
    }  # fmt: skip
    if not len(deltas):
        return _steps(muon)
    where = random.random(len(deltas))
    direction = np.where((where < fraction[step])[:, None, None], frame_before[step], frame_after[step])
    out = rotations(emission_cosine(deltas, before[step]), 2.0 * np.pi * random.random(len(deltas)))
    electrons = track_electrons(
        material,
        deltas,
        start[step] + where[:, None] * (end - start)[step],
        np.einsum("nij,nj->ni", direction, out[:, :, 2]),
        time[step] + where * duration[step],
        cut=cut,
        random=random,
    )
    return _steps({name: np.concatenate([column, electrons[name]]) for name, column in muon.items()})


def _steps(columns) -> Steps:
    """Turn columns with electron numbers (-1: the muon) into `Steps`."""
    electron = columns.pop("electron")
    muon = electron < 0
    return Steps(
        **columns,
        charge=np.full(len(electron), -1.0),
        pdg=np.where(muon, 13, 11),
        track=electron + 2,
        parent=np.where(muon, 0, 1),
    )


def _slow_down(energy: float, material: Material, cut: float, max_step: float, random: np.random.Generator):
    """Give energies before and after each step [MeV], lengths [m], and the energies of the electrons of each step."""
    table, rate = muon_range_table(material, cut), muon_delta_rate(material, cut)
    before, after, length, made = [], [], [], []
    while energy > STOPPED:
        residual = float(table.range(energy))
        step = min(max_step, 0.1 * residual)
        mean = energy - float(table.energy(residual - step))
        variance = float(restricted_variance(material, energy, cut)) * step
        # a gamma law has the mean and the variance of the loss and stays positive
        lost = min(variance / mean * random.standard_gamma(mean**2 / variance), 0.9 * energy)
        count = random.poisson(float(np.interp(np.log(energy - 0.5 * mean), *rate)) * step)
        electrons = sample_delta_energies(count, energy, cut, random) if count else np.empty(0)
        if lost + electrons.sum() > 0.95 * energy:
            electrons = np.empty(0)
        before.append(energy)
        energy -= lost + float(electrons.sum())
        after.append(energy)
        length.append(step)
        made.append(electrons)
    before.append(energy)
    after.append(0.0)
    length.append(float(table.range(energy)))
    made.append(np.empty(0))
    return np.array(before), np.array(after), np.array(length), made


def _bend(before, after, length, material: Material, random: np.random.Generator):
    """Give starts and ends of the steps [m], the frames (n, 3, 3) before and behind their hinges, and the hinges."""
    middle = np.sqrt(before * np.maximum(after, 0.1 * before))
    depth, power = scattering_depth(middle, MUON_MASS, length, material.radiation_length)
    variance = np.diff(highland_variance(np.cumsum(depth), np.cumsum(power)), prepend=0.0)
    turns = rotations(sample_cosine(variance, random), 2.0 * np.pi * random.random(len(length)))
    frames = np.stack(list(accumulate(turns, np.matmul, initial=np.eye(3))))
    fraction = random.random(len(length))
    moves = hinge(frames[:-1, :, 2], frames[1:, :, 2], length, fraction)
    points = np.concatenate([np.zeros((1, 3)), np.cumsum(moves, axis=0)])
    return points[:-1], points[1:], frames[:-1], frames[1:], fraction
