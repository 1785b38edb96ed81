from lampyris.likelihood.channel import ChargeTable, Observation, channel_log_likelihood, observe
from lampyris.likelihood.event import Charges, Dispersion, Prompt, Quadratic, log_likelihood, quadratic

__all__ = [
    "ChargeTable",
    "Charges",
    "Dispersion",
    "Observation",
    "Prompt",
    "Quadratic",
    "channel_log_likelihood",
    "log_likelihood",
    "observe",
    "quadratic",
]
