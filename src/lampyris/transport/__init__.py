from lampyris.transport.arrivals import Arrivals, Balance
from lampyris.transport.expectation import Expectation
from lampyris.transport.expected_value import ExpectedValue
from lampyris.transport.history import PathEvent, PhotonHistory
from lampyris.transport.hybrid import Hybrid
from lampyris.transport.monte_carlo import MonteCarlo

__all__ = ["Arrivals", "Balance", "Expectation", "ExpectedValue", "Hybrid", "MonteCarlo", "PathEvent", "PhotonHistory"]
