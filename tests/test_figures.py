"""The tables of figures that people read are those that the benchmarks wrote."""

from _figures import COMPARED, ROWS, table
from make_figures import PAGES, ROOT, filled, load


def test_pages_quote_the_results():
    figures = load()
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "| measured |" in text
        assert filled(text, figures) == text, "python tools/make_figures.py fills the tables"


def test_every_row_has_a_figure():
    figures = load()
    # a row without its result raises KeyError
    assert all(row.tell(figures) for row in (*ROWS.values(), *COMPARED))
    scripts = {row.command.split()[0] for row in (*ROWS.values(), *COMPARED)}
    assert all((ROOT / "benchmarks" / script).exists() for script in scripts)


def test_what_was_not_measured_is_left_out():
    figures = {"transport": {"noise_over_poisson_percent": 0.5}}
    lines = table("transport", figures).splitlines()
    assert lines[2:] == ["| noise of the prediction for a 1 GeV muon over Poisson variance | 0.5 % | `transport.py` |"]
