"""Make the profiles that ship with the package, one after the other, each as `lampyris train PARTICLE` does.

    python tools/make_profiles.py [mu- e- ...]

Each takes minutes on one core; a run that was stopped goes on where it was. `lampyris train` tells the same for one of
them, and every file says the command, the seed and the version that made it.
"""

import subprocess
import sys
from pathlib import Path

TABLES = Path(__file__).resolve().parents[1] / "src" / "lampyris" / "emission" / "tables"
PARTICLES = ("mu-", "mu+", "e-", "e+", "gamma", "pi+", "pi-")

if __name__ == "__main__":
    for particle in sys.argv[1:] or PARTICLES:
        target = TABLES / f"{particle}.profile"
        subprocess.run([sys.executable, "-m", "lampyris", "train", particle, "-o", str(target)], check=True)
