# `make demo` and `make test` need Python 3.11 or newer and make, and set up the rest by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test faults guards lint format bench

help:
	@echo "make demo    a small shop on http://127.0.0.1:8000/ (PORT= for another)"
	@echo "make test    the tests (WORKERS= for more than two at a time, ARGS= for pytest)"
	@echo "make faults  the long fault tests, for an hour (ROUNDS= for more than one, SEED= for others,"
	@echo "             SHARE= of all steps, MINUTES= at most, TRY_ONS= in the storm)"
	@echo "make guards  takes each guard of the money away and wants a red test"
	@echo "make lint    ruff, mypy, djade, missing migrations"
	@echo "make format  ruff's and djade's formatting"
	@echo "make setup   only .venv, with all that the others need"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

setup: $(READY)

demo: $(READY)
	@$(BIN)/python example_project/demo.py

# Two at a time: much of it waits for renders. A file's tests stay together.
test: $(READY)
	$(BIN)/python -m pytest --numprocesses $(or $(WORKERS),2) --dist loadfile $(ARGS)

faults: $(READY)
	ROUNDS=$(or $(ROUNDS),1) $(BIN)/python -m pytest tests/faults --durations=5 $(ARGS)

guards: $(READY)
	$(BIN)/python -m tests.faults.guards $(ARGS)

TEMPLATES = $(shell git ls-files '*.html')

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/djade --target-version 5.2 --check $(TEMPLATES)
	SECRET_KEY=lint $(BIN)/python example_project/manage.py makemigrations --check --dry-run

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	-$(BIN)/djade --target-version 5.2 $(TEMPLATES)

bench:
	@echo "There is no benchmark yet."
