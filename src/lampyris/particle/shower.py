"""Electromagnetic showers: electrons, positrons and gammas of one or many events, followed together.

In every round each charged particle makes one step and each gamma one flight; what they make joins the next round. The
loop is over rounds, never over particles, so many events take little longer than one.
"""

import numpy as np

from lampyris.particle import knock_on
from lampyris.particle.bremsstrahlung import sample_photon_cosine, sample_photons
from lampyris.particle.elastic import deflect
from lampyris.particle.energy_loss import beta_of
from lampyris.particle.material import Material
from lampyris.particle.photon import sample_compton, sample_pair_cosine, sample_pair_share
from lampyris.particle.pool import Ledger, Pool
from lampyris.particle.rates import charged_rates, photon_rates, restricted_range
from lampyris.particle.scattering import turn
from lampyris.units import ELECTRON_MASS, SPEED_OF_LIGHT

CUT = 0.25
"""Kinetic energy [MeV] above which particles are followed: just below the Cherenkov threshold of water."""

LOSS_PER_STEP = 0.15
"""Largest share of its kinetic energy that an electron loses in the collisions of one step."""

LONGEST_STEP = 0.1
"""Largest step of an electron [m]."""

PDG = {-1: 11, 1: -11, 0: 22}
"""Particle codes by charge."""


