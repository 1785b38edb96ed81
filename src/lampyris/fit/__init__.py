from lampyris.fit.calibrate import calibrate
from lampyris.fit.calibration import Calibration
from lampyris.fit.calibration_problem import CalibrationSettings
from lampyris.fit.decay import Decay, find_decay
from lampyris.fit.design import Design, design
from lampyris.fit.identify import Identification, identify
from lampyris.fit.many import reconstruct_many, reconstruct_rings_many
from lampyris.fit.plan import plan
from lampyris.fit.posterior import Posterior, sample_posterior
from lampyris.fit.profile_errors import profile_errors
from lampyris.fit.reconstruct import reconstruct
from lampyris.fit.result import Fit
from lampyris.fit.rings import RingsFit, count_rings, reconstruct_rings
from lampyris.fit.run import Run
from lampyris.fit.tracks import Tracks

__all__ = [
    "Calibration",
    "CalibrationSettings",
    "Decay",
    "Design",
    "Fit",
    "Identification",
    "Posterior",
    "RingsFit",
    "Run",
    "Tracks",
    "calibrate",
    "count_rings",
    "design",
    "find_decay",
    "identify",
    "plan",
    "profile_errors",
    "reconstruct",
    "reconstruct_many",
    "reconstruct_rings",
    "reconstruct_rings_many",
    "sample_posterior",
]
