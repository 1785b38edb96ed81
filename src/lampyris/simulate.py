"""The two ways through the forward model: data with all fluctuations, and the differentiable expectation."""

from typing import NamedTuple

import jax
from jaxtyping import PRNGKeyArray

from lampyris.detector import Detector
from lampyris.response import Hits, detection_bound, record
from lampyris.response.record import Record
from lampyris.source import Source
from lampyris.transport import Balance, Expectation, ExpectedValue, Hybrid, MonteCarlo
from lampyris.transport.prepared import has_numbers
from lampyris.transport.resolution import expectation, warn_near_wall


class Simulated(NamedTuple):
    """One simulated event with the account of its light."""

    hits: Hits
    record: Record
    balance: Balance


def simulate(detector: Detector, source: Source, *, key: PRNGKeyArray, transport: MonteCarlo | None = None) -> Hits:
    """Data of one event: photons carried one by one, detected, recorded, with dark noise."""
    return simulate_event(detector, source, key=key, transport=transport).hits


def simulate_event(
    detector: Detector, source: Source, *, key: PRNGKeyArray, transport: MonteCarlo | None = None
) -> Simulated:
    """As `simulate`, with photoelectron counts and the account of the light."""
    transport = MonteCarlo() if transport is None else transport
    transport_key, record_key = jax.random.split(key)
    bound = detection_bound(detector.sensors)
    arrivals, balance = transport(source, detector, key=transport_key, keep=bound)
    recorded = record(arrivals, detector.sensors, key=record_key, bound=bound)
    return Simulated(recorded.hits, recorded, balance)


def expect(detector: Detector, source: Source, *, transport: Hybrid | ExpectedValue | None = None) -> Expectation:
    """Expected charge and arrival times per channel. **Gradients**: those of the transport, `Hybrid` by default.

    Warns of a source that is too near the wall for the indirect light of `Hybrid`, with the estimated error.
    """
    transport = Hybrid() if transport is None else transport
    source.check_inside(detector.shape)
    source = source.suited(detector.medium)
    if isinstance(transport, ExpectedValue):
        transport = transport.prepared(detector)
    else:
        if transport.searches(source, detector) and has_numbers(detector):
            transport = transport.prepared(detector)
        warn_near_wall(transport, source, detector)
    return expectation(transport, source, detector)
