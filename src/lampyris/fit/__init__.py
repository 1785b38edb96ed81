from lampyris.fit.reconstruct import reconstruct
from lampyris.fit.result import Fit

__all__ = ["Fit", "reconstruct"]
