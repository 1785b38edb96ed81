from lampyris.catalog.detector_file import from_file, to_file
from lampyris.catalog.ice import ice_south_pole
from lampyris.catalog.media import water_quan_fry, water_sk
from lampyris.catalog.registry import load, names, summaries
from lampyris.catalog.scintillators import lab_scintillator, mineral_oil, water_based_scintillator
from lampyris.catalog.table import from_table

__all__ = [
    "from_file",
    "from_table",
    "ice_south_pole",
    "lab_scintillator",
    "load",
    "mineral_oil",
    "names",
    "summaries",
    "to_file",
    "water_based_scintillator",
    "water_quan_fry",
    "water_sk",
]
