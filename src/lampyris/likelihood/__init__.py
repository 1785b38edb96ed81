from lampyris.likelihood.channel import ChargeTable, Observation, channel_log_likelihood, observe
from lampyris.likelihood.event import Dispersion, Prompt, Quadratic, log_likelihood, quadratic

__all__ = [
    "ChargeTable",
    "Dispersion",
    "Observation",
    "Prompt",
    "Quadratic",
    "channel_log_likelihood",
    "log_likelihood",
    "observe",
    "quadratic",
]
