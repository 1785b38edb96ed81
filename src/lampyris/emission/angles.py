"""The bins of angle in which light about an axis is tabulated."""

import numpy as np

FINE_END, FINE_STEP, COARSE_STEP = 90.0, 0.5, 2.0


def angle_edges() -> np.ndarray:
    """Edges of the angle bins [rad]: half a degree to 90 degrees, two degrees beyond."""
    fine = np.arange(0.0, FINE_END, FINE_STEP)
    return np.radians(np.append(fine, np.arange(FINE_END, 180.0 + COARSE_STEP, COARSE_STEP)))
