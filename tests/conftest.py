"""Fixtures common to all tests. Array shapes and types of all annotated functions are checked while tests run."""

from importlib.util import find_spec
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook

UNCHECKED: set[str] = set()
"""modules whose annotations do not hold at run time"""

PACKAGE = Path(find_spec("lampyris").submodule_search_locations[0])
MODULES = [
    ".".join(["lampyris", *file.relative_to(PACKAGE).with_suffix("").parts])
    for file in PACKAGE.rglob("*.py")
    if file.name not in ("__init__.py", "__main__.py")
]
install_import_hook(sorted(set(MODULES) - UNCHECKED), "beartype.beartype")

from lampyris.catalog.efficiency import tube_20_inch  # noqa: E402
from lampyris.catalog.media import water_sk  # noqa: E402
from lampyris.detector import Detector  # noqa: E402
from lampyris.layout import barrel, caps, join  # noqa: E402
from lampyris.medium import Medium, Scatterer  # noqa: E402
from lampyris.phase import Rayleigh  # noqa: E402
from lampyris.sensors import make_sensors  # noqa: E402
from lampyris.shape import Cylinder  # noqa: E402
from lampyris.surface import Lambertian, Mixture  # noqa: E402

LONGEST = [
    "glow",
    "hybrid",
    "calibrate_tracks",
    "posterior",
    "calibrate",
    "chain",
    "design",
    "rings",
    "scintillation_light",
    "decay",
    "gradients",
    "siren",
    "bodies",
    "many",
]
"""Files that take longest, longest first: so no process has to wait for another in the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem.removeprefix("test_"), len(place)))


@pytest.fixture(scope="session")
def small_tank() -> Detector:
    """A cylinder of 8 x 8 m with 400 sensors, constant in wavelength."""
    shape = Cylinder(4.0, 8.0)
    position, normal = join(
        barrel(shape, columns=24, rows=11, pitch=0.7, first_row=0.5), caps(shape, count=68, pitch=0.8)
    )
    medium = Medium(1.33, 30.0, (Scatterer(20.0, Rayleigh()),))
    sensors = make_sensors(position, normal, 0.2, 0.2, surface=Lambertian(0.25))
    return Detector(shape, medium, Lambertian(0.3), sensors, name="small tank")


@pytest.fixture(scope="session")
def tube_tank() -> Detector:
    """A cylinder of 16 x 16 m with the tubes and the water of Super-Kamiokande."""
    shape = Cylinder(8.0, 16.0)
    position, normal = join(barrel(shape, 70, 22, 0.707, 0.6), caps(shape, 352, 0.707))
    sensors = make_sensors(position, normal, 0.254, tube_20_inch(), surface=Mixture(0.25, 0.9), dark_rate=4.2)
    return Detector(shape, water_sk(), Mixture(0.05, 0.55), sensors, name="tube tank")


@pytest.fixture
def double_precision():
    """Numbers of 64 bits, for comparisons with finite differences."""
    with jax.enable_x64(True):
        yield
    jax.clear_caches()  # what was traced with 64 bits must not meet numbers of 32
