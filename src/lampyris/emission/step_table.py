"""The mean steps of a particle in matter: what deposits and what moves, where, how densely, how fast and which way.

Nothing optical is in these tables: with the quenching of a scintillator they give its light, with a refractive index the
Cherenkov light, and both are differentiable in those numbers.
"""

from functools import lru_cache
from importlib.resources import files

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import LampyrisError
from lampyris.emission.scintillation import stopping_powers
from lampyris.particle.engine import ENERGY_RANGE, check_particle, particle_columns
from lampyris.particle.material import ICE, LAB, MINERAL_OIL, WATER, Material
from lampyris.units import SPEED_OF_LIGHT

FORMAT = "lampyris-steps-1"
NODES, FIRST, WIDTH = 40, -0.3, 0.075
"""Bins along the track: their number, the edge of the first and their width in units of twice the median distance."""
STOPPING = np.array(
    [0.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 600.0, 1000.0, 1600.0, 2500.0, 4000.0, 7000.0, 12000.0, 30000.0]
)
"""Knots of dE/dx [MeV/m] among which deposits are shared."""
BETA = np.array([0.55, 0.60, 0.64, 0.67, 0.70, 0.74, 0.78, 0.82, 0.86, 0.90, 0.93, 0.96, 0.98, 0.99, 1.0])
"""Knots of the velocity among which path is shared; slower particles give no Cherenkov light below an index of 1.8."""
LEAN = np.radians(np.concatenate([np.arange(0.0, 12.0), np.arange(12.0, 30.0, 2.0), np.arange(30.0, 60.0, 5.0)]))
LEAN = np.append(LEAN, np.radians(np.linspace(60.0, 180.0, 11)))
"""Edges of the bins of the angle between a step and the initial direction [rad]."""
SHIPPED = {"water": WATER, "ice": ICE, "lab": LAB, "mineral_oil": MINERAL_OIL}
SCALE_DEGREE = 5


class MeanSteps(eqx.Module):
    """The mean steps of a particle of one energy, in `NODES` bins along its initial direction."""

    distance: Float[Array, " nodes"]
    """mean distance from the vertex, weighted with the deposits [m]"""
    time: Float[Array, " nodes"]
    """mean time [ns]"""
    time_rms: Float[Array, " nodes"]
    """spread of the time [ns]"""
    deposit: Float[Array, "nodes stopping"]
    """energy [MeV], shared among `STOPPING`"""
    path: Float[Array, "nodes lean beta"]
    """path of charged particles [m] in bins of `LEAN`, shared among `BETA`"""


class StepTable(eqx.Module):
    """Mean steps on an even grid of the logarithm of the energy, with a smooth interpolation.

    **Gradients**: right with respect to the energy, continuous to first order.
    """

    u: Float[Array, "energies nodes"]
    deposit: Float[Array, "energies nodes stopping"]
    path: Float[Array, "energies nodes lean beta"]
    delay: Float[Array, "energies nodes"]
    delay_rms: Float[Array, "energies nodes"]
    log_scale: Float[Array, " terms"]
    energy_range: tuple[float, float] = eqx.field(static=True)

    def scale(self, energy: Array) -> Array:
        """Twice the median distance of the deposits [m]."""
        return jnp.exp(jnp.polyval(self.log_scale, self._place(energy)))

    def _place(self, energy: Array) -> Array:
        """Logarithm of the energy, 0 and 1 at the ends of the table."""
        low, high = self.energy_range
        return jnp.log(energy / low) / np.log(high / low)

    def steps(self, energy: Float[Array, ""]) -> MeanSteps:
        """The mean steps at a kinetic energy [MeV]."""
        last = self.u.shape[0] - 1
        place = self._place(energy) * last
        cell = jnp.clip(place.astype(int), 0, last - 1)
        t = place - cell
        rows = jnp.clip(cell + jnp.arange(-1, 3), 0, last)
        # the cubic of Catmull and Rom
        weights = 0.5 * jnp.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2])
        scale = self.scale(energy)
        distance = weights @ self.u[rows] * scale
        width = scale * WIDTH / SPEED_OF_LIGHT
        rms = jnp.sqrt((weights @ self.delay_rms[rows]) ** 2 + width**2 / 12.0)
        time = distance / SPEED_OF_LIGHT + weights @ self.delay[rows]
        mixed = [jnp.tensordot(weights, table[rows], 1) for table in (self.deposit, self.path)]
        positive = [jnp.maximum(table, 0.0) for table in mixed]
        deposit, path = (
            p * (m.sum() / jnp.maximum(p.sum(), 1e-30)) * energy for p, m in zip(positive, mixed, strict=True)
        )
        return MeanSteps(distance, time, rms, deposit, path)


