from lampyris.plot.calibration import save_calibration
from lampyris.plot.event import save_event

__all__ = ["save_calibration", "save_event"]
