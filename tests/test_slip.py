"""How far the light of a track may start off its vertex."""

import numpy as np
import pytest

from lampyris._host import on_host
from lampyris.fit.parameters import slipped
from lampyris.source import Track


def test_light_slips_by_the_root_of_the_length_of_a_track():
    direction = np.array([0.6, 0.0, 0.8])
    long, short = (Track("mu-", energy, [0.0, 0.0, 0.0], direction, 0.0) for energy in (1000.0, 300.0))
    whole = slipped(long, 0.0245)
    assert np.linalg.norm(whole[1:4]) == pytest.approx(0.05, rel=0.01)
    np.testing.assert_allclose(whole[1:4], whole[6] * 0.299792458 * direction, rtol=1e-5)
    assert (whole[[0, 4, 5]] == 0.0).all()
    lengths = [float(on_host(track.profile.length, track.energy)) for track in (long, short)]
    np.testing.assert_allclose(slipped(short, 0.0245), whole * np.sqrt(lengths[1] / lengths[0]), rtol=1e-5)
