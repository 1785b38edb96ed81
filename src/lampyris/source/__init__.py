from lampyris.source._source import Emitters, Source
from lampyris.source.lamps import Isotropic, Laser
from lampyris.source.photons import Photons
from lampyris.source.step_light import StepLight
from lampyris.source.track import Track

__all__ = ["Emitters", "Isotropic", "Laser", "Photons", "Source", "StepLight", "Track"]
