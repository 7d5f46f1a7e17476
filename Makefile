# Carbon Inclusion 碳普惠. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVE ?= 1
PORT ?= 8321
ROWS ?= 10000000

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench memory soak notebooks clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/uv: requirements/setup.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -m venv $(VENV) || { tools/install-venv; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/setup.txt
	@touch $@

$(VENV)/run: $(BIN)/uv requirements/run.txt pyproject.toml
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/assets: $(VENV)/run package.json package-lock.json tools/install-assets
	@BIN=$(BIN) tools/install-assets
	@touch $@

$(VENV)/dev: $(VENV)/run $(VENV)/assets requirements/dev.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/run $(VENV)/assets ## make the environment (demo, test and the others do it themselves)

demo: $(VENV)/run $(VENV)/assets ## a simulated Hedong month from records to a retired tonne, published, audited and served (SERVE=0 ends there)
	@rm -rf demo && mkdir -p demo/public
	@$(BIN)/carbon simulate --out demo/simulated-month.parquet
	@$(BIN)/carbon quantify demo/simulated-month.parquet --out demo/public/result
	@BIN=$(BIN) tools/demo-store demo
	@if [ "$(SERVE)" = 1 ]; then BIN=$(BIN) exec tools/demo-serve demo $(PORT); \
	else echo "demo/public/{result/report.html,monitoring-report.html,certificate.pdf,log}"; fi

test: $(VENV)/dev ## run all tests and the notebooks (installs PostgreSQL, Go and hledger where they are missing)
	@tools/install-postgres
	@tools/install-go
	@tools/install-hledger
	@$(BIN)/pytest -n 2
	@$(MAKE) --no-print-directory notebooks

notebooks: $(VENV)/dev ## execute the notebooks
	@$(BIN)/python tools/run_notebooks.py

check: $(VENV)/dev ## lint, types, import contracts, factor tables
	@$(BIN)/ruff format --check -q src tests bench tools
	@$(BIN)/ruff check -q src tests bench tools
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@CARBON_LANG=en $(BIN)/carbon factors validate

format: $(VENV)/dev ## format the code
	@$(BIN)/ruff check -q --fix src tests bench tools && $(BIN)/ruff format -q src tests bench tools

bench: $(VENV)/dev ## rows/s against DuckDB, Polars, pandas; the log; the store against COPY; the ledger against TPC-B; scans against a bare endpoint; serials (ROWS=…)
	@tools/install-postgres
	@$(BIN)/python bench/run.py --rows $(ROWS)
	@$(BIN)/python bench/log.py
	@$(BIN)/python bench/store.py
	@$(BIN)/python bench/ledger.py
	@$(BIN)/python bench/uploads.py
	@$(BIN)/python bench/service.py
	@$(BIN)/python bench/serials.py

memory: $(VENV)/dev ## peak memory at 50 million rows
	@$(BIN)/python bench/run.py --memory-rows 50000000

soak: $(VENV)/dev ## properties, crashes, load and duplicates, long
	@tools/install-postgres
	@CARBON_EXAMPLES=5000 $(BIN)/pytest tests/property
	@CARBON_KILLS=100 $(BIN)/pytest tests/crash
	@CARBON_LOAD_SECONDS=60 $(BIN)/pytest -s tests/load
	@CARBON_EVENTS=1000000 $(BIN)/pytest tests/integration/test_duplicates.py

clean: ## remove what the targets made
	@rm -rf $(VENV) node_modules src/carbon/web/static/vendor demo bench-data .mypy_cache .ruff_cache .pytest_cache .hypothesis
