from lampyris.display.page import write_display, write_page
from lampyris.display.payload import Shown
from lampyris.display.photons import photon_ways
from lampyris.display.prediction import Prediction, predict
from lampyris.display.ring import ring_on_wall

__all__ = ["Prediction", "Shown", "photon_ways", "predict", "ring_on_wall", "write_display", "write_page"]
