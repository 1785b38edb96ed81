"""Angles of deflection and the geometry of turning."""

import numpy as np


def sample_cosine(variance, random: np.random.Generator):
    """Draw the cosine of the deflection of a step from its plane variance [rad^2].

    The law is Fisher's on the sphere, exp(k cos): for small variance the Gaussian of the two plane angles; for large
    variance its mean cosine exp(-variance) is that of diffusion on the sphere, so that cosines multiply over steps.
    """
    variance = np.minimum(variance, 10.0)
    mean = np.exp(-variance)
    # the inverse of coth k - 1/k = mean: a start that is right at both ends, and Newton's steps between them
    concentration = mean * (3.0 - mean**2) / np.maximum(-np.expm1(-2.0 * variance), 1e-14)
    for _ in range(2):
        k = np.clip(concentration, 0.01, 100.0)
        step = (1.0 / np.tanh(k) - 1.0 / k - mean) / (1.0 / k**2 - 1.0 / np.sinh(k) ** 2)
        concentration = np.where(k == concentration, k - step, concentration)
    uniform = random.random(np.shape(variance))
    span = -np.expm1(-2.0 * concentration)
    return np.clip(1.0 + np.log1p(-uniform * span) / np.maximum(concentration, 1e-9), -1.0, 1.0)


def turn(direction, cosine, azimuth):
    """Turn unit vectors (n, 3) by the polar angles of `cosine` (n,) and the `azimuth` (n,) [rad] about themselves."""
    x, y, z = direction[:, 0], direction[:, 1], direction[:, 2]
    sine = np.sqrt(np.clip(1.0 - cosine**2, 0.0, None))
    across, up = sine * np.cos(azimuth), sine * np.sin(azimuth)
    # a frame without poles: the sign keeps 1 + |z| away from zero
    sign = np.where(z < 0.0, -1.0, 1.0)
    a = -1.0 / (sign + z)
    b = x * y * a
    first = np.stack([1.0 + sign * x * x * a, sign * b, -sign * x], axis=1)
    second = np.stack([b, sign + y * y * a, -y], axis=1)
    turned = across[:, None] * first + up[:, None] * second + cosine[:, None] * direction
    return turned / np.linalg.norm(turned, axis=1, keepdims=True)


def rotations(cosine, azimuth):
    """Give the matrices (n, 3, 3) that turn +z by the polar angles of `cosine` towards `azimuth` [rad]."""
    sine = np.sqrt(np.clip(1.0 - cosine**2, 0.0, None))
    x, y = sine * np.cos(azimuth), sine * np.sin(azimuth)
    matrix = np.zeros((*np.shape(cosine), 3, 3))
    lean = 1.0 / np.maximum(1.0 + cosine, 1e-12)
    matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 0, 2] = 1.0 - x * x * lean, -x * y * lean, x
    matrix[:, 1, 0], matrix[:, 1, 1], matrix[:, 1, 2] = -x * y * lean, 1.0 - y * y * lean, y
    matrix[:, 2, 0], matrix[:, 2, 1], matrix[:, 2, 2] = -x, -y, cosine
    return matrix


def rotations_to(vector):
    """Give the matrices (n, 3, 3) that turn +z to the unit vectors (n, 3) along the shortest way."""
    return rotations(np.clip(vector[:, 2], -1.0, 1.0), np.arctan2(vector[:, 1], vector[:, 0]))
