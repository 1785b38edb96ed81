from lampyris.emission.cherenkov import cherenkov_photons
from lampyris.emission.profile import TrackProfile
from lampyris.emission.profile_file import load_profile, profile_names, read_profile, write_profile

__all__ = [
    "TrackProfile",
    "cherenkov_photons",
    "load_profile",
    "profile_names",
    "read_profile",
    "write_profile",
]
