# make demo   run the audit on the sample account: no account, no token
# make test   install what the tests need, and run them all
# make coverage  the same, and tell which lines and branches no test reaches: it takes twice as long
# make lint   formatting, lint, types, import contracts
# make bench  measure, and print the figures of benchmarks/README.md
# make release  fill dist/ with the sdist, the wheel, an SBOM and their SHA-256, the same bytes for the same commit
# make lock   renew requirements.txt, and those with more: -notify, -extras, -dev
# make docs   renew what is generated: docs/help.md, docs/faults.md, docs/rules.md and more
# make picture  renew docs/*.png; it needs chromium

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Where Python may not keep what it compiled, every process compiles all modules and templates anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo dev tools test coverage lint reformat bench release lock docs picture clean
.DEFAULT_GOAL := demo

# Exit code 1 is what the demo is for; anything else is a failure.
demo: $(VENV)/run.stamp
	@$(BIN)/python audit.py --demo; code=$$?; \
	echo "→ audit.py --demo ended with exit code $$code; open reports/report.html"; test $$code -eq 1

dev: $(VENV)/dev.stamp tests/peers/node_modules/.package-lock.json tools

PYTEST := -m pytest --numprocesses auto --dist worksteal

test: dev lint
	$(BIN)/python $(PYTEST) $(PYTEST_ARGS)

coverage: dev
	$(BIN)/coverage erase
	COVERAGE_PROCESS_START=pyproject.toml $(BIN)/coverage run $(PYTEST) $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet; $(BIN)/coverage report

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet --output-format concise .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache > .lint-imports.log || (cat .lint-imports.log; exit 1)

reformat: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp
	PYTHON=$(PYTHON) $(BIN)/python benchmarks/run.py

release: $(VENV)/dev.stamp
	@BIN=$(BIN) .ci/release

docs: $(VENV)/dev.stamp
	$(BIN)/python docs/make.py

picture: $(VENV)/dev.stamp tools
	$(BIN)/python docs/pictures.py

lock: $(VENV)/dev.stamp
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
		--quiet --upgrade --output-file requirements.txt
	sed -i.bak '1i # What the tool runs with, for Python 3.11 and later. Made by `make lock`; see pyproject.toml.' \
		requirements.txt && rm requirements.txt.bak
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header \
		--quiet --upgrade --constraint requirements.txt --output-file requirements-dev.txt
	$(BIN)/uv pip compile pyproject.toml --extra notify --universal --python-version 3.11 --generate-hashes --no-header \
		--quiet --upgrade --constraint requirements-dev.txt --output-file requirements-notify.txt
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-header \
		--quiet --upgrade --constraint requirements-dev.txt --output-file requirements-extras.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is needed (on Debian: apt install python3-venv)"; exit 1; }

$(VENV)/run.stamp: requirements.txt | $(VENV)/bin/python
	@echo "installing what the tool needs into $(VENV), once"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $@

# All that is needed is in the lock. Without --no-deps pip may look for newer versions of what is asked for with an extra.
$(VENV)/dev.stamp: requirements-dev.txt | $(VENV)/bin/python
	@echo "installing what the tests need into $(VENV), once"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements-dev.txt
	@touch $@ $(VENV)/run.stamp

# The official CLI, a peer of the tests. Without npm they skip, and say so; in CI they fail.
tests/peers/node_modules/.package-lock.json: tests/peers/package.json tests/peers/package-lock.json
	@if command -v npm > /dev/null; then npm ci --silent --ignore-scripts --no-audit --no-fund --prefix tests/peers && touch $@; \
	else echo "npm is not here: the tests with the official CLI will be skipped"; fi

# A browser, Java for the HTML checker, systemd's checker, LibreOffice for workbooks (88 MB to download, half a minute),
# poppler for printed pages, the shells that complete options, PostgreSQL, Prometheus' rule tester. Where they can't be
# installed the tests that need them skip, and say so; in CI they fail. Prometheus' package would start a service, so only
# promtool is taken.
tools: | $(VENV)/bin/python
	@missing=""; \
	for each in chromium:chromium java:default-jre-headless systemd-analyze:systemd soffice:libreoffice-calc-nogui \
		pdftotext:poppler-utils zsh:zsh fish:fish; do \
		command -v $${each%%:*} > /dev/null || missing="$$missing $${each##*:}"; done; \
	ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || command -v postgres > /dev/null || missing="$$missing postgresql"; \
	if [ -z "$$missing" ]; then :; \
	elif command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing > /dev/null; \
	else echo "not here, so some tests will be skipped:$$missing (on Debian: apt install$$missing)"; fi
	@if command -v promtool > /dev/null || [ -x $(BIN)/promtool ]; then :; \
	elif command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null; then \
		if [ "$$(id -u)" = 0 ]; then apt-get update -qq; fi; \
		folder=$$(mktemp -d) && (cd "$$folder" && apt-get download -qq prometheus 2> /dev/null && \
		dpkg-deb --extract prometheus_*.deb .) && mv "$$folder/usr/bin/promtool" $(BIN)/promtool || \
		echo "promtool could not be installed, so some tests will be skipped"; rm -rf "$$folder"; \
	else echo "promtool is not here, so some tests will be skipped"; fi

clean:
	rm -rf $(VENV) .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist tests/peers/node_modules
