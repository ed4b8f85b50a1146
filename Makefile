# Two commands on a fresh machine with Python 3.11, git and make: `make demo`, `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV_VERSION := 0.13.9
BIN := .venv/bin
INSTALLED := .venv/.installed

# Byte code once at installation: every Dagster process would else compile its imports again.
export UV_COMPILE_BYTECODE := 1
export DAGSTER_DISABLE_TELEMETRY := 1

.PHONY: help install demo dev check test bench bench-peers docs lock clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED) ## everything into .venv, exactly as locked

$(INSTALLED): requirements.lock pyproject.toml
	@echo "Installing into .venv (about a minute the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

demo: install ## build three weeks of sample data, from reports to a page
	@$(BIN)/muse demo

dev: install ## open the Dagster UI on the demo's data (make demo first)
	@test -f .muse/demo/muse.toml || $(BIN)/muse demo
	@$(BIN)/muse --workspace .muse/demo dev

check: install ## the quick part of the tests: lint, types, pure tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/domain tests/test_architecture.py

test: check ## everything that proves the program; finds a Chromium by itself, or says that it had none
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --ignore=tests/domain --ignore=tests/test_architecture.py

bench: install ## measure beside the engine's own limits; writes docs/performance.md
	@$(BIN)/python -m benchmarks

bench-peers: install ## the libraries that make bench compares Muse with, in an environment of their own
	@test -x .muse/peers/bin/python || $(PYTHON) -m venv .muse/peers
	@$(BIN)/uv pip install --quiet --python .muse/peers/bin/python duckdb polars orjson apache-otava ruptures

docs: install ## make docs/formats.md and docs/assets.md from the code
	@$(BIN)/python -m muse_apps.formats_page
	@$(BIN)/python -m muse_apps.assets_page

lock: ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		--group dev --upgrade pyproject.toml -o requirements.lock

clean: ## remove the environment and the demo
	rm -rf .venv .muse
