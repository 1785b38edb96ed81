"""The tables of figures that people read are those that the benchmarks wrote."""

from _figures import table
from make_figures import PAGES, ROOT, filled, load


def test_pages_quote_the_results():
    figures = load()
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "| measured |" in text
        assert filled(text, figures) == text, "python tools/make_figures.py fills the tables"


def test_what_was_not_measured_is_left_out():
    figures = {"transport": {"noise_over_poisson_percent": 0.5}}
    lines = table("transport", figures).splitlines()
    assert lines[2:] == ["| noise of the prediction for a 1 GeV muon over Poisson variance | 0.5 % | `transport.py` |"]
