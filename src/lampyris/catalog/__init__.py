from lampyris.catalog.detector_file import from_file, to_file
from lampyris.catalog.media import lab_scintillator, water_quan_fry, water_sk
from lampyris.catalog.registry import load, names, summaries
from lampyris.catalog.table import from_table

__all__ = [
    "from_file",
    "from_table",
    "lab_scintillator",
    "load",
    "names",
    "summaries",
    "to_file",
    "water_quan_fry",
    "water_sk",
]
