"""The default transport of predictions: direct light integrated, indirect light from few rays on a smooth basis."""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from lampyris._checks import LampyrisWarning, fail
from lampyris._random import evenly_spread
from lampyris.detector import Detector
from lampyris.rays import Rays
from lampyris.source import Emitters, Source
from lampyris.transport.contract import ALL, Family
from lampyris.transport.direct import DistanceTable, direct_light
from lampyris.transport.disk_mirrors import STRETCH, WIDTH, mirrored_by_disks
from lampyris.transport.expectation import Arrival, Expectation, Uniform
from lampyris.transport.flight import BOTH, MIRRORED, NUMBERS, SCATTERED, TWICE, UNTOUCHED, Shares
from lampyris.transport.indirect import SmoothLight, smooth_at_sensors, trace, with_rest
from lampyris.transport.mirrored import MOMENTS, mirrored_arrival, mirrored_at_sensors, mirrored_light, reflected
from lampyris.transport.prepared import grid_of, has_numbers, with_grid
from lampyris.transport.pulse import PulsedArrival, PulsedMixture, together
from lampyris.transport.reference import Coverage, Earliest, Reference
from lampyris.transport.scattered import scattered_at_sensors, scattered_light, scattered_rays
from lampyris.transport.sensor_search import SensorGrid, SoftDisks
from lampyris.transport.time_nodes import Delays, TimeNodes
from lampyris.transport.wall_grid import WallGrid
from lampyris.transport.waves import Waves

CHUNK = 512
"""Rays that are worked on together: what belongs to them stays in the cache, with all its derivatives."""


