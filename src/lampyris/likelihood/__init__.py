from lampyris.likelihood.channel import ChargeTable, Observation, channel_log_likelihood, observe
from lampyris.likelihood.event import Dispersion, log_likelihood

__all__ = ["ChargeTable", "Dispersion", "Observation", "channel_log_likelihood", "log_likelihood", "observe"]
