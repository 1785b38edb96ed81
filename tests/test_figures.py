"""The tables of figures that people read are those that the benchmarks wrote."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
made = runpy.run_path(str(ROOT / "tools" / "make_figures.py"))


def test_pages_quote_the_results():
    figures = made["load"]()
    for page in made["PAGES"]:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "| measured |" in text
        assert made["filled"](text, figures) == text, "python tools/make_figures.py fills the tables"


def test_what_was_not_measured_is_left_out():
    figures = {"transport": {"noise_over_poisson_percent": 0.5}}
    lines = made["table"]("transport", figures).splitlines()
    assert lines[2:] == ["| noise of the prediction for a 1 GeV muon over Poisson variance | 0.5 % | `transport.py` |"]
