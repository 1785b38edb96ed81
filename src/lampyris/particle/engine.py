"""The built-in engine: a particle by name to its steps."""

import itertools
import math

import jax
import numpy as np

from lampyris._checks import fail, fail_unknown
from lampyris.particle import decay as decays
from lampyris.particle.hadron import ABSORBED, EXCHANGED, scatter_pion
from lampyris.particle.heavy import End, track_heavy
from lampyris.particle.kind import KINDS, Kind
from lampyris.particle.material import WATER, Material
from lampyris.particle.pool import Ledger, Pool
from lampyris.particle.shower import CUT, Shower
from lampyris.particle.steps import Steps
from lampyris.units import ELECTRON_MASS

PARTICLES = tuple(KINDS)
"""Names of the particles that the built-in engine makes."""

ENERGY_RANGE = {
    "mu-": (10.0, 3000.0), "mu+": (10.0, 3000.0), "e-": (1.0, 3000.0), "e+": (1.0, 3000.0), "gamma": (1.0, 3000.0),
    "pi+": (10.0, 3000.0), "pi-": (10.0, 3000.0), "pi0": (1.0, 3000.0), "p": (10.0, 3000.0),
}  # fmt: skip
"""Kinetic energies [MeV] that the engine accepts; mu- from 120 and e- from 10 were checked against Geant4."""


def simulate_particle(
    name: str, energy: float, *, key, material: Material = WATER, decay: bool = False, cut: float = CUT
) -> Steps:
    """Make one event of a particle in a material, from the origin along +z at time 0.

    `energy` kinetic [MeV]; `cut` [MeV] is the energy above which electrons and gammas are followed. With `decay` muons
    at rest decay (a negative muon may be captured instead) and their electrons shine; without, they stay. Pions always
    decay, in flight and at rest, and interact with nuclei by the simple model of `hadron`: nucleons that nuclei set free
    make no light, and their energy is not deposited. The primary is track 1 (parent 0); gammas have track numbers but
    no steps.
    """
    check_particle(name, energy)
    return simulate_particles(name, np.array([energy]), key=key, material=material, decay=decay, cut=cut)[0]


def check_particle(name: str, energy: float, where: str = "simulate_particle(energy=...)") -> None:
    """Raise `LampyrisError` for a particle that the engine does not know or an energy outside its range."""
    if name not in PARTICLES:
        fail_unknown("particle", name, PARTICLES)
    low, high = ENERGY_RANGE[name]
    if not (math.isfinite(energy) and low <= energy <= high):
        fail(where, f"between {low:g} and {high:g}", energy, "MeV")


def simulate_particles(
    name: str, energies: np.ndarray, *, key, material: Material = WATER, decay: bool = False, cut: float = CUT
) -> list[Steps]:
    """Make one event for each kinetic energy (n,) [MeV], together: their showers share every operation."""
    columns = particle_columns(name, energies, key=key, material=material, decay=decay, cut=cut)
    order = np.argsort(columns["event"], kind="stable")
    columns = {column: values[order] for column, values in columns.items()}
    ends = np.searchsorted(columns["event"], np.arange(len(energies) + 1))
    return [_steps(columns, slice(start, end)) for start, end in itertools.pairwise(ends)]


def particle_columns(
    name: str, energies: np.ndarray, *, key, material: Material = WATER, decay: bool = False, cut: float = CUT
) -> dict[str, np.ndarray]:
    """Give the columns of `Steps` of many events as plain arrays, with the number of the `event` of each step."""
    kind, count = KINDS[name], len(energies)
    random = generator(key)
    ledger = Ledger(np.full(count, kind.pdg), np.full(count, -1), np.arange(count))
    shower = Shower(material, ledger, random, cut)
    pool = Pool(
        np.asarray(energies, dtype=float),
        np.zeros((count, 3)),
        np.tile([0.0, 0.0, 1.0], (count, 1)),
        np.zeros(count),
        np.arange(count),
    )
    if kind.name in ("e-", "e+", "gamma"):
        shower.add(kind.charge, pool)
    else:
        for number, energy in enumerate(pool.energy):
            start = End(float(energy), pool.position[number], pool.direction[number], 0.0)
            _live(kind, start, number, shower, decay)
    shower.run()
    return ledger.columns()


def generator(key) -> np.random.Generator:
    """Make the NumPy generator that a JAX key stands for: the same key, the same numbers."""
    words = np.zeros(4, dtype=np.uint32)
    data = np.asarray(jax.random.key_data(key), dtype=np.uint32).ravel()
    words[: len(data)] = data
    return np.random.Generator(np.random.Philox(key=words.view(np.uint64)))


