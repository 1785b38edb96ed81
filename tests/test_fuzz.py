"""A few hundred damaged files for each reader; `benchmarks/fuzz_readers.py` reads 10,000."""

import numpy as np
import pytest
from _fuzzing import READERS, damaged, sound_files, survives

MUTATIONS = {"wcsim": 60, "photonsim": 60}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return sound_files(tmp_path_factory.mktemp("sound"))


@pytest.mark.parametrize("kind", READERS)
def test_sound_file_is_read(kind, files):
    assert survives(kind, files[kind]) == "read"


@pytest.mark.parametrize("kind", READERS)
def test_damaged_files_are_read_or_refused_in_one_line(kind, files, tmp_path):
    content, path = files[kind].read_bytes(), tmp_path / files[kind].name
    outcomes = []
    for number in range(MUTATIONS.get(kind, 150)):
        path.write_bytes(damaged(content, np.random.default_rng([2, number])))
        outcomes.append(survives(kind, path))
    assert "refused" in outcomes


@pytest.mark.parametrize("kind", READERS)
def test_truncated_files_are_refused(kind, files, tmp_path):
    content, path = files[kind].read_bytes(), tmp_path / files[kind].name
    for share in (0.0, 0.1, 0.5):
        path.write_bytes(content[: int(share * len(content))])
        if kind not in ("csv", "campaign", "detector", "cut events") or share == 0.0:  # whose parts may be whole
            assert survives(kind, path) == "refused"
