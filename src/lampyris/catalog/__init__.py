from lampyris.catalog.media import lab_scintillator, water_quan_fry, water_sk
from lampyris.catalog.registry import load, names, summaries

__all__ = ["lab_scintillator", "load", "names", "summaries", "water_quan_fry", "water_sk"]
