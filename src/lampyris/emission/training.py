"""From a particle's name to its profile: simulate, tabulate, learn; taken up where it was when it was stopped."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lampyris._checks import LampyrisError, fail
from lampyris._host import on_host
from lampyris.emission.cherenkov import BAND, band_energies
from lampyris.emission.learn import Learner, Sample, learn
from lampyris.emission.light_shape import LightShape
from lampyris.emission.light_table import EnergyRow, Scale, energy_grid, events_at, make_row, pilot
from lampyris.emission.packed import pack, unpack
from lampyris.emission.profile import TrackProfile, check_plain_water
from lampyris.emission.smooth import SmoothCurve, fit_curve, scaled
from lampyris.emission.tabulate import YieldTable
from lampyris.medium import Medium
from lampyris.particle.engine import check_particle
from lampyris.units import PLANCK_TIMES_C

FORMAT = "lampyris-training-2"
STRIDE, SAVED_EVERY = 100, 500
"""Steps that are taken together, and between two files of the state."""
INDEX_KNOTS = 33
FEWEST_ENERGIES = 6
LIGHT_PARTICLES = ("e-", "e+", "gamma")
EVENTS = {"pi+": 1200, "pi-": 1200}
"""Particles at 1 GeV: more where nuclei make the light fluctuate."""
Tell = Callable[[str, int, int, float], None]
"""What is told of progress: stage, done, of how many, loss (NaN before training)."""


class Recipe(NamedTuple):
    """What makes a profile, and alone decides it, together with the medium."""

    particle: str
    low: float
    """lowest kinetic energy [MeV]"""
    high: float
    """highest kinetic energy [MeV]"""
    energies: int
    events: int
    """particles at 1 GeV; more below"""
    photons: float
    """samples of where the light of each energy comes from"""
    steps: int
    seed: int

    @staticmethod
    def of(
        particle: str, low: float | None = None, high: float = 3000.0, events: int | None = None, **rest
    ) -> "Recipe":
        """The recipe of the profiles that ship, or a changed one; raises `LampyrisError` where it cannot be."""
        low = (10.0 if particle in LIGHT_PARTICLES else 100.0) if low is None else low
        events = EVENTS.get(particle, 300) if events is None else events
        recipe = Recipe(
            particle, low, high, events=events, **({"energies": 32, "photons": 2e6, "steps": 6000, "seed": 1} | rest)
        )
        recipe.check()
        return recipe

    def check(self) -> None:
        """Raise `LampyrisError` for an unknown particle or numbers that make no profile."""
        check_particle(self.particle, self.low, "low")
        check_particle(self.particle, self.high, "high")
        if self.low >= self.high:
            fail("low", f"below high = {self.high:g}", self.low, "MeV")
        for name, least in (("energies", FEWEST_ENERGIES), ("events", 2), ("steps", 1), ("seed", 0), ("photons", 1e4)):
            if not getattr(self, name) >= least:
                fail(name, f"at least {least:g}", getattr(self, name))


class Training:
    """The training of one profile, with its state in a file; a file of another recipe or medium is refused.

    Raises `LampyrisError` in media that scintillate or are not water: their light is predicted without a profile.
    """

    def __init__(self, recipe: Recipe, medium: Medium, part: Path | str):
        recipe.check()
        check_plain_water(f"The profile of {recipe.particle}", medium)
        self.recipe, self.part = recipe, Path(part)
        self.yields = YieldTable.of(medium)
        wavelength = PLANCK_TIMES_C / np.linspace(*band_energies(BAND), INDEX_KNOTS)
        self.index_table = np.stack([wavelength, on_host(medium.refractive_index, wavelength)])
        self.identity = {"recipe": recipe._asdict(), "band": list(BAND), "lampyris": version("lampyris")}
        self.identity["index"] = self.index_table[1].astype(float).round(6).tolist()
        self.key = jax.random.fold_in(jax.random.key(recipe.seed), 0)
        self.energies = energy_grid(recipe.low, recipe.high, recipe.energies)
        self.arrays = self._taken_up()

    def run(self, tell: Tell, provenance: str = "") -> TrackProfile:
        """Do what is left and give the profile; the state is on disk after every energy and every few hundred steps."""
        scale = self._scale(tell)
        rows = [self._row(number, scale, tell) for number in range(self.recipe.energies)]
        sample, learner = self._begin(rows)
        done = int(self.arrays.get("step", 0))
        if done:
            learner = self._restored(learner)
        key, steps, loss = jax.random.fold_in(self.key, 2), self.recipe.steps, float(self.arrays.get("loss", np.nan))
        while done < steps:
            tell("training", done, steps, loss)
            count = min(STRIDE, steps - done)
            learner, value = learn(learner, sample, key, jnp.asarray(done), jnp.asarray(steps), count=count)
            done, loss = done + count, float(value)
            if not np.isfinite(loss):
                raise LampyrisError(
                    f"The training of {self.recipe.particle} diverged at step {done}; try another seed."
                )
            if done % SAVED_EVERY == 0 or done == steps:
                self._save(learner, done, loss)
        tell("training", steps, steps, loss)
        return self._profile(learner.shape, scale, rows, provenance)

    def _taken_up(self) -> dict[str, np.ndarray]:
        """What an earlier run has left."""
        if not self.part.exists():
            return {}
        header, arrays = unpack(self.part, FORMAT, "state of a training")
        for name, value in self.identity.items():
            if header.get(name) != value:
                raise LampyrisError(f"{self.part} is of a training with another {name}; give that one's, or remove it.")
        return arrays

    def _write(self) -> None:
        pack(self.part, FORMAT, self.identity, self.arrays)

    def _scale(self, tell: Tell) -> Scale:
        """The unit of distance and the bins."""
        if "edges" not in self.arrays:
            tell("looking ahead", 0, 1, np.nan)
            key = jax.random.fold_in(self.key, 0)
            found = pilot(self.recipe.particle, self.energies, self.recipe.events, self.yields, key)
            self.arrays |= {"edges": found.edges, "length": np.asarray(found.length.series, np.float32)}
            self._write()
        band = (self.recipe.low, self.recipe.high)
        return Scale(SmoothCurve(self.arrays["length"], band), self.arrays["edges"])

    def _row(self, number: int, scale: Scale, tell: Tell) -> EnergyRow:
        """The light of one energy."""
        names = [f"row_{number}_{name}" for name in EnergyRow._fields]
        if names[0] not in self.arrays:
            tell("simulating", number, self.recipe.energies, np.nan)
            energy, key = self.energies[number], jax.random.fold_in(jax.random.fold_in(self.key, 1), number)
            events = events_at(energy, self.recipe.events)
            made = make_row(self.recipe.particle, energy, events, self.recipe.photons, scale, self.yields, key)
            self.arrays |= dict(zip(names, made, strict=True))
            self._write()
        return EnergyRow(*(self.arrays[name] for name in names))

    def _begin(self, rows: list[EnergyRow]) -> tuple[Sample, Learner]:
        """What to learn, and the networks before it."""
        light, delay, rms = (np.stack([getattr(row, name) for row in rows]) for name in ("light", "delay", "delay_rms"))
        shares = light.sum(axis=2) / light.sum()
        unit = float(np.sqrt((shares * (delay**2 + rms**2)).sum()))
        # photons of the mean wavelength of the band, from a particle at light speed
        ring = float(np.arccos(1.0 / self.index_table[1].mean()))
        sample = Sample.of(light, scaled(self.energies, (self.recipe.low, self.recipe.high)), delay, rms)
        return sample, Learner.start(LightShape.start(ring, unit, key=jax.random.fold_in(self.key, 3)))

    def _save(self, learner: Learner, done: int, loss: float) -> None:
        leaves = {f"leaf_{number}": np.asarray(leaf) for number, leaf in enumerate(jax.tree.leaves(learner))}
        self.arrays |= leaves | {"step": np.array(done), "loss": np.array(loss)}
        self._write()

    def _restored(self, start: Learner) -> Learner:
        leaves, structure = jax.tree.flatten(start)
        taken = [jnp.asarray(self.arrays[f"leaf_{number}"]) for number in range(len(leaves))]
        return jax.tree.unflatten(structure, taken)

    def _profile(self, shape: LightShape, scale: Scale, rows: list[EnergyRow], provenance: str) -> TrackProfile:
        """The profile with its smooth curves."""
        photons, place = np.stack([row.photons for row in rows]), np.stack([row.place for row in rows])
        root = np.sqrt(np.stack([row.events for row in rows]))
        spread = 1.0 / (np.sqrt(2.0) * root)
        return TrackProfile(
            shape=shape,
            photons=fit_curve(self.energies, photons[:, 0], photons[:, 1] / photons[:, 0] / root + 1e-5),
            photons_rms=fit_curve(self.energies, photons[:, 1], spread, most=6),
            length=scale.length,
            distance=fit_curve(self.energies, place[:, 0], place[:, 1] / place[:, 0] / root + 1e-5),
            distance_rms=fit_curve(self.energies, place[:, 1], spread, most=6),
            edges=scale.edges,
            index_table=self.index_table,
            particle=self.recipe.particle,
            provenance=f"lampyris {self.identity['lampyris']}, built-in engine: {provenance or self.recipe}",
        )