class Hybrid(eqx.Module):
    """Expected charge and arrival times of every sensor.

    Direct light has no noise. Indirect light comes from `rays` rays (rounded up to a power of two, at least 512) with
    fixed quasi-random numbers (`seed`), carried for `steps` steps and projected on polynomials of `degree` on the faces
    of the wall; its shares at `nodes` delays behind the earliest light use those up to `time_degree`. The light that is
    left after the last step is estimated from the last steps and added.

    What is not smooth has rays of its own and is resolved on cells along each side of the detector: the light that
    scattered once, with `scatter_rays` on `scatter_cells` (from three `steps` on), and, where surfaces are specular, the first
    mirror image of the direct light, with `mirror_rays` on `cells`, apart for each face of the wall and by its delay. With
    `orders` 2 (and four `steps`) the image of the image is resolved too, and light that both scattered once and was mirrored
    once: where surfaces mirror much of the light it is worth the double work. Else they are taken as smooth.
    The light of a lamp, which is one point, makes a pattern of bright and dark mirrors, and a curved wall throws it together:
    what each sensor mirrors, and what is thrown on it, is then integrated over `mirror_points` points of its disk (0: averaged
    over, and read at its centre). What sensors mirror needs `prepared` where the detector is traced.

    **Gradients**: right and smooth in source and medium, in the efficiencies and the reflectances; sensor positions move
    direct light right, while their coverage enters indirect light as a polynomial on each face, or as soft disks.
    """

    numbers: Float[Array, "rays dimensions"]
    mirror_numbers: Float[Array, "mirror_rays 4"]
    scatter_numbers: Float[Array, "scatter_rays 9"]
    grid: SensorGrid | None
    steps: int = eqx.field(static=True)
    degree: int = eqx.field(static=True)
    time_degree: int = eqx.field(static=True)
    cells: int = eqx.field(static=True)
    mirror_points: int = eqx.field(static=True)
    scatter_cells: int = eqx.field(static=True)
    shares: Shares = eqx.field(static=True)
    nodes: int = eqx.field(static=True)
    orders: int = eqx.field(static=True)

    def __init__(
        self,
        rays: int = 2048,
        steps: int = 4,
        degree: int = 6,
        time_degree: int = 6,
        seed: int = 0,
        mirror_rays: int = 16384,
        cells: int = 32,
        scatter_rays: int = 16384,
        scatter_cells: int = 16,
        shares: tuple[float, float, float] = (0.5, 0.25, 0.25),
        nodes: int = 48,
        mirror_points: int = 32,
        orders: int = 1,
    ):
        for name, value, least in (("steps", steps, 2), ("cells", cells, 1), ("mirror_points", mirror_points, 0)):
            if value < least:
                fail(f"Hybrid({name}=...)", f">= {least}", value)
        if orders not in (1, 2):
            fail("Hybrid(orders=...)", "1 or 2", orders)
        self.numbers = evenly_spread(rays, 4 + NUMBERS * steps, seed)
        self.mirror_numbers = evenly_spread(mirror_rays, 4, seed + 1)
        self.scatter_numbers = evenly_spread(scatter_rays, 4 + NUMBERS, seed + 2)
        self.steps, self.degree, self.time_degree = steps, degree, min(time_degree, degree)
        self.cells, self.scatter_cells, self.mirror_points, self.grid = cells, scatter_cells, mirror_points, None
        self.shares, self.nodes, self.orders = Shares(*shares), nodes, orders

    @property
    def gradients(self) -> frozenset[Family]:
        """Families of parameters in which derivatives are right: all but sensor positions, right in direct light alone.

        Those are given nevertheless, so that the gradient in a whole detector can be had.
        """
        return ALL - {Family.SENSORS}

    def prepared(self, detector: Detector) -> "Hybrid":
        """The same transport with the search for sensors made for this detector; needs its numbers, not tracers.

        Sensors that were moved since by more than a hundredth of their radius lose the light at their edges: prepare again.
        """
        return with_grid(self, detector, STRETCH)

    def searches(self, source: Source, detector: Detector) -> bool:
        """Whether predictions of a source resolve what sensors mirror, for which they search the sensors."""

        def emitters(part: Source) -> Emitters:
            return part.emitters(detector.medium, detector.sensors.quantum_efficiency)

        parts = source.parts(detector.medium)
        return any(self._resolves_disks(eqx.filter_eval_shape(emitters, part), detector) for part in parts)

    def _resolves_disks(self, emitters: Emitters, detector: Detector) -> bool:
        return self.mirror_points > 0 and len(emitters.position) == 1 and detector.sensors.surface.mirrors

    def __call__(self, source: Source, detector: Detector) -> Expectation:
        """Expectation of one source; may be traced."""
        sensors = detector.sensors
        dark = Uniform(jnp.broadcast_to(sensors.dark_charge, (sensors.count,)), sensors.window)
        parts = source.parts(detector.medium)
        light = self._direct_of(parts, detector), self._indirect_of(parts, detector)
        return Expectation(*light, dark, sensors.time_offset)

    def direct(self, source: Source, detector: Detector) -> Arrival:
        """The direct light alone, of all kinds of light of the source."""
        return self._direct_of(source.parts(detector.medium), detector)

    def _direct_of(self, parts: tuple[Source, ...], detector: Detector) -> Arrival:
        return together([self._direct(part, detector) for part in parts])

    def _direct(self, source: Source, detector: Detector) -> Arrival:
        """The direct light of one kind."""
        emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
        table = DistanceTable.of(detector, emitters.wavelength, emitters.spectrum)
        light, pulse = direct_light(emitters, detector, table), source.pulse(detector.medium)
        return light if pulse is None else PulsedMixture(light, pulse)

    def indirect(self, source: Source, detector: Detector) -> Arrival:
        """The indirect light alone, of all kinds of light of the source."""
        return self._indirect_of(source.parts(detector.medium), detector)

    def _indirect_of(self, parts: tuple[Source, ...], detector: Detector) -> Arrival:
        lights = [(self._indirect(part, detector), part.pulse(detector.medium)) for part in parts]
        return together([light if pulse is None else PulsedArrival(light, pulse) for light, pulse in lights])

    def _indirect(self, source: Source, detector: Detector) -> Arrival:
        """The indirect light of one kind, as if its photons did not lag behind."""
        coverage = Coverage.of(detector)
        emitters = source.emitters(detector.medium, detector.sensors.quantum_efficiency)
        reference = Reference.of(emitters, detector)
        delays = self._delays(emitters, reference, detector)
        steps, _ = self._smooth(source, detector, coverage, delays)
        whole = with_rest(steps, delays.nodes)
        search = self._search(emitters, detector)
        mirrors = coverage if search is None else SoftDisks(search, WIDTH)
        sharp = self._scattered(source, detector, mirrors, delays)
        smooth = smooth_at_sensors(whole, sharp, detector, delays, degree=self.degree, time_degree=self.time_degree)
        if MIRRORED not in self._sharp(detector):
            return smooth
        images = self._mirrored(source, detector, mirrors, emitters)
        return together([smooth, mirrored_arrival(images, detector, reference)])

    def _delays(self, emitters: Emitters, reference: Reference, detector: Detector) -> Delays:
        """Where delays start, and the delays at which indirect light is counted."""
        nodes = TimeNodes.of(detector, reference.index, self.steps, self.nodes)
        return Delays(Earliest.of(emitters, reference), nodes)

    def left_over(self, source: Source, detector: Detector) -> Float[Array, ""]:
        """Share of the detectable light that still flies after the last step: what is not followed but estimated."""
        flying, detectable = jnp.zeros(()), jnp.zeros(())
        for part in source.parts(detector.medium):
            emitters = part.emitters(detector.medium, detector.sensors.quantum_efficiency)
            delays = self._delays(emitters, Reference.of(emitters, detector), detector)
            steps, own = self._smooth(part, detector, Coverage.of(detector), delays)
            flying, detectable = flying + steps.flying[-1], detectable + own
        return flying / detectable

    def _smooth(
        self, source: Source, detector: Detector, coverage: Coverage, delays: Delays
    ) -> tuple[SmoothLight, Array]:
        """Smooth light on the wall after every step, and the emitted light weighted with the quantum efficiency."""
        shares = self.shares.possible(detector)
        # once for all: what light a track gives takes longer than to carry a chunk of it
        rays = source.emit(self.numbers[:, :4], detector.medium)

        def part(chunk: tuple[Rays, Array]) -> SmoothLight:
            own, numbers = chunk
            return trace(
                own,
                detector,
                coverage,
                delays,
                uniform=numbers.T.reshape(self.steps, NUMBERS, -1),
                shares=shares,
                degree=self.degree,
                time_degree=self.time_degree,
                sharp=self._sharp(detector),
            )

        light = _sum_over_chunks(part, (rays, self.numbers[:, 4:]))
        return light, (rays.weight * detector.sensors.quantum_efficiency(rays.wavelength)).sum()

    def _sharp(self, detector: Detector) -> tuple[int, ...]:
        """Histories of light that is not smooth; what is left after the last step is made of light that is."""
        mirrors = detector.wall.mirrors or detector.sensors.surface.mirrors
        scatters = bool(detector.medium.scatterers)
        again = mirrors and self.orders > 1 and self.steps > 3
        wanted = {
            UNTOUCHED: True,
            MIRRORED: mirrors,
            SCATTERED: scatters and self.steps > 2,
            TWICE: again,
            BOTH: again and scatters,
        }
        return tuple(history for history, sharp in wanted.items() if sharp)

    def _scattered(self, source: Source, detector: Detector, mirrors: Coverage | SoftDisks, delays: Delays) -> Array:
        """Light per area at every sensor and delay that scattered once, where it is resolved."""
        sharp = self._sharp(detector)
        if SCATTERED not in sharp:
            return jnp.zeros((detector.sensors.count, self.nodes))
        rays, numbers = source.emit(self.scatter_numbers[:, :4], detector.medium), self.scatter_numbers[:, 4:].T
        groups = [scattered_rays(rays, numbers, detector)]
        if BOTH in sharp:
            groups.append(reflected(groups[0], detector, mirrors))
            groups.append(scattered_rays(reflected(rays, detector, mirrors), numbers, detector))
        grid = WallGrid.of(detector.shape, self.scatter_cells)
        return scattered_at_sensors(scattered_light(groups, detector, delays, grid), detector, grid)

    def _mirrored(self, source: Source, detector: Detector, mirrors: Coverage | SoftDisks, emitters: Emitters) -> Array:
        """The direct light after mirror reflections, at every sensor and apart for each wave.

        The first image of one point is sharp: disks are resolved, which may be brighter on one side and mirror another share
        than the wall between them.
        """
        again = TWICE in self._sharp(detector)
        waves, grid = Waves.of(emitters, detector, again), WallGrid.of(detector.shape, self.cells)
        light, first = jnp.zeros((detector.sensors.count, waves.count, MOMENTS)), mirrors
        if isinstance(mirrors, SoftDisks):
            # what disks mirror more than bare wall, which is all that is left to the rays
            light, first = mirrored_by_disks(emitters, detector, mirrors.grid, waves, self.mirror_points), None
            if not (again or detector.wall.mirrors):
                return light
        rays = source.emit(self.mirror_numbers, detector.medium)
        once = reflected(rays, detector, first)
        twice = reflected(reflected(rays, detector, mirrors), detector, mirrors) if again else None
        points = self.mirror_points if len(emitters.position) == 1 else 0
        return light + mirrored_at_sensors(mirrored_light(once, twice, detector, waves, grid), detector, grid, points)

    def _search(self, emitters: Emitters, detector: Detector) -> SensorGrid | None:
        """The search for what disks mirror; none, with a warning, where a detector is traced and none was prepared."""
        if not self._resolves_disks(emitters, detector):
            return None
        if self.grid is None and not has_numbers(detector):
            warnings.warn(
                "`Hybrid` averages over what shiny sensors mirror of this lamp, because the detector is traced: call "
                "`transport.prepared(detector)` outside `jax.jit`, or ask for `mirror_points=0`.",
                LampyrisWarning,
                stacklevel=2,
            )
            return None
        return grid_of(self, detector, STRETCH)


def _sum_over_chunks(part, columns):
    """Sum of a function of chunks of the rays."""
    count = jax.tree.leaves(columns)[0].shape[0]
    chunks = jax.tree.map(lambda column: column.reshape(-1, min(CHUNK, count), *column.shape[1:]), columns)
    return jax.tree.map(lambda column: column.sum(axis=0), jax.lax.map(part, chunks))