def _steps(columns: dict[str, np.ndarray], rows: slice) -> Steps:
    """Turn the rows of one event into `Steps`, its tracks numbered from 1."""
    own = {name: values[rows] for name, values in columns.items() if name != "event"}
    numbers = np.unique(np.concatenate([own["track"], own["parent"][own["parent"] >= 0]]))
    place = np.searchsorted(numbers, own["track"]) + 1
    parent = np.where(own["parent"] < 0, 0, np.searchsorted(numbers, own["parent"]) + 1)
    charges = {kind.pdg: kind.charge for kind in KINDS.values()}
    charge = np.array([charges[pdg] for pdg in own["pdg"].tolist()], dtype=float)
    return Steps(**(own | {"track": place, "parent": parent, "charge": charge}))


def _live(kind: Kind, start: End, track: int, shower: Shower, decay: bool) -> None:
    """Follow a muon, pion or proton and what it turns into."""
    random = shower.random
    if kind.name == "pi0":
        _neutral_pion(start, track, shower)
        return
    # muons that shall not decay live for ever; pions always decay
    life = kind.lifetime * random.standard_exponential() if decay or not kind.muon else np.inf
    end = track_heavy(kind, start, track, shower, life=life, depth=random.standard_exponential())
    if kind.muon and decay:
        _muon_decays(kind, end, track, shower)
    elif abs(kind.pdg) == 211 and end.fate == "interacted":
        _pion_interacts(kind, end, track, shower, decay)
    elif abs(kind.pdg) == 211 and (kind.charge > 0 or end.fate == "decayed"):  # nuclei capture negative pions at rest
        _pion_decays(kind, end, track, shower, decay)


def _muon_decays(kind: Kind, end: End, track: int, shower: Shower) -> None:
    """Let the electron of a muon enter the shower, at rest after its time; nuclei capture some negative muons."""
    random, time = shower.random, end.time
    energy, direction = decays.sample_michel(random), decays.isotropic(random)
    if end.fate == "decayed":
        momentum = np.sqrt(energy * (energy + 2.0 * ELECTRON_MASS)) * direction
        total, boosted = decays.boost(energy + ELECTRON_MASS, momentum, 1.0 + end.energy / kind.mass, end.direction)
        energy, direction = max(total - ELECTRON_MASS, 1e-6), boosted / np.linalg.norm(boosted)
    elif kind.charge > 0:
        time += kind.lifetime * random.standard_exponential()
    elif random.random() < decays.CAPTURED:
        return
    else:
        time += decays.CAPTURE_LIFETIME * random.standard_exponential()
    shower.add(kind.charge, _one(11 if kind.charge < 0 else -11, energy, end.position, direction, time, track, shower))


def _pion_decays(kind: Kind, end: End, track: int, shower: Shower, decay: bool) -> None:
    """Follow the muon of a pion."""
    wait = kind.lifetime * shower.random.standard_exponential() if end.fate == "stopped" else 0.0
    energy, direction = decays.sample_muon(end.energy, end.direction, shower.random)
    muon = KINDS["mu+" if kind.charge > 0 else "mu-"]
    own = int(shower.ledger.open(muon.pdg, np.array([track]))[0])
    _live(muon, End(energy, end.position, direction, end.time + wait), own, shower, decay)


def _pion_interacts(kind: Kind, end: End, track: int, shower: Shower, decay: bool) -> None:
    """Absorb a pion, turn it into a neutral one, or scatter it."""
    choice = shower.random.random()
    if choice < ABSORBED:
        return
    energy, direction = scatter_pion(end.energy, end.direction, shower.random)
    new = KINDS["pi0"] if choice < ABSORBED + EXCHANGED else kind
    own = int(shower.ledger.open(new.pdg, np.array([track]))[0])
    _live(new, End(energy, end.position, direction, end.time), own, shower, decay)


def _neutral_pion(start: End, track: int, shower: Shower) -> None:
    """Let the two gammas of a neutral pion enter the shower; it decays where it is made (it flies nanometres)."""
    energies, directions = decays.sample_two_gammas(start.energy, start.direction, shower.random)
    for energy, direction in zip(energies, directions, strict=True):
        shower.add(0, _one(22, float(energy), start.position, direction, start.time, track, shower))


def _one(pdg: int, energy: float, position, direction, time: float, mother: int, shower: Shower) -> Pool:
    """Make a pool of one new particle."""
    own = shower.ledger.open(pdg, np.array([mother]))
    return Pool(np.array([energy]), position[None], direction[None], np.array([time]), own)
