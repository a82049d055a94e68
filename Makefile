# `make demo` and `make test` need Python 3.11 or newer and make, and set up the rest by themselves.
# npm is for development alone: the scripts' types, and what the browser tests load into pages.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
HOSTS := .venv-hosts
MODULES := $(if $(shell command -v npm),node_modules/.ready)
TSC := node_modules/.bin/tsc

.PHONY: help setup demo test hosts wheel matrix pictures docs faults guards audit lint format bench abuse

help:
	@echo "make demo    a small shop on http://127.0.0.1:8000/ (PORT= for another)"
	@echo "make test    the tests (WORKERS= for more than two at a time, ARGS= for pytest)"
	@echo "make hosts   the tests in a django-oscar shop and on a Wagtail site (ARGS= for pytest)"
	@echo "make wheel   the built wheel, installed on Python 3.11: some tests and a shop's types (ARGS= for nox)"
	@echo "make matrix  the tests on each Python, Django and database, for hours (ARGS= for nox)"
	@echo "make pictures  docs/pictures: each state of the dialog, of the badge and of the pages, and a batch;"
	@echo "             pictures/index.html: the dialog's states in each browser engine, light and dark"
	@echo "make docs    the documentation, into docs/_build"
	@echo "make faults  the long fault tests, for an hour (ROUNDS= for more than one, SEED= for others,"
	@echo "             SHARE= of all steps, MINUTES= at most, TRY_ONS= in the storm)"
	@echo "make guards  takes each guard of the money away and wants a red test"
	@echo "make audit   known holes in what the package needs, in the lowest versions and the newest"
	@echo "make bench   how fast it is, in about half an hour (ARGS= for parts by name, or --quick)"
	@echo "make abuse   what attacks would cost, in a quarter of an hour (ARGS= for --seconds N, or --quick)"
	@echo "make lint    the documentation, ruff, mypy, djade, missing migrations, tsc"
	@echo "make format  ruff's and djade's formatting"
	@echo "make setup   only .venv, with all that the others need"

$(READY): GROUP := dev
$(HOSTS)/.ready: GROUP := hosts
$(READY) $(HOSTS)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(@D)/bin/python -m pip install --quiet --editable . --group $(GROUP)
	@touch $@

# A registry that does not answer is no reason to run no test; but in CI nothing is left out.
node_modules/.ready: package.json package-lock.json
	@npm ci --no-audit --no-fund --loglevel=error && touch $@ || { echo "npm ci failed."; test -z "$$CI"; }

setup: $(READY) $(MODULES)

demo: $(READY)
	@$(BIN)/python example_project/demo.py

# Two at a time: much of it waits for renders. A file's tests stay together.
test: $(READY) $(MODULES)
	$(BIN)/python -m pytest --numprocesses $(or $(WORKERS),2) --dist loadfile $(ARGS)

# Each is a project with settings of its own; tests/conftest.py is of the example shop.
hosts: $(HOSTS)/.ready
	for host in oscar wagtail; do \
	  $(HOSTS)/bin/python -m pytest --confcutdir tests/hosts --ds tests.hosts.$$host.settings tests/hosts/$$host $(ARGS) || exit; \
	done

wheel: $(READY)
	$(BIN)/nox --session wheel $(ARGS)

matrix: $(READY)
	$(BIN)/nox $(ARGS)

pictures: $(READY) $(MODULES)
	rm -rf docs/pictures/*.png pictures
	SCREENSHOTS=docs/pictures $(BIN)/python -m pytest tests/browser/test_accessibility.py $(ARGS)
	SCREENSHOTS=docs/pictures $(BIN)/python -m pytest tests/browser/test_admin_batches.py -k empty_catalogue
	$(BIN)/python -m pytest tests/browser/engines/screenshots.py
	@echo "pictures/index.html"

# A link that leads nowhere is an error; the reference is written from the code.
docs: $(READY)
	$(BIN)/sphinx-build -q -W -n --keep-going -b html docs docs/_build
	@echo "docs/_build/index.html"

faults: $(READY)
	ROUNDS=$(or $(ROUNDS),1) $(BIN)/python -m pytest tests/faults --durations=5 $(ARGS)

guards: $(READY)
	$(BIN)/python -m tests.faults.guards $(ARGS)

audit: $(READY)
	@$(BIN)/python -m tests.package.audit

TEMPLATES = $(shell git ls-files '*.html')

lint: $(READY) $(MODULES) docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/djade --target-version 5.2 --check $(TEMPLATES)
	SECRET_KEY=lint $(BIN)/python example_project/manage.py makemigrations --check --dry-run
	@if [ -x $(TSC) ]; then echo $(TSC); $(TSC); \
	else echo "The scripts' types are not checked: npm has not brought tsc."; test -z "$$CI"; fi

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	-$(BIN)/djade --target-version 5.2 $(TEMPLATES)

bench: $(READY)
	@$(BIN)/python -m pip install --quiet --group bench
	PYTHONPATH=.:example_project $(BIN)/python -m benchmarks $(ARGS)

abuse: $(READY)
	@$(BIN)/python -m pip install --quiet --group bench
	PYTHONPATH=.:example_project $(BIN)/python -m benchmarks.abuse $(ARGS)
