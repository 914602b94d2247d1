# Onramp. `make run` and `make test` are all a fresh machine needs.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
WORKERS ?= 3
# uv installs in a seventh of pip's time. Where it is not to be had or reaches nothing, as it does not read pip's settings,
# pip does it; without compiling, which Python does for what it imports.
PIP := -m pip install --quiet --disable-pip-version-check --no-compile
fill = $(BIN)/uv pip install --quiet --python $(1)/bin/python -r $(2) || $(1)/bin/python $(PIP) -r $(2)
unexport PYTHONDONTWRITEBYTECODE  # containers often set it: each test process would compile everything anew

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/uv:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	-$(BIN)/python $(PIP) uv==0.13.9

$(VENV)/.run: requirements.txt | $(BIN)/uv
	$(call fill,$(VENV),requirements.txt)
	touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(BIN)/uv
	$(call fill,$(VENV),requirements-dev.txt)
	touch $@ $(VENV)/.run

# Emulators of hosted warehouses, each in an environment of its own: their drivers and ours exclude each other.
EMULATORS := .emulators/snowflake/.made .emulators/bigquery/.made

.emulators/%/.made: tests/emulators/%/requirements.txt | $(BIN)/uv
	test -x .emulators/$*/bin/python || $(PYTHON) -m venv .emulators/$*
	$(call fill,.emulators/$*,$<)
	touch $@

# Client libraries that the tests run, each beside the others: they need other versions of the same packages.
.clients/.made: tests/clients/build.py $(wildcard tests/clients/requirements/*.txt tests/clients/browser/*.mjs) tests/clients/node/package-lock.json | $(VENV)/.dev
	$(BIN)/python tests/clients/build.py

.PHONY: assets
assets: $(VENV)/.run ## builds what the browser needs into shell/static
	$(BIN)/python frontend/build.py

.PHONY: run
run: assets ## installs, builds, makes the demo warehouse, opens the workspace
	$(BIN)/python -m core open --port $(PORT)

.PHONY: built
built: $(VENV)/.dev ## the same, after what tests need is installed
	$(BIN)/python frontend/build.py

.PHONY: install
install: $(VENV)/.dev $(EMULATORS) .clients/.made built ## what `make test` needs; `make -j4 install` is faster

.PHONY: test
# what waits in a thread of NumPy's library counts meanwhile, beside two other workers
test: export OPENBLAS_NUM_THREADS = 1
test: install ## installs, runs every test; what needs Chromium is skipped, loudly, where there is none
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder  # tests/conftest.py orders the files

.PHONY: compiled
compiled: $(VENV)/.dev ## imports all tests once, while others install: else each of their processes compiles all of it
	-$(BIN)/python -m pytest --collect-only -qq >/dev/null  # what fails here fails in the tests, with its reason

.PHONY: lint
lint: $(VENV)/.dev ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict core
	$(BIN)/lint-imports

.PHONY: check
check: lint test ## style, types, layers, then the tests

.PHONY: bench
bench: $(VENV)/.dev ## prints the benchmarks of docs/benchmarks.md, each beside its baseline
	for script in tests/benchmark/bench_*.py; do $(BIN)/python $$script || exit 1; done

.PHONY: migration
migration: $(VENV)/.dev ## writes the next migration from core/storage/tables.py; MESSAGE="what changes"
	$(BIN)/python -m core.storage.migrations.write "$(MESSAGE)"

.PHONY: clean
clean: ## removes what was built; the workspace in .onramp stays
	rm -rf $(VENV) .emulators .clients shell/static frontend/node_modules
