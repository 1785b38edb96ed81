"""How well a number tells two kinds of events apart."""

import numpy as np
from scipy.stats import rankdata


def separation(signal: np.ndarray, background: np.ndarray) -> dict[str, float | int]:
    """Figures of a number that is large for signal and small for background; both hold it event by event.

    `auc` is the probability that a signal event has the larger number of a pair (1 apart, 0.5 useless), with the standard
    error of Hanley and McNeil (Radiology 143, 1982), that of half an event where none is wrong; `wrong_signal` and
    `wrong_background` the shares on the wrong side of 0; `distance` that of the means over the root of the sum of the
    variances. Not finite numbers count as -infinity for signal and +infinity for background: an event that cannot be told
    is wrong.
    """
    first, second = len(signal), len(background)
    if not first or not second:
        return {}
    lost = np.nan_to_num(signal, nan=-np.inf, posinf=np.inf), np.nan_to_num(background, nan=np.inf, neginf=-np.inf)
    rank = rankdata(np.concatenate(lost))[:first]
    auc = (rank.sum() - first * (first + 1) / 2) / (first * second)
    half = 0.5 / min(first, second)
    area = float(np.clip(auc, half, 1.0 - half))
    one, two = area / (2.0 - area), 2.0 * area**2 / (1.0 + area)
    variance = area * (1.0 - area) + (first - 1) * (one - area**2) + (second - 1) * (two - area**2)
    told = {"signal": first, "background": second, "auc": float(auc)}
    told |= {"auc_error": float(np.sqrt(max(variance, 0.0) / (first * second)))}
    told |= {"wrong_signal": float((lost[0] <= 0.0).mean()), "wrong_background": float((lost[1] >= 0.0).mean())}
    sure = [values[np.isfinite(values)] for values in lost]
    if min(map(len, sure)) > 1:
        spread = np.sqrt(sure[0].var(ddof=1) + sure[1].var(ddof=1))
        told |= {"distance": float((sure[0].mean() - sure[1].mean()) / max(spread, 1e-300))}
    return told
