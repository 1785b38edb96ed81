"""How sensors stand: flush with the wall, or as bodies out of it that shadow each other."""

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lampyris._checks import fail
from lampyris._module import Module, as_array, positive, quantity, real, unit_vector


class Caps(NamedTuple):
    """Bodies in space, one entry each: a cap of a sphere in front of a flat back."""

    base: Float[Array, "n 3"]
    """centre of the back [m]"""
    axis: Float[Array, "n 3"]
    """from the back to the top"""
    rim: Float[Array, " n"]
    """radius of the back [m]; 0 for a whole ball"""
    curvature: Float[Array, " n"]
    """radius of the sphere [m]"""
    rise: Float[Array, " n"]
    """height of the top above the back [m]"""
    channel: Int[Array, " n"]
    """of the sensor whose front the cap is, -1 for one that only blocks light"""

    @property
    def centre(self) -> Float[Array, "n 3"]:
        """Centres of the spheres [m]."""
        return self.base + self.axis * (self.rise - self.curvature)[:, None]

    @property
    def middle(self) -> Float[Array, "n 3"]:
        """Half way from back to top [m]."""
        return self.base + 0.5 * self.axis * self.rise[:, None]

    @property
    def reach(self) -> Float[Array, " n"]:
        """Radius about `middle` that holds the whole body [m]."""
        half = 0.5 * self.rise
        widest = jnp.where(self.rise > self.curvature, jnp.hypot(self.curvature, half - self.curvature), 0.0)
        return jnp.maximum(jnp.maximum(jnp.hypot(self.rim, half), half), widest)

    def joined(self, other: "Caps") -> "Caps":
        """These bodies and others."""
        return Caps(*(jnp.concatenate(pair) for pair in zip(self, other, strict=True)))


class Form(Module):
    """What light meets where a sensor stands. The front of the body is sensitive everywhere; its back, and a housing, take
    light as the wall does.
    """

    flush: ClassVar[bool] = False
    """whether sensors are disks on the wall, which every transport takes"""

    @abstractmethod
    def caps(
        self,
        position: Float[Array, "channels 3"],
        normal: Float[Array, "channels 3"],
        radius: Float[Array, " channels"],
    ) -> Caps:
        """The bodies of sensors at these positions [m], with these axes and radii [m]."""

    def take(self, index: Array) -> "Form":
        """The form of these channels alone."""
        return self


class Flush(Form):
    """Disks on the wall: `position` is the centre, `radius` that of the disk. Nothing stands out, nothing is shadowed."""

    flush = True

    def caps(self, position: Array, normal: Array, radius: Array) -> Caps:
        none = jnp.zeros(0)
        return Caps(jnp.zeros((0, 3)), jnp.zeros((0, 3)), none, none, none, jnp.zeros(0, jnp.int32))


class Dome(Form):
    """Caps of spheres, as the window of a tube: `position` is the centre of the rim, `radius` that of the rim, and the top
    stands `rise` above it along the axis, which need not be the normal of the wall.

    A rise equal to the radius is a half sphere; a small one a nearly flat, tilted disk.
    """

    rise: Float[Array, "..."] = quantity(
        "height of the top above the rim, common or of each channel", "m", positive, None, converter=as_array
    )

    def take(self, index: Array) -> "Dome":
        return self if self.rise.ndim == 0 else Dome(self.rise[index])

    def caps(self, position: Array, normal: Array, radius: Array) -> Caps:
        if self.rise.shape not in ((), radius.shape):
            fail("Dome(rise=...)", f"one number or {radius.size} of them", str(self.rise.shape))
        rise = jnp.broadcast_to(self.rise, radius.shape)
        curvature = 0.5 * (radius**2 + rise**2) / rise
        return Caps(position, normal, radius, curvature, rise, jnp.arange(radius.shape[0], dtype=jnp.int32))


class Ball(Form):
    """Whole spheres, on the wall or free in the volume as on a string: `position` is the centre, `radius` that of the
    sphere. All of it is sensitive.
    """

    def caps(self, position: Array, normal: Array, radius: Array) -> Caps:
        base = position - normal * radius[:, None]
        channel = jnp.arange(radius.shape[0], dtype=jnp.int32)
        return Caps(base, normal, jnp.zeros_like(radius), radius, 2.0 * radius, channel)


class Housing(Module):
    """Domes that carry sensors and block light, as those of multi-PMT modules; they take light as the wall does."""

    position: Float[Array, "modules 3"] = quantity("centres of the rims", "m", real, ("modules", 3), converter=as_array)
    normal: Float[Array, "modules 3"] = quantity("axes", "", unit_vector, ("modules", 3), converter=as_array)
    radius: Float[Array, " modules"] = quantity("radii of the rims", "m", positive, ("modules",), converter=as_array)
    rise: Float[Array, " modules"] = quantity(
        "heights of the tops above the rims", "m", positive, ("modules",), converter=as_array
    )

    def caps(self) -> Caps:
        """The bodies, of no channel."""
        return (
            Dome(self.rise)
            .caps(self.position, self.normal, self.radius)
            ._replace(channel=jnp.full(self.radius.shape, -1, jnp.int32))
        )
