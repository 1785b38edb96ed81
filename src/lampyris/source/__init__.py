from lampyris.source._source import Emitters, Source
from lampyris.source.bent_track import BentTrack
from lampyris.source.lamps import Isotropic, Laser
from lampyris.source.photons import Photons
from lampyris.source.shower import Shower
from lampyris.source.step_light import StepLight
from lampyris.source.track import Track

__all__ = ["BentTrack", "Emitters", "Isotropic", "Laser", "Photons", "Shower", "Source", "StepLight", "Track"]
