from lampyris.plot.calibration import save_calibration
from lampyris.plot.event import save_event
from lampyris.plot.reconstruction import save_reconstruction

__all__ = ["save_calibration", "save_event", "save_reconstruction"]
