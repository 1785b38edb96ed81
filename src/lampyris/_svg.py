"""Small drawings for notebooks, as text: they need no library and open anywhere."""

from html import escape

import numpy as np

WIDTH, HEIGHT = 260, 90
INK = "#3b6ea5"


def bars(values, label: str, bins: int = 40) -> str:
    """A histogram of numbers between their 1 % and 99 % quantiles, with its ends written below."""
    low, high = np.quantile(np.asarray(values, float), [0.01, 0.99])
    high = high if high > low else low + 1.0
    counts, _ = np.histogram(values, bins, (low, high))
    step, tall = WIDTH / bins, (HEIGHT - 16) / max(int(counts.max()), 1)
    shapes = [
        f'<rect x="{i * step:.1f}" y="{HEIGHT - 16 - count * tall:.1f}" width="{step - 1:.1f}" height="{count * tall:.1f}"/>'
        for i, count in enumerate(counts.tolist())
        if count
    ]
    ends = _text(0, "start", f"{low:.4g}") + _text(WIDTH / 2, "middle", label) + _text(WIDTH, "end", f"{high:.4g}")
    return _drawing(WIDTH, HEIGHT, "".join(shapes) + ends, f"histogram of {label}")


def dots(points, label: str, most: int = 800) -> str:
    """Points of a plane, (n, 2), with the second axis upwards; of many an even selection is drawn."""
    points = np.asarray(points, float)
    chosen = points[np.linspace(0, len(points) - 1, min(len(points), most)).astype(int)]
    low, size = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-9)
    scale = min(WIDTH / size[0], 2.0 * HEIGHT / size[1])
    width, height = size * scale + 6
    flat = (chosen - low) * scale + 3
    shapes = "".join(f'<circle cx="{x:.1f}" cy="{height - y:.1f}" r="1.2"/>' for x, y in flat.tolist())
    return _drawing(width, height, shapes, label)


def cells(matrix, label: str, side: int = 13) -> str:
    """A square matrix of numbers between -1 and 1 as cells: blue below 0, orange above, white at 0 and where not finite."""
    rows = np.clip(np.nan_to_num(np.asarray(matrix, float)), -1.0, 1.0)
    shapes = []
    for (row, column), value in np.ndenumerate(rows):
        place = f'x="{column * side}" y="{row * side}" width="{side - 1}" height="{side - 1}"'
        colour = "#d9822b" if value > 0 else INK
        shapes.append(f'<rect {place} fill="{colour}" fill-opacity="{abs(value):.2f}" stroke="#cccccc"/>')
    return _drawing(side * rows.shape[1], side * rows.shape[0], "".join(shapes), label)


def _text(x: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.0f}" y="{HEIGHT - 3}" text-anchor="{anchor}" font-size="11">{escape(text)}</text>'


def _drawing(width: float, height: float, shapes: str, label: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return f'<svg {size} role="img" aria-label="{escape(label, quote=True)}" fill="{INK}">{shapes}</svg>'
