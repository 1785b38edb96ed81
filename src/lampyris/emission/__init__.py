from lampyris.emission.cherenkov import cherenkov_photons
from lampyris.emission.profile import TrackProfile, load_profile, profile_names

__all__ = ["TrackProfile", "cherenkov_photons", "load_profile", "profile_names"]
