"""Columns of numbers as text that the page unpacks: little-endian, deflated, in base 64."""

import base64
import zlib

import numpy as np


def packed(values, kind: str) -> str:
    """A column of numbers as text."""
    column = np.ascontiguousarray(values, dtype=kind)
    return base64.b64encode(zlib.compress(column.tobytes(), 6)).decode()
