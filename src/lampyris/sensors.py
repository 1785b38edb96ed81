"""Light sensors: where they are and how they answer."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lampyris._module import Module, as_array, fraction, non_negative, positive, quantity, real, unit_vector
from lampyris.form import Caps, Flush, Form, Housing
from lampyris.spectrum import Spectrum, as_spectrum
from lampyris.surface import Lambertian, Surface


class Acceptance(Module):
    """Relative sensitivity of a sensor to light at an angle to its axis."""

    @abstractmethod
    def __call__(self, cosine: Array) -> Array:
        """Sensitivity between 0 and 1 at the cosine of incidence; the flux through the disk is counted apart."""


class UniformAcceptance(Acceptance):
    """The same sensitivity at every angle: what falls on the disk counts."""

    def __call__(self, cosine: Array) -> Array:
        return jnp.ones_like(cosine)


class CosineAcceptance(Acceptance):
    """1 - falloff (1 - cosine): a linear loss towards grazing light."""

    falloff: Float[Array, ""] = quantity("loss at grazing incidence", domain=fraction, converter=as_array)

    def __call__(self, cosine: Array) -> Array:
        return 1.0 - self.falloff * (1.0 - jnp.clip(cosine, 0.0, 1.0))


class Sensors(Module):
    """One channel each: disks flush with the wall, or bodies of another `form`; and the response that they share."""

    position: Float[Array, "channels 3"] = quantity(
        "centres of the disks", "m", real, ("channels", 3), converter=as_array
    )
    normal: Float[Array, "channels 3"] = quantity(
        "axes, into the volume", "", unit_vector, ("channels", 3), converter=as_array
    )
    radius: Float[Array, " channels"] = quantity("disk radii", "m", positive, ("channels",), converter=as_array)
    relative_efficiency: Float[Array, " channels"] = quantity(
        "efficiency relative to the common one", "", non_negative, ("channels",), converter=as_array
    )
    gain: Float[Array, " channels"] = quantity(
        "recorded charge per photoelectron", "", positive, ("channels",), converter=as_array
    )
    time_offset: Float[Array, " channels"] = quantity(
        "recorded minus true time", "ns", real, ("channels",), converter=as_array
    )
    quantum_efficiency: Spectrum = quantity(
        "quantum times collection efficiency", "", fraction, None, converter=as_spectrum
    )
    acceptance: Acceptance
    surface: Surface
    transit_time_spread: Float[Array, "..."] = quantity(
        "rms of the photoelectron time, common or of each channel", "ns", positive, None, converter=as_array
    )
    charge_spread: Float[Array, ""] = quantity(
        "rms of the charge of one photoelectron", "pe", positive, converter=as_array
    )
    dark_rate: Float[Array, ""] = quantity("dark noise of one channel", "kHz", non_negative, converter=as_array)
    window: Float[Array, "2"] = quantity("start and end of the read-out", "ns", real, (2,), converter=as_array)
    form: Form = Flush()
    housing: Housing | None = None

    def bodies(self) -> Caps:
        """What stands out of the wall or in the volume: sensors, unless they are flush, and housings."""
        caps = self.form.caps(self.position, self.normal, self.radius)
        return caps if self.housing is None else caps.joined(self.housing.caps())

    @property
    def flush(self) -> bool:
        """Whether all sensors are disks on the wall and nothing stands out of it."""
        return self.form.flush and self.housing is None

    def take(self, index: Array) -> "Sensors":
        """These channels alone, with the shared response."""

        spreads = jnp.ndim(self.transit_time_spread) > 0

        def per_channel(s: "Sensors") -> tuple[Array, ...]:
            own = (s.transit_time_spread,) if spreads else ()
            return s.position, s.normal, s.radius, s.relative_efficiency, s.gain, s.time_offset, *own

        taken = eqx.tree_at(per_channel, self, tuple(column[index] for column in per_channel(self)))
        return eqx.tree_at(lambda s: s.form, taken, self.form.take(index))

    @property
    def count(self) -> int:
        """Number of channels."""
        return self.position.shape[0]

    @property
    def area(self) -> Float[Array, " channels"]:
        """Areas of the disks [m^2]."""
        return jnp.pi * self.radius**2

    @property
    def time_spread(self) -> Float[Array, " channels"]:
        """Transit time spread of each channel [ns]."""
        return jnp.broadcast_to(self.transit_time_spread, (self.count,))

    def sensitivity(self, cosine: Array, wavelength: Array) -> Array:
        """Probability of a photoelectron from light absorbed in a sensor of relative efficiency 1, at the cosine of
        incidence and the wavelength [nm]. **Gradients**: right.
        """
        return self.quantum_efficiency(wavelength) * self.acceptance(cosine)

    @property
    def dark_charge(self) -> Float[Array, ""]:
        """Expected dark photoelectrons of one channel in the window."""
        return self.dark_rate * 1e-6 * (self.window[1] - self.window[0])


def make_sensors(
    position: Array,
    normal: Array,
    radius: Array | float,
    quantum_efficiency: Spectrum | float = 1.0,
    **shared,
) -> Sensors:
    """Sensors with efficiencies and gains 1 and time offsets 0; `shared` overrides the fields common to all.

    Defaults: uniform acceptance, black surface, 2.1 ns transit time spread, 0.4 photoelectrons charge spread,
    no dark noise, a window of -200 to 1000 ns.
    """
    count = np.shape(position)[0]
    ones = np.ones(count)
    defaults = {
        "acceptance": UniformAcceptance(),
        "surface": Lambertian(0.0),
        "transit_time_spread": 2.1,
        "charge_spread": 0.4,
        "dark_rate": 0.0,
        "window": [-200.0, 1000.0],
        "relative_efficiency": ones,
        "gain": ones,
        "time_offset": np.zeros(count),
    }
    radii = np.broadcast_to(np.asarray(radius, float), (count,))
    return Sensors(position, normal, radii, quantum_efficiency=quantum_efficiency, **(defaults | shared))
