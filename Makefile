# Everything runs from .venv, which each target makes and keeps up to date by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WITH ?=
ARGS ?=

.PHONY: demo test test-cluster lint program campaign bench lock clean

$(VENV)/.runtime: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=<path to it>." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages into $(VENV) ..." >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.runtime ## The whole chain on one recorded day (ARGS=--json for scripts)
	@$(BIN)/relayer demo $(ARGS)

test: $(VENV)/.dev ## All tests that Python alone can run; WITH=all or WITH=node,program adds groups
	@$(BIN)/python -m pytest --with "$(WITH)" $(ARGS)

test-cluster: $(VENV)/.dev ## The chain against a foreign node: on the PATH, or RELAYER_TEST_RPC_URL and RELAYER_TEST_WS_URL
	@$(BIN)/python -m pytest --with "cluster,$(WITH)" tests/cluster $(ARGS)

lint: $(VENV)/.dev ## Format, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

program: ## Rebuild the on-chain programs and compare them with the committed bytes
	@deploy/build.sh compare

campaign: $(VENV)/.dev ## Long runs that CI samples, each whatever becomes of the others (ARGS="program-fuzz conditions" for some)
	@$(BIN)/python -m tests.campaigns $(ARGS)

bench: $(VENV)/.dev ## What the hot paths cost, beside baselines (ARGS=--json for scripts, ARGS=wire_to_book for one row)
	@$(BIN)/relayer bench $(ARGS)

lock: $(VENV)/.dev ## Pin the newest versions that pyproject.toml allows
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --output-file requirements.txt pyproject.toml
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --extra dev --output-file requirements-dev.txt pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
