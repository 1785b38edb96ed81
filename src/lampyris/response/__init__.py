from lampyris.response.hits import Hits
from lampyris.response.record import detection_bound, record

__all__ = ["Hits", "detection_bound", "record"]
