import numpy as np

from lampyris.detector import Detector
from lampyris.response import Hits


def test_detector_lists_its_parameters(small_tank):
    named = Detector(small_tank.shape, small_tank.medium, small_tank.wall, small_tank.sensors, name="<b>")
    text = named._repr_html_()
    assert "&lt;b&gt;: 400 sensors" in text
    assert "<td>medium.absorption_length.value</td><td>30</td><td>m</td>" in text


def test_hits_are_summed_up():
    charge, hit = np.array([1.0, 0.0, 3.0]), np.array([True, False, True])
    text = Hits(charge, np.array([5.0, 0.0, 9.0]), hit)._repr_html_()
    assert "2 of 3 channels, 4.0 pe" in text
    assert "<td>7</td>" in text  # the median time
    assert "0 of 3" in Hits(charge * 0, charge * 0, hit & False)._repr_html_()
