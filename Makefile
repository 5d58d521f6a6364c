# Every target works on a fresh machine: it installs what it needs first.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Where it is set, each process of the system and of the tests would compile our code anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test test-stack test-thorough test-containers lint check migration bench run stop lock audit format clean

help:  ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(STAMP)  ## Create .venv from the hash-locked requirements.

$(STAMP): requirements-dev.lock requirements-bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed; name one with PYTHON=python3.12'; exit 1; }
	@echo 'Installing the locked packages into $(VENV) …'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements-bootstrap.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes \
		requirements-dev.lock requirements-bootstrap.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## Start the whole stack, process a real image, show its variants.
	@$(BIN)/product-images demo

test: $(STAMP)  ## Run all tests against private stacks, or some: T=tests/unit/… K=name.
	@$(BIN)/python -m tests $(if $(T)$(K),some $(T) $(if $(K),-k "$(K)"))

test-stack: $(STAMP)  ## Keep a stack running for `make test T=…` until Ctrl-C.
	@$(BIN)/python -m tests.support.stack_server

test-thorough: $(STAMP)  ## Run the tests that take hours: each fault of each part, ORDEAL_JOBS=300 each.
	@$(BIN)/python -m tests thorough

test-containers: $(STAMP)  ## Install, break, upgrade and restore the system in containers: needs a Docker engine.
	@$(BIN)/python -m tests containers

lint: $(STAMP)  ## Check format, lint, types, and the files for containers.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/hadolint infra/docker/Dockerfile
	@$(BIN)/check-jsonschema -q --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml

check: $(STAMP)  ## Run lint, architecture and unit tests: before each commit.
	@$(MAKE) --no-print-directory lint & lint=$$!; \
		$(BIN)/python -m tests check; tests=$$?; wait $$lint && exit $$tests

migration: $(STAMP)  ## Write the next migration from changes of the models: M="What it does".
	@$(BIN)/python -m tests.migration "$(M)"

bench: $(STAMP)  ## Run the benchmarks and print a table with ratios.
	@$(BIN)/python -m tests.benchmarks

run: $(STAMP)  ## Run the stack in the foreground.
	@$(BIN)/product-images stack up

stop: $(STAMP)  ## Stop the running stack.
	@$(BIN)/product-images stack down

format: $(STAMP)  ## Format the code.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(STAMP)  ## Refresh the lock files from pyproject.toml.
	@$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-annotate --no-header \
		pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-annotate --no-header \
		--extra heic -c requirements.lock pyproject.toml -o requirements-heic.lock
	@$(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-annotate --no-header \
		--extra heic --extra local --extra dev -c requirements.lock pyproject.toml \
		-o requirements-dev.lock
	@echo uv | $(BIN)/uv pip compile -q --upgrade --universal --generate-hashes --no-annotate \
		--no-header - -o requirements-bootstrap.lock

audit: $(STAMP)  ## Check the locked packages for published advisories.
	@$(BIN)/python -m tests.audit

clean:  ## Remove installed and built files (the stack's data in .local stays).
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
