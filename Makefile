# make demo   simulate and reconstruct one muon in Super-Kamiokande; results in demo/
# make test   all tests
# make lint   style, import floors, static types
# make types  static types alone
# make docs   the documentation, with every code block executed; in build/docs/
# make wheel  the wheel, in build/wheel/
# make bench  the measurements that the documentation quotes; results in benchmarks/results/

PYTHON ?= python3
# the older code generator of the compiler, told not to try too hard, makes the same functions in two thirds of the time
TEST_FLAGS ?= --xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1
# processes share what they compile; for every difference that its loader sees to the processor it logs an error, even on the
# machine that compiled, and level 3 leaves those out
SHARED := XLA_FLAGS="$(TEST_FLAGS)" JAX_COMPILATION_CACHE_DIR="$(CURDIR)/build/compiled/$(shell uname -n)" TF_CPP_MIN_LOG_LEVEL=3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test lint types docs wheel bench clean

demo: $(VENV)/.runtime
	$(BIN)/lampyris demo

test: $(VENV)/.development
	$(SHARED) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

types: $(VENV)/.development
	$(BIN)/pyright

docs: $(VENV)/.development
	PATH="$(CURDIR)/$(BIN):$$PATH" $(SHARED) $(BIN)/python -m sphinx --jobs 2 --fail-on-warning --keep-going -q docs build/docs

wheel: $(VENV)/.development
	rm -rf build/wheel && $(BIN)/python -m build --wheel --outdir build/wheel .

bench: $(VENV)/.runtime
	set -e; for script in benchmarks/[!_]*.py; do $(BIN)/python $$script; done

clean:
	rm -rf $(VENV) demo build dist

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Lampyris needs Python 3.11 or later; make PYTHON=... picks another.")'
	$(PYTHON) -m venv $(VENV)

# a stamp that is older than pyproject.toml installs again
$(VENV)/.runtime: pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	touch $@

$(VENV)/.development: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.runtime
