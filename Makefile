# `make help` lists the targets. Needs Python >= 3.11 and make; each target does its own set-up.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.user: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.user
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(VENV)/.user ## invent a hospital, run its three nights, say where the report lies
	$(BIN)/insvigil demo demo --identities 20000 --nights 3 --seed 1

test: $(VENV)/.dev ## run every test
	$(BIN)/python -m pytest -n 2

check: $(VENV)/.dev ## lint, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## run the benchmarks
	$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-only

clean: ## remove the environment and what runs have written
	rm -rf $(VENV) demo sortie dist build .pytest_cache .mypy_cache .ruff_cache

.PHONY: help demo test check bench clean
