"""Steps of slow electrons merged into steps as long and as straight as those that the Geant4 tables were made from.

The tables turned Geant4 steps into light: a step shone along the direction with which its electron entered it, with its
length times the mean of the Frank-Tamm yields at its two ends. A step ended where it had made 100 photons, at the step
function (0.2, 1 mm) of the range, at the Cherenkov threshold or at a collision; electrons below 2 MeV live for one to
three of them. The engine resolves those tracks, bends them and so sends more light sideways and back. The merged steps
answer what the engine would have given with steps like that.
"""

from contextlib import contextmanager

import numpy as np

from lampyris.emission.tabulate import YieldTable
from lampyris.particle import shower
from lampyris.particle.energy_loss import beta_of
from lampyris.particle.material import WATER
from lampyris.particle.rates import restricted_range
from lampyris.units import ELECTRON_MASS

PHOTONS_PER_STEP, RANGE_SHARE, FINAL_RANGE = 100.0, 0.2, 1e-3
SLOW = 3.0
"""Kinetic energy [MeV] below which steps are merged; above, the engine's own steps bend little."""

FINE_UP_TO, FINE = 100.0, (0.05, 2.29e-3)
"""Energy [MeV] of the events up to which the engine makes steps as short as those of the tables, all of which are then
merged; share of the energy that is lost in such a step, and its largest length [m].

Events of more energy have their own steps above `SLOW`: it is the beginning of a single electron that shows them.
"""

PRODUCTION_CUT = 0.163
"""Kinetic energy [MeV] of the electrons above which the tables made them one by one."""


def longest_step(yields: YieldTable, kinetic: np.ndarray) -> np.ndarray:
    """Length [m] of an undisturbed Geant4 step of an electron of kinetic energy [MeV]."""
    table = restricted_range(WATER, PRODUCTION_CUT, -1)
    reach = table.range(kinetic)
    threshold = ELECTRON_MASS * (1.0 / np.sqrt(1.0 - yields.index.max() ** -2.0) - 1.0)
    free = RANGE_SHARE * reach + FINAL_RANGE * (1.0 - RANGE_SHARE) * (2.0 - FINAL_RANGE / reach)
    limits = [
        np.where(reach > FINAL_RANGE, free, reach),
        PHOTONS_PER_STEP / np.maximum(yields.at(beta_of(kinetic, ELECTRON_MASS)), 1.0),
        np.where(kinetic > threshold, reach - table.range(threshold), reach),
    ]
    return np.minimum.reduce(limits)


@contextmanager
def fine_steps(energy: float):
    """Let the engine make no step of an event of little energy longer than those of the tables."""
    own = shower.LOSS_PER_STEP, shower.LONGEST_STEP
    if energy <= FINE_UP_TO:
        shower.LOSS_PER_STEP, shower.LONGEST_STEP = FINE
    yield
    shower.LOSS_PER_STEP, shower.LONGEST_STEP = own


def merge_steps(columns: dict[str, np.ndarray], yields: YieldTable, energy: float) -> dict[str, np.ndarray]:
    """Merge neighbouring steps of electrons of an event of `energy` [MeV], up to the length of a Geant4 step.

    A merged step begins where its first begins, leads straight on as far as its last ends, and has their length.
    """
    beta = columns["beta_start"]
    kinetic = ELECTRON_MASS * (1.0 / np.sqrt(np.maximum(1.0 - beta**2, 1e-14)) - 1.0)
    slow = (np.abs(columns["pdg"]) == 11) & (kinetic < (np.inf if energy <= FINE_UP_TO else SLOW))
    follows = slow[1:] & slow[:-1] & (columns["track"][1:] == columns["track"][:-1])
    # a collision takes energy between two steps
    follows &= np.abs(beta[1:] - columns["beta_end"][:-1]) < 1e-9
    follows = np.concatenate([[False], follows])
    passed = np.cumsum(columns["length"])
    begins = ~follows
    limit = longest_step(yields, np.maximum(kinetic, 0.011))
    first = np.flatnonzero(begins)
    opened = first
    # every chain of steps is cut again and again at the step that comes nearest to the limit of its first
    while len(opened):
        goal = passed[opened] - columns["length"][opened] + limit[opened]
        place = np.maximum(np.searchsorted(passed, goal), opened)
        nearer = (place > opened) & (
            goal - passed[np.maximum(place - 1, 0)] < passed[np.minimum(place, len(beta) - 1)] - goal
        )
        nxt = np.where(nearer, place, place + 1)
        chain_end = np.searchsorted(first, opened, side="right")
        end = np.where(chain_end < len(first), first[np.minimum(chain_end, len(first) - 1)], len(beta))
        opened = nxt[nxt < end]
        begins[opened] = True
    starts = np.flatnonzero(begins)
    ends = np.concatenate([starts[1:], [len(beta)]]) - 1
    merged = {name: values[starts] for name, values in columns.items()}
    merged["beta_end"] = columns["beta_end"][ends]
    way = columns["end"] - columns["start"]
    reach = np.linalg.norm(columns["end"][ends] - merged["start"], axis=1)
    ahead = way[starts] / np.maximum(np.linalg.norm(way[starts], axis=1), 1e-15)[:, None]
    merged["end"] = merged["start"] + reach[:, None] * ahead
    for name in ("length", "energy_deposit"):
        merged[name] = np.add.reduceat(columns[name], starts)
    return merged


def light_by_ends(columns: dict[str, np.ndarray], yields: YieldTable) -> np.ndarray:
    """Light of steps by the rule of the tables: length times the mean of the yields at both ends."""
    return 0.5 * (yields.at(columns["beta_start"]) + yields.at(columns["beta_end"])) * columns["length"]
