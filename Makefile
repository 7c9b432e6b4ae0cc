# Tessera. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.DEFAULT_GOAL := help
.PHONY: help run test check fix bench messages install heic clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.run-ready: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tessera needs Python 3.11 or newer; try: make run PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/.test-ready: $(VENV)/.run-ready requirements-dev.txt requirements-heic.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@

install: $(VENV)/.run-ready ## Install what the app needs into .venv

run: $(VENV)/.run-ready ## Open the app on http://localhost:8501 (PORT=... for another)
	$(BIN)/streamlit run app.py --server.port $(PORT)

test: $(VENV)/.test-ready ## Install what the tests need, then run them all
	@$(BIN)/python scripts/test_tools.py
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.test-ready ## Lint, types and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(VENV)/.test-ready ## Repair what the linter can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test-ready ## Measure speed and memory as ratios within one run
	$(BIN)/python -m benchmarks $(ARGS)

messages: $(VENV)/.test-ready ## Update the translation catalogue from the source
	$(BIN)/python scripts/messages.py

heic: $(VENV)/.run-ready ## Add HEIC photos (libheif)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-heic.txt -c constraints.txt

clean: ## Remove the virtual environment and tool caches (never your data in var/)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
