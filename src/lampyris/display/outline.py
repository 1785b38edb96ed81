"""Edges of a detector, for the eye: lines in space and on the unrolled wall."""

from functools import singledispatch
from typing import NamedTuple

import numpy as np

from lampyris.shape import Box, Cylinder, Shape, Sphere


class Outline(NamedTuple):
    """Lines in space, (n, 3) each, and on the map, (n, 2) each [m]."""

    space: list[np.ndarray]
    flat: list[np.ndarray]


def _circle(points: int = 97) -> np.ndarray:
    angle = np.linspace(0.0, 2.0 * np.pi, points)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _rectangle(left: float, right: float, bottom: float, top: float) -> np.ndarray:
    return np.array([[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]])


@singledispatch
def outline(shape: Shape) -> Outline:
    """Edges of the shape; a shape that is not known here has none and is shown by its sensors alone."""
    return Outline([], [])


@outline.register
def _(shape: Cylinder) -> Outline:
    radius, half = float(shape.radius), 0.5 * float(shape.height)
    rims = [np.column_stack([radius * _circle(), np.full(97, side * half)]) for side in (1.0, -1.0)]
    width, gap = np.pi * radius, half + 1.03 * radius
    discs = [radius * _circle() + [0.0, side * gap] for side in (1.0, -1.0)]
    return Outline(rims, [_rectangle(-width, width, -half, half), *discs])


@outline.register
def _(shape: Sphere) -> Outline:
    radius = float(shape.radius)
    rings = [radius * np.roll(np.column_stack([_circle(), np.zeros(97)]), turn, axis=1) for turn in range(3)]
    latitude = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 97)
    edges = [radius * np.column_stack([side * np.pi * np.cos(latitude), latitude]) for side in (1.0, -1.0)]
    return Outline(rings, edges)


@outline.register
def _(shape: Box) -> Outline:
    a, b, c = (0.5 * np.asarray(shape.size, dtype=float)).tolist()
    floor = _rectangle(-a, a, -b, b)
    rims = [np.column_stack([floor, np.full(5, side * c)]) for side in (1.0, -1.0)]
    posts = [np.stack([rims[0][corner], rims[1][corner]]) for corner in range(4)]
    gap = 0.06 * max(a, b, c)  # as in the map of the box
    step = a + b + gap
    sides = [
        _rectangle(middle - half, middle + half, -c, c)
        for middle, half in ((0.0, b), (step, a), (2 * step, b), (3 * step, a))
    ]
    ends = [_rectangle(-b, b, side * (a + c + gap) - a, side * (a + c + gap) + a) for side in (1.0, -1.0)]
    return Outline([*rims, *posts], [*sides, *ends])
