# Everything a contributor or a machine runs. `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: install demo test soak check fix docs bench lock clean

install: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("bulkload needs Python 3.11 or newer; try: make PYTHON=python3.11 " + " ".join(sys.argv[1:]) if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: install          ## three sample extracts into the embedded sandbox
	@$(BIN)/bulkload demo

check: install         ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check            ## everything CI runs
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term

soak: install          ## the long versions: every crash point, every planted defect, the full matrix of loads
	$(BIN)/python -m pytest -m soak --timeout 3600

fix: install           ## format and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install          ## write the generated parts of README.md and docs/
	$(BIN)/python -m docs.generate

bench: install         ## speed and memory beside a bare script and the official SDK
	$(BIN)/python benchmarks/load_speed.py

lock:                  ## pin every dependency anew, for every platform (needs uv)
	uv pip compile --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --extra dev pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* build *.egg-info