class Shower:
    """Follow electrons, positrons and gammas down to `cut` [MeV] and write their steps into a ledger.

    Radiation and knock-on electrons above the cut are made one by one, all below is continuous with its fluctuation.
    What is left at the cut runs out its range in one step; gammas below it become electrons of their energy on the
    spot. All energy is deposited: deposits of an event add up to the kinetic energy that entered, and twice the electron
    mass more for every positron that entered.
    """

    def __init__(self, material: Material, ledger: Ledger, random: np.random.Generator, cut: float = CUT):
        self.material, self.ledger, self.random, self.cut = material, ledger, random, cut
        self.waiting: dict[int, list[Pool]] = {-1: [], 1: [], 0: []}

    def add(self, charge: int, pool: Pool) -> None:
        """Let particles enter; `charge` -1, +1 or 0 (gammas)."""
        low = pool.energy <= self.cut
        if low.any():
            self._run_out(charge, pool.take(low))
            pool = pool.take(~low)
        if len(pool):
            self.waiting[charge].append(pool)

    def run(self) -> None:
        """Follow all particles to their end."""
        while any(self.waiting.values()):
            now = {charge: Pool.join(pools) for charge, pools in self.waiting.items() if pools}
            self.waiting = {-1: [], 1: [], 0: []}
            for charge, pool in now.items():
                if charge:
                    self._step(charge, pool)
                else:
                    self._fly(pool)

    def _step(self, charge: int, pool: Pool) -> None:
        """Move charged particles to their next hard collision or by one step of continuous loss."""
        material, random, cut = self.material, self.random, self.cut
        table, rates = restricted_range(material, cut, charge), charged_rates(material, cut, charge)
        energy = pool.energy
        lowest = np.maximum(energy * (1.0 - LOSS_PER_STEP), cut)
        # a remainder too short for a step of its own goes with this one
        lowest = np.where(lowest < cut * (1.0 + 0.25 * LOSS_PER_STEP), cut, lowest)
        path = table.range(energy)
        longest = np.minimum(path - table.range(lowest), LONGEST_STEP)
        bound = 1.02 * np.maximum(rates(energy)[-1], rates(lowest)[-1])
        free = random.standard_exponential(len(pool)) / bound
        length = np.minimum(free, longest)
        after = energy - self._lost(energy, energy - table.energy(path - length), length)
        after = np.where((lowest == cut) & (free >= longest), cut, np.maximum(after, cut))
        moved = self._move(charge, pool, after, length)
        alive = after > cut * 1.0001
        ended = moved.take(~alive)
        if len(ended):
            self._run_out(charge, ended)
        kind = self._choose(rates(after), bound)
        hard = alive & (free < longest) & (kind < len(rates.cumulative))
        if (alive & ~hard).any():
            self.waiting[charge].append(moved.take(alive & ~hard))
        for number, collide in enumerate((self._radiate, self._knock, self._annihilate)):
            chosen = hard & (kind == number)
            if chosen.any():
                collide(charge, moved.take(chosen))

    def _choose(self, rates, bound):
        """Draw the process of each particle from the cumulative rates; what the bound exceeds is no process."""
        return (self.random.random(len(bound)) * bound >= rates).sum(axis=0)

    def _lost(self, energy, mean, length):
        """Draw the continuous loss [MeV] with its mean and the variance of collisions below the cut."""
        beta2 = beta_of(energy, ELECTRON_MASS) ** 2
        variance = self.material.collision_constant / beta2 * self.cut * length
        mean = np.maximum(mean, 1e-9)
        return np.minimum(variance / mean * self.random.standard_gamma(mean**2 / variance), 0.9 * energy)

    def _move(self, charge: int, pool: Pool, after, length) -> Pool:
        """Carry particles along a step that bends at a random place in it, and record its two halves."""
        random, before = self.random, pool.energy
        middle = np.sqrt(before * after)
        momentum = np.sqrt(middle * (middle + 2.0 * ELECTRON_MASS))
        beta = momentum / (middle + ELECTRON_MASS)
        signs = np.full(len(pool), float(charge))
        turned = deflect(self.material, pool.direction, momentum, beta, signs, length, self.cut, random)
        share = random.random(len(pool))
        hinge = pool.position + (share * length)[:, None] * pool.direction
        end = hinge + ((1.0 - share) * length)[:, None] * turned
        between = before + share * (after - before)
        betas = [beta_of(energy, ELECTRON_MASS) for energy in (before, between, after)]
        first = 2.0 * share * length / (SPEED_OF_LIGHT * (betas[0] + betas[1]))
        second = 2.0 * (1.0 - share) * length / (SPEED_OF_LIGHT * (betas[1] + betas[2]))
        write = self.ledger.write
        write(pool.track, pool.position, hinge, pool.time, betas[0], betas[1], share * length, before - between)
        write(pool.track, hinge, end, pool.time + first, betas[1], betas[2], (1.0 - share) * length, between - after)
        return Pool(after, end, turned, pool.time + first + second, pool.track)

    def _run_out(self, charge: int, pool: Pool) -> None:
        """End particles at the cut or below: electrons run out their range, positrons annihilate behind it."""
        if charge == 0:
            pool = Pool(pool.energy, pool.position, pool.direction, pool.time, self.ledger.open(11, pool.track))
        energy = np.maximum(pool.energy, 1e-6)
        length = restricted_range(self.material, self.cut, charge or -1).range(np.maximum(energy, 0.01)) * np.minimum(
            energy / 0.01, 1.0
        )
        beta = beta_of(energy, ELECTRON_MASS)
        # electrons this slow soon forget where they went: about half of the path leads forward
        end = pool.position + 0.5 * length[:, None] * pool.direction
        self.ledger.write(pool.track, pool.position, end, pool.time, beta, 0.0 * beta, length, pool.energy)
        if charge > 0:
            n = len(pool)
            axis = turn(pool.direction, 2.0 * self.random.random(n) - 1.0, 2.0 * np.pi * self.random.random(n))
            time = pool.time + 2.0 * length / (SPEED_OF_LIGHT * np.maximum(beta, 0.01))
            for way in (axis, -axis):
                self._make(0, np.full(n, ELECTRON_MASS), end, way, time, pool.track)

    def _make(self, charge: int, energy, position, direction, time, mother) -> None:
        """Let new particles enter; `mother` are the tracks that made them."""
        self.add(charge, Pool(energy, position, direction, time, self.ledger.open(PDG[charge], mother)))

    def _around(self, direction, cosine):
        """Turn by a polar angle and a random azimuth."""
        return turn(direction, cosine, 2.0 * np.pi * self.random.random(len(cosine)))

    def _emit(self, charge: int, pool: Pool, made: int, energy, cosine) -> None:
        """Make particles of kinetic `energy` under `cosine`; those that made them go on with the rest of the momentum."""
        direction = self._around(pool.direction, cosine)
        self._make(made, energy, pool.position, direction, pool.time, pool.track)
        mass = 0.0 if made == 0 else ELECTRON_MASS
        taken = np.sqrt(energy * (energy + 2.0 * mass))[:, None] * direction
        momentum = np.sqrt(pool.energy * (pool.energy + 2.0 * ELECTRON_MASS))[:, None] * pool.direction
        left = unit(momentum - taken)
        self.add(charge, Pool(pool.energy - energy, pool.position, left, pool.time, pool.track))

    def _radiate(self, charge: int, pool: Pool) -> None:
        photon = sample_photons(self.material, pool.energy, self.cut, self.random)
        self._emit(charge, pool, 0, photon, sample_photon_cosine(pool.energy, self.random))

    def _knock(self, charge: int, pool: Pool) -> None:
        enough = pool.energy * knock_on.largest_share(charge) > self.cut
        if not enough.all():
            self.waiting[charge].append(pool.take(~enough))
            pool = pool.take(enough)
        recoil = knock_on.sample_knock_on(self.material, pool.energy, self.cut, charge, self.random)
        self._emit(charge, pool, -1, recoil, knock_on.recoil_cosine(recoil, pool.energy, ELECTRON_MASS))

    def _annihilate(self, charge: int, pool: Pool) -> None:
        first, cosine = knock_on.sample_annihilation(pool.energy, self.random)
        direction = self._around(pool.direction, cosine)
        momentum = np.sqrt(pool.energy * (pool.energy + 2.0 * ELECTRON_MASS))[:, None] * pool.direction
        second = pool.energy + 2.0 * ELECTRON_MASS - first
        self._make(0, first, pool.position, direction, pool.time, pool.track)
        self._make(0, second, pool.position, unit(momentum - first[:, None] * direction), pool.time, pool.track)

    def _fly(self, pool: Pool) -> None:
        """Carry gammas to their next collision and make what comes of it."""
        rates = photon_rates(self.material)(pool.energy)
        length = self.random.standard_exponential(len(pool)) / rates[-1]
        there = pool.position + length[:, None] * pool.direction
        pool = Pool(pool.energy, there, pool.direction, pool.time + length / SPEED_OF_LIGHT, pool.track)
        kind = self._choose(rates, rates[-1])
        for number, collide in enumerate((self._scatter, self._convert)):
            chosen = kind == number
            if chosen.any():
                collide(pool.take(chosen))
        absorbed = pool.take(kind >= 2)
        if len(absorbed):
            self._make(-1, absorbed.energy, absorbed.position, absorbed.direction, absorbed.time, absorbed.track)

    def _scatter(self, pool: Pool) -> None:
        after, cosine = sample_compton(pool.energy, self.random)
        direction = self._around(pool.direction, cosine)
        kick = unit(pool.energy[:, None] * pool.direction - after[:, None] * direction)
        self._make(-1, pool.energy - after, pool.position, kick, pool.time, pool.track)
        self.add(0, Pool(after, pool.position, direction, pool.time, pool.track))

    def _convert(self, pool: Pool) -> None:
        share = sample_pair_share(self.material, pool.energy, self.random)
        azimuth = 2.0 * np.pi * self.random.random(len(pool))
        for charge, part, side in ((-1, share, 0.0), (1, 1.0 - share, np.pi)):
            total = part * pool.energy
            direction = turn(pool.direction, sample_pair_cosine(total, self.random), azimuth + side)
            kinetic = np.maximum(total - ELECTRON_MASS, 1e-9)
            self._make(charge, kinetic, pool.position, direction, pool.time, pool.track)


def unit(vector):
    """Scale vectors (n, 3) to length 1; those without length become +z."""
    length = np.linalg.norm(vector, axis=1, keepdims=True)
    return np.where(length > 1e-12, vector / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])
