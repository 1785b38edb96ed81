"""Expected light at every sensor from weighted rays: the plain estimator, for any shape and surface."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._checks import fail
from lampyris._host import on_host
from lampyris._random import evenly_spread
from lampyris.detector import Detector
from lampyris.source import Source
from lampyris.transport.arrivals import Balance
from lampyris.transport.contract import ALL, Family, declared
from lampyris.transport.expectation import Arrival, Expectation, GaussianMixture, Uniform
from lampyris.transport.flight import NUMBERS, Flight, Shares
from lampyris.transport.prepared import grid_of, with_grid
from lampyris.transport.pulse import PulsedMixture, together
from lampyris.transport.reference import Earliest, Reference
from lampyris.transport.sensor_search import SensorGrid
from lampyris.transport.tally import Light, tally
from lampyris.transport.time_nodes import TimeNodes

HARD = frozenset({Family.OPTICS, Family.EFFICIENCIES, Family.RESPONSE, Family.TIME, Family.LIGHT})
"""derivatives that need no edge of a disk: nothing that they change moves a ray"""

BATCH = 2**15
"""Rays that are carried together: they bound the memory, whatever the number of rays."""

EARLY = 4
"""Nodes before the earliest light: a disk has an extent, and rays start beside the mean light of a source."""


class ExpectedValue(eqx.Module):
    """Expected charge and arrival times of every sensor, counted from weighted rays.

    `rays` rays (rounded up to a power of two) are carried for `steps` steps. At each step a ray deposits, on the sensors
    about the point where it would meet the wall, what would get there without another interaction, and goes on along
    one drawn branch: a scatter, a diffuse or a specular reflection. The disk of a sensor is soft over a `width`: its
    share falls from 1 to 0 where the squared distance from the centre passes 1 -+ `width` squared radii, which keeps its
    area; 0 is hit or miss. Light that is left after the last step is not estimated: `balance` and `left_over` tell how much.

    Light is counted for each channel at `nodes` delays behind the earliest light, fine at first and coarser later; what
    comes after the last counts there. The numbers are fixed for a `seed`. Memory is that of one batch and of the counts.
    **Gradients**: with a soft disk right, those of the soft disk, in source, medium, efficiencies, reflectances and sensor
    positions; with hit or miss right in optics (but for phase functions), efficiencies, time and the light of lamps alone.
    For derivatives in a detector inside `jax.jit`, first call `prepared` with a detector.
    """

    numbers: Float[Array, "batch dimensions"]
    shifts: Float[Array, "batches dimensions"]
    grid: SensorGrid | None
    steps: int = eqx.field(static=True)
    width: float = eqx.field(static=True)
    nodes: int = eqx.field(static=True)
    shares: Shares = eqx.field(static=True)

    def __init__(
        self,
        rays: int = 2**20,
        steps: int = 6,
        width: float = 0.5,
        nodes: int = 96,
        seed: int = 0,
        shares: tuple[float, float, float] = (0.5, 0.25, 0.25),
    ):
        if not (np.isfinite(width) and width >= 0):
            fail("ExpectedValue(width=...)", ">= 0 and finite", width)
        if steps < 1:
            fail("ExpectedValue(steps=...)", ">= 1", steps)
        if nodes < 16:
            fail("ExpectedValue(nodes=...)", ">= 16", nodes)
        self.numbers = evenly_spread(min(rays, BATCH), 4 + NUMBERS * steps, seed)
        batches = 2 ** max(int(np.ceil(np.log2(rays / BATCH))), 0)
        # each batch is the same set of points, turned by a step of its own
        draw = np.random.default_rng([seed, 1])
        self.shifts = jnp.asarray(draw.random((batches, self.numbers.shape[1])), float)
        self.grid, self.steps, self.width, self.nodes = None, steps, float(width), nodes
        self.shares = Shares(*shares)

    @property
    def gradients(self) -> frozenset[Family]:
        """Families of parameters in which derivatives are right; in others they raise."""
        return ALL if self.width > 0 else HARD

    def prepared(self, detector: Detector) -> "ExpectedValue":
        """The same transport with the search for sensors made for this detector; needs its numbers, not tracers.

        Sensors that were moved since by more than a hundredth of their radius lose the light at their edges: prepare again.
        """
        return with_grid(self, detector, np.sqrt(1.0 + self.width))

    def __call__(self, source: Source, detector: Detector) -> Expectation:
        """Expectation of one source; may be traced."""
        source, detector = declared("ExpectedValue(width=0)", self.gradients, source, detector)
        sensors = detector.sensors
        dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
        made = [self._mixtures(part, detector) for part in source.parts(detector.medium)]
        direct, indirect = (together([pair[which] for pair in made]) for which in (0, 1))
        return Expectation(direct, indirect, dark, sensors.time_offset)

    def _mixtures(self, source: Source, detector: Detector) -> tuple[Arrival, Arrival]:
        """Direct and indirect light of one kind."""
        light, times, start = self._light(source, detector)
        efficiency, pulse = detector.sensors.relative_efficiency[:, None], source.pulse(detector.medium)

        def arrival(weight: Array) -> Arrival:
            mixture = GaussianMixture(weight * efficiency, start[:, None] + times.delay, times.rms)
            return mixture if pulse is None else PulsedMixture(mixture, pulse)

        return arrival(light.charge[0]), arrival(light.charge[1])

    def balance(self, source: Source, detector: Detector) -> Balance:
        """Where the light ends, in photons: an estimate of the rays, so that it closes within their statistical error."""
        light = on_host(lambda t, s, d: t._light(s, d)[0], self.prepared(detector), source, detector)
        ended = (float(part) for part in (light.at_sensors, light.in_medium, light.in_wall, light.cut_off))
        return Balance(float(light.emitted), 0.0, *ended)

    def left_over(self, source: Source, detector: Detector) -> float:
        """Share of the emitted light that still flies after the last step and is not counted."""
        balance = self.balance(source, detector)
        return balance.cut_off / balance.emitted

    def _light(self, source: Source, detector: Detector) -> tuple[Light, TimeNodes, Array]:
        """The light of all rays, the delays at which it is counted, and where they start for each channel [ns]."""
        grid = grid_of(self, detector, np.sqrt(1.0 + self.width))
        emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
        reference = Reference.of(emitters, detector)
        start = Earliest.of(emitters, reference).at(detector.sensors.position)
        times = TimeNodes.of(detector, reference.index, self.steps, self.nodes, EARLY)
        shares = self.shares.possible(detector)

        @jax.checkpoint
        def part(shift: Array) -> Light:
            numbers = jnp.minimum((self.numbers + shift) % 1.0, 1.0 - 2.0**-24)
            flight = Flight.of(source.emit(numbers[:, :4], detector.medium))
            uniform = numbers[:, 4:].T.reshape(self.steps, NUMBERS, -1)
            return tally(flight, detector, grid, (times, start), uniform=uniform, shares=shares, width=self.width)

        def add(total: Light, shift: Array) -> tuple[Light, None]:
            return jax.tree.map(jnp.add, total, part(shift)), None

        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(part, self.shifts[0]))
        total, _ = jax.lax.scan(add, nothing, self.shifts)
        return jax.tree.map(lambda leaf: leaf / len(self.shifts), total), times, start
