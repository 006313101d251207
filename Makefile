# Everything a contributor or a machine runs. `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
QUIET  := --quiet --quiet --no-compile --disable-pip-version-check
PIP    := $(BIN)/python -m pip install $(QUIET)
SITE   := $(VENV)/site
STAMP  := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev

unexport PYTHONDONTWRITEBYTECODE  # libraries are installed uncompiled: each process would compile them again

.PHONY: install demo quick tools test soak check fix docs site bench wheel lock clean

install: $(DEV)        ## .venv with the product and what development adds

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("bulkload needs Python 3.11 or newer; try: make PYTHON=python3.11 " + " ".join(sys.argv[1:]) if sys.version_info < (3, 11) else 0)'
	@[ ! -t 2 ] || echo "installing into $(VENV), once" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(STAMP)

$(DEV): requirements-dev.lock $(STAMP)
	@$(PIP) --require-hashes -r requirements.lock -r requirements-dev.lock
	@touch $(DEV)

demo: $(STAMP)         ## three sample extracts into the embedded sandbox
	@$(BIN)/bulkload demo

CHECKS := "ruff format --check ." "ruff check ." mypy lint-imports

check: install         ## format, lint, types, import contracts: all of them, then it fails if one did
	@failed=; for check in $(CHECKS); do echo "$(BIN)/$$check"; $(BIN)/$$check || failed="$$failed $${check% .},"; done; \
	  [ -z "$$failed" ] || { echo "failed:$${failed%,}" >&2; exit 1; }

quick: install         ## the tests of the rooms that changed since main
	$(BIN)/python tests/support/rooms.py

tools:                 ## Debian's chromium for the tests of pages, zsh and fish for those of Tab, where they are missing
	@missing=$$(for each in chromium zsh fish; do command -v $$each >/dev/null || echo $$each; done); [ -z "$$missing" ] || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	  --no-install-recommends $$missing; } >/dev/null 2>&1 || echo "tests are skipped for want of" $$missing >&2

test: check tools site  ## everything CI runs; three at once keep two cores busy, for many tests wait for processes and clocks
	$(BIN)/python -m pytest -n 3 --dist worksteal --cov --cov-report=term

soak: install          ## the long versions: every crash point, every planted defect, the full matrix of loads
	$(BIN)/python -m pytest -m soak --timeout 3600

fix: install           ## format and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install          ## write the generated parts of README.md and docs/
	$(BIN)/python -m docs.generate
	$(BIN)/python -m docs.followed
	$(BIN)/python -m docs.notebook

site: $(STAMP)         ## the documents as a site in build/pages/site; a link or an anchor that leads nowhere is an error
	@[ -x $(SITE)/bin/zensical ] && [ $(SITE) -nt requirements-docs.lock ] || { \
	  $(PYTHON) -m venv --without-pip $(SITE) && $(BIN)/python -m pip --python $(SITE)/bin/python install $(QUIET) \
	    --no-deps --require-hashes -r requirements-docs.lock && \
	  touch $(SITE); }
	@$(BIN)/python -m docs.site build/pages
	@$(SITE)/bin/zensical build --strict --clean -f build/pages/zensical.toml

bench: install         ## speed and memory beside a bare script and the official SDK
	$(BIN)/python benchmarks/load_speed.py

LOCK := uv pip compile --universal --upgrade --no-strip-extras --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --quiet

wheel: $(STAMP)        ## dist/*.whl, to install elsewhere: docs/install.md
	@rm -rf build/lib build/bdist.* dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

lock:                  ## pin every dependency anew, for every platform (needs uv)
	$(LOCK) --group build pyproject.toml -o requirements.lock
	$(LOCK) --group dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock \
	  $$(sed -n 's/^\([a-z0-9._-]*\)[=[].*/--no-emit-package \1/p' requirements.lock | sort -u)
	$(LOCK) --group docs -o requirements-docs.lock
	sed -i.all '/^$$/,$$d' requirements-dev.lock && rm requirements-dev.lock.all  # uv lists what it left out

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* build *.egg-info
