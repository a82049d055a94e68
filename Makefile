# `make demo` and `make test` need only Python 3.11 or newer and install the rest themselves.
# npm is for development only: it installs tsc, which checks the scripts' types, and axe for the browser tests.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DEMO := .venv/.demo
HOSTS := .venv-hosts
MODULES := $(if $(shell command -v npm),node_modules/.ready)
TSC := node_modules/.bin/tsc

# Containers often forbid bytecode files. Without them each process compiles all modules and tests again.
unexport PYTHONDONTWRITEBYTECODE

# Staff read these languages; the catalogues of all others have only the messages for shoppers.
STAFF_LANGUAGES := ar de

.PHONY: help setup demo test hosts sqlite-load wheel matrix pictures messages docs agents faults guards audit release-check lint format bench abuse

help:
	@echo "make demo    run the example shop on http://127.0.0.1:8000/ (PORT=8001 for another port)"
	@echo "make test    run the tests (WORKERS= processes, default 2; ARGS= for pytest)"
	@echo "make hosts   run the tests in a django-oscar shop, a Wagtail site, a shop with image libraries and admin themes"
	@echo "make sqlite-load  measure how often SQLite makes the Oscar shop fail, with and without its options"
	@echo "make wheel   build the wheel, install it on Python 3.11, run some tests and a type check (ARGS= for nox)"
	@echo "make matrix  run the tests on each Python, Django and database; takes hours (ARGS= for nox)"
	@echo "make pictures  take the screenshots: of all states of dialog, badge, pages and batches for docs/pictures,"
	@echo "             and of the dialog in each browser engine, light and dark, for pictures/index.html"
	@echo "make messages  update and compile the catalogues of all languages (needs GNU gettext)"
	@echo "make docs    build the documentation in docs/_build"
	@echo "make agents  write AGENTS.md from the documentation"
	@echo "make faults  run the long fault tests, about an hour (ROUNDS= repetitions, SEED= random seed,"
	@echo "             SHARE= of the fault points, MINUTES= at most, TRY_ONS= for the random kills)"
	@echo "make guards  remove each guard of a paid call in turn and check that a test fails"
	@echo "make audit   check the lowest and the newest versions of the dependencies for known vulnerabilities"
	@echo "make release-check  build twice, check and install what would be published (TAG=v0.2.0; ARGS=--links also"
	@echo "             follows the links of the documentation)"
	@echo "make bench   run the benchmarks, about twenty minutes (ARGS= names of parts, or --quick)"
	@echo "make abuse   measure what attacks cost, a quarter of an hour (ARGS= --seconds N, or --quick)"
	@echo "make lint    build the documentation; run ruff, mypy, djade, makemigrations --check and tsc"
	@echo "make format  format with ruff and djade"
	@echo "make setup   only create .venv"

# The demo needs a tenth of what the tests need.
$(DEMO): GROUP := example
$(READY): GROUP := dev
$(HOSTS)/.ready: GROUP := hosts
$(DEMO) $(READY) $(HOSTS)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet 'uv>=0.7'
	$(@D)/bin/uv pip install --quiet --python $(@D)/bin/python --editable . --group $(GROUP)
	@touch $@

# If the npm registry is not available, tests that need npm are skipped, but in CI it is an error.
node_modules/.ready: package.json package-lock.json examples/react/package.json
	@npm ci --no-audit --no-fund --loglevel=error && touch $@ || { echo "npm ci failed."; test -z "$$CI"; }

setup: $(READY) $(MODULES)

demo: $(or $(wildcard $(READY)),$(DEMO))
	@$(BIN)/python example_project/demo.py

# Two processes: many tests wait for renders. The tests of a file run in one process.
test: $(READY) $(MODULES)
	$(BIN)/python -m pytest --numprocesses $(or $(WORKERS),2) --dist loadfile --no-loadscope-reorder $(ARGS)

# Each host is a project with its own settings; tests/conftest.py belongs to the example shop.
hosts: hosts-themes hosts-oscar hosts-thumbnails hosts-wagtail

hosts-%: $(HOSTS)/.ready
	$(HOSTS)/bin/python -m pytest --confcutdir tests/hosts --ds tests.hosts.$*.settings tests/hosts/$* $(ARGS)

# A measurement, whose figures are in docs/performance.md.
sqlite-load: $(HOSTS)/.ready
	DJANGO_SETTINGS_MODULE=tests.hosts.oscar.settings $(HOSTS)/bin/python -m tests.hosts.sqlite_load

wheel: $(READY)
	$(BIN)/nox --session wheel pyright $(ARGS)

matrix: $(READY)
	$(BIN)/nox $(ARGS)

pictures: $(READY) $(MODULES)
	rm -rf docs/pictures/*.png pictures
	SCREENSHOTS=docs/pictures $(BIN)/python -m pytest tests/browser/test_accessibility.py $(ARGS)
	SCREENSHOTS=docs/pictures $(BIN)/python -m pytest tests/browser/test_merchant_batches.py -k empty_catalogue
	$(BIN)/python -m pytest tests/browser/engines/screenshots.py
	@echo "pictures/index.html"

# The messages for shoppers are those with the context "vton". The date would change all files each time.
messages: $(READY)
	cd django_vton && ../$(BIN)/django-admin makemessages --all --no-obsolete --add-location file
	for po in $(filter-out $(STAFF_LANGUAGES:%=django_vton/locale/%/LC_MESSAGES/django.po),$(wildcard django_vton/locale/*/LC_MESSAGES/django.po)); do \
		msggrep --msgctxt --regexp='^vton$$' --output-file=$$po $$po || exit; \
	done
	sed -i.old '/^"POT-Creation-Date/d' django_vton/locale/*/LC_MESSAGES/django.po
	rm django_vton/locale/*/LC_MESSAGES/django.po.old
	cd django_vton && ../$(BIN)/django-admin compilemessages

# A broken link is an error. The reference is generated from the code.
docs: $(READY)
	$(BIN)/sphinx-build -q -W -n --keep-going -b html docs docs/_build
	@echo "docs/_build/index.html"

agents: $(READY)
	$(BIN)/python -m docs.agents

faults: $(READY)
	ROUNDS=$(or $(ROUNDS),1) $(BIN)/python -m pytest tests/faults --durations=5 $(ARGS)

guards: $(READY)
	$(BIN)/python -m tests.faults.guards $(ARGS)

audit: $(READY)
	@$(BIN)/python -m tests.package.audit

release-check: $(READY)
	@$(BIN)/python -m tests.package.release $(ARGS)

TEMPLATES = $(shell git ls-files '*.html')

lint: $(READY) $(MODULES) docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/djade --target-version 5.2 --check $(TEMPLATES)
	SECRET_KEY=lint $(BIN)/python example_project/manage.py makemigrations --check --dry-run
	@if [ -x $(TSC) ]; then echo $(TSC); $(TSC); \
	else echo "The scripts' types are not checked, because npm could not install tsc."; test -z "$$CI"; fi

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	-$(BIN)/djade --target-version 5.2 $(TEMPLATES)

bench: $(READY)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	PYTHONPATH=.:example_project $(BIN)/python -m benchmarks $(ARGS)

abuse: $(READY)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	PYTHONPATH=.:example_project $(BIN)/python -m benchmarks.abuse $(ARGS)