def make_step_table(particle: str, material: Material, *, events: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Simulate `events` particles at each energy (more at low ones) and sort their steps into the columns of a table."""
    low, high = ENERGY_RANGE[particle]
    energies = np.geomspace(low, high, 15)
    rows = []
    for number, energy in enumerate(energies):
        count = int(events * np.clip(300.0 / energy, 1.0, 8.0))
        key = jax.random.fold_in(jax.random.key(seed), number)
        rows.append(
            _row(particle_columns(particle, np.full(count, energy), key=key, material=material), energy * count)
        )
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    place = np.linspace(0.0, 1.0, len(energies))
    table["log_scale"] = np.polyfit(place, np.log(table["scale"]), SCALE_DEGREE)
    return table


def _row(columns: dict[str, np.ndarray], total: float) -> dict[str, np.ndarray]:
    """The mean steps of particles of one energy, for each MeV of the `total` energy that entered."""
    deposit = columns["energy_deposit"].astype(float)
    middle = 0.5 * (columns["start"] + columns["end"])
    order = np.argsort(middle[:, 2])
    passed = np.cumsum(deposit[order])
    scale = 2.0 * float(np.interp(0.5 * passed[-1], passed, middle[order, 2]))
    scale = max(scale, 1e-4)
    u = middle[:, 2] / scale
    node = np.clip(((u - FIRST) / WIDTH).astype(int), 0, NODES - 1)
    light = np.bincount(node, deposit, NODES)

    def mean(values):
        there = np.bincount(node, values * deposit, NODES) / np.maximum(light, 1e-30)
        good = light > 1e-5 * light.max()
        return np.interp(np.arange(NODES), np.flatnonzero(good), there[good])

    delay = columns["time"] + 0.5 * _duration(columns) - middle[:, 2] / SPEED_OF_LIGHT
    average = mean(delay)
    spread = np.sqrt(np.maximum(mean((delay - average[node]) ** 2), 0.0))
    return {
        "scale": np.array(scale),
        "u": mean(u),
        "delay": average,
        "delay_rms": spread,
        "deposit": _deposits(columns, node) / total,
        "path": _paths(columns, node) / total,
    }


def _duration(columns: dict[str, np.ndarray]) -> np.ndarray:
    beta = 0.5 * (columns["beta_start"] + columns["beta_end"])
    return columns["length"] / (SPEED_OF_LIGHT * np.maximum(beta, 1e-2))


def _shared(knots: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knot below each value and the share of the one above, so that both together have the mean of the value."""
    cell = np.clip(np.searchsorted(knots, values, side="right") - 1, 0, len(knots) - 2)
    return cell, np.clip((values - knots[cell]) / (knots[cell + 1] - knots[cell]), 0.0, 1.0)


def _deposits(columns: dict[str, np.ndarray], node: np.ndarray) -> np.ndarray:
    values, share = stopping_powers(columns)
    table = np.zeros(NODES * len(STOPPING))
    for number, part in enumerate(share):
        cell, above = _shared(STOPPING, values[:, number])
        for knot, weight in ((cell, 1.0 - above), (cell + 1, above)):
            weights = part * weight * columns["energy_deposit"]
            table += np.bincount(node * len(STOPPING) + knot, weights, len(table))
    return table.reshape(NODES, len(STOPPING))


def _paths(columns: dict[str, np.ndarray], node: np.ndarray) -> np.ndarray:
    way = columns["end"] - columns["start"]
    cosine = way[:, 2] / np.maximum(np.linalg.norm(way, axis=1), 1e-15)
    lean = np.clip(np.searchsorted(LEAN, np.arccos(np.clip(cosine, -1.0, 1.0)), side="right") - 1, 0, len(LEAN) - 2)
    place = (node * (len(LEAN) - 1) + lean) * len(BETA)
    table = np.zeros(NODES * (len(LEAN) - 1) * len(BETA))
    first, last = columns["beta_start"], columns["beta_end"]
    # the velocity falls evenly along the step: four points stand for it
    nodes, weights = np.polynomial.legendre.leggauss(4)
    for along, part in zip(0.5 * (nodes + 1.0), 0.5 * weights, strict=True):
        beta = first + along * (last - first)
        fast = beta > BETA[0]
        cell, above = _shared(BETA, beta[fast])
        for knot, weight in ((cell, 1.0 - above), (cell + 1, above)):
            table += np.bincount(place[fast] + knot, part * weight * columns["length"][fast], len(table))
    return table.reshape(NODES, len(LEAN) - 1, len(BETA))


def load_step_table(particle: str, material: Material) -> StepTable:
    """The mean steps of a particle in a material, in the precision that JAX works in.

    Those of mu- and e- in water, ice, LAB and mineral oil ship with the package; others are made with the built-in engine
    when they are first asked for, which takes some ten seconds, and kept for the process.
    """
    return _load(particle, material, jax.dtypes.canonicalize_dtype(float).name)


@lru_cache(maxsize=16)
def _load(particle: str, material: Material, precision: str) -> StepTable:
    """As `load_step_table`; a table read in one precision must not meet numbers of another."""
    name = next((name for name, shipped in SHIPPED.items() if shipped == material), "")
    path = files("lampyris.emission") / "tables" / f"{particle}_steps_{name}.npz"
    if name and path.is_file():
        with np.load(str(path), allow_pickle=False) as archive:
            columns = {column: archive[column] for column in archive.files}
        if str(columns["format"]) != FORMAT:
            raise LampyrisError(f"{path} is of the format {columns['format']}, not {FORMAT}.")
        columns["path"] = columns["path"].astype(np.float32) * columns["path_scale"][:, None, None, None]
        columns["deposit"] = columns["deposit"].astype(np.float32) * columns["deposit_scale"][:, None, None]
    else:
        columns = _make(particle, material)
    with jax.ensure_compile_time_eval():  # it may first be asked for while a function is traced
        names = ("u", "deposit", "path", "delay", "delay_rms", "log_scale")
        return StepTable(*(jnp.asarray(columns[n], float) for n in names), energy_range=ENERGY_RANGE[particle])


@lru_cache(maxsize=16)
def _make(particle: str, material: Material) -> dict[str, np.ndarray]:
    check_particle(particle, ENERGY_RANGE[particle][0] if particle in ENERGY_RANGE else 1.0)
    return make_step_table(particle, material, events=12)
