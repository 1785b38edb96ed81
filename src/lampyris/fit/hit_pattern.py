"""How well a fit describes its event: which channels were hit, against what was expected of them."""

import numpy as np

SURE = 1e-9
"""Least probability of a channel to be hit, and not to be."""


def hit_pattern(expected: np.ndarray, hit: np.ndarray) -> float:
    """Deviation of the log-likelihood of the hit pattern from its expectation [standard deviations]; large is poor.

    `expected` photoelectrons of each channel give its probability to be hit, 1 - exp(-expected). If the prediction is
    right and channels fluctuate independently, the number has mean 0 and width 1; single tracks that differ from what the
    fit can describe raise it. NaN where nothing can fluctuate.
    """
    chance = np.clip(-np.expm1(-np.asarray(expected, float)), SURE, 1.0 - SURE)
    seen, unseen = -np.log(chance), -np.log1p(-chance)
    mean = chance * seen + (1.0 - chance) * unseen
    variance = (chance * (1.0 - chance) * (seen - unseen) ** 2).sum()
    surprise = np.where(np.asarray(hit, bool), seen, unseen)
    return float((surprise - mean).sum() / np.sqrt(variance)) if variance > 0 else float("nan")
