import numpy as np

from lampyris.detector import Detector
from lampyris.fit import Fit
from lampyris.fit.parameters import NAMES
from lampyris.fit.result import make_errors
from lampyris.response import Hits
from lampyris.source import Track


def test_detector_lists_its_parameters(small_tank):
    named = Detector(small_tank.shape, small_tank.medium, small_tank.wall, small_tank.sensors, name="<b>")
    text = named._repr_html_()
    assert text.count("<circle") == 400  # the small map
    assert "&lt;b&gt;: 400 sensors" in text
    assert "<td>medium.absorption_length.value</td><td>30</td><td>m</td>" in text


def test_hits_are_summed_up():
    charge, hit = np.array([1.0, 0.0, 3.0]), np.array([True, False, True])
    text = Hits(charge, np.array([5.0, 0.0, 9.0]), hit)._repr_html_()
    assert "2 of 3 channels, 4.0 pe" in text
    assert "<td>7</td>" in text  # the median time
    assert text.count("<svg") == 2
    assert "histogram of time [ns]" in text
    assert "0 of 3" in Hits(charge * 0, charge * 0, hit & False)._repr_html_()


def test_fits_give_the_table_that_they_print():
    track, covariance = Track("mu-", 500.0, [1.0, 2.0, 3.0], [0.0, 0.0, 1.0], 4.0), np.diag([25.0, *[0.01] * 5, 0.25])
    fit = Fit(track, make_errors(covariance), covariance, NAMES, -12.34, "converged", {})
    text = fit._repr_html_()
    assert "mu-: The fit converged. log-likelihood -12.3" in text
    assert "<td>energy</td><td>500</td><td>5</td><td>MeV</td>" in text
    assert text.count("<tr>") == 8  # the head and seven numbers
    assert text.count('fill-opacity="1.00"') == 7  # each number with itself
    assert "energy           500 +- 5         MeV" in str(fit)
