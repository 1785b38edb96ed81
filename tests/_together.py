"""Events of several particles in one read-out."""

import numpy as np

import lampyris as lp


def together(*events: lp.Hits) -> lp.Hits:
    """Charges add up, the first hit of a channel is the earliest."""
    hit = np.logical_or.reduce([np.asarray(one.hit) for one in events])
    charge = sum(np.where(np.asarray(one.hit), np.asarray(one.charge), 0.0) for one in events)
    time = np.minimum.reduce([np.where(np.asarray(one.hit), np.asarray(one.time), np.inf) for one in events])
    return lp.Hits(np.float32(charge), np.float32(np.where(hit, time, 0.0)), hit)
