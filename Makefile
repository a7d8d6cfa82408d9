# `make` alone lists the targets. Extra arguments for a tool: make test ARGS="-k webhooks".

PYTHON ?= python3
ARGS ?=

PY := .venv/bin/python
# Runs a command between the start and the stop of a throw-away PostgreSQL and Redis.
SCRATCH := $(PY) -m gateway_site.embedded --scratch
PRODUCT := .venv/.product-installed
TOOLS := .venv/.tools-installed
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/pip-compile --quiet \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	--strip-extras --allow-unsafe
# Random secrets of the length that `check --deploy` asks for.
RANDOM_SECRET = $$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')

.DEFAULT_GOAL := help
.PHONY: help run demo manage test lint types check check-migrations check-deploy check-openapi openapi bench \
	screenshots lock clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(PRODUCT)  ## Run the whole gateway on this machine until Ctrl-C
	@$(PY) manage.py up

manage: $(PRODUCT)  ## Run a management command on the data of `make run` (ARGS="changepassword ...")
	@$(PY) -m gateway_site.embedded -- $(PY) manage.py $(ARGS)

demo: $(PRODUCT)  ## Watch the simulated phone of a running gateway, and type texts into it
	@$(PY) -m agent console --data-dir "$${DATA_DIR:-var}/phone"

test: $(TOOLS)  ## Run the tests against throw-away servers
	$(SCRATCH) -- $(PY) -m pytest -n auto --dist loadgroup $(ARGS)

lint: $(TOOLS)  ## Look for mistakes, formatting and forbidden imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports

types: $(TOOLS)  ## Check the types
	.venv/bin/mypy .

check: lint types check-migrations check-deploy check-openapi  ## Everything but the tests

check-migrations: $(TOOLS)  ## Is a migration missing?
	$(SCRATCH) -- $(PY) manage.py makemigrations --check --dry-run

check-deploy: $(TOOLS)  ## Do Django's deployment checks pass with production's variables?
	PUBLIC_URL=https://gateway.example.org SECRET_KEY="$(RANDOM_SECRET)" \
	KEY_PEPPER="$(RANDOM_SECRET)" ENCRYPTION_KEYS="$(RANDOM_SECRET)" \
	$(SCRATCH) -- $(PY) manage.py check --deploy --fail-level WARNING

check-openapi: $(TOOLS)  ## Is docs/openapi.yaml what the code says?
	@fresh=$$(mktemp) && trap 'rm -f "$$fresh"' EXIT && \
	$(SCRATCH) -- $(PY) manage.py spectacular --validate --fail-on-warn --file "$$fresh" && \
	{ diff -u docs/openapi.yaml "$$fresh" || \
	{ echo "docs/openapi.yaml is out of date: run 'make openapi' and commit it." >&2; exit 1; }; }

openapi: $(TOOLS)  ## Write docs/openapi.yaml
	$(SCRATCH) -- $(PY) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

bench: $(TOOLS)  ## Measure, with a database that waits for the disk
	$(SCRATCH) --durable -- $(PY) -m bench $(ARGS)

screenshots: $(TOOLS)  ## Take a picture of every page into var/screenshots (ARGS=--readme: those of README.md)
	$(PY) -m tests.browser.screenshots $(ARGS)

lock: $(TOOLS)  ## Pin the requirements anew from requirements*.in (ARGS=--upgrade for newer ones)
	$(PIP_COMPILE) $(ARGS) --output-file requirements.txt requirements.in
	$(PIP_COMPILE) $(ARGS) --output-file requirements-dev.txt requirements-dev.in

clean:  ## Remove .venv and caches; the data in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PRODUCT): requirements.txt | $(PY)
	@echo "Installing what the gateway needs into .venv (a minute or two) ..."
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(TOOLS): requirements.txt requirements-dev.txt | $(PY)
	@echo "Installing what the gateway and its tests need into .venv (a minute or two) ..."
	@$(PIP_INSTALL) -r requirements.txt -r requirements-dev.txt
	@touch $@ $(PRODUCT)

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "Python 3.11 or newer is needed: install it, or name it (make run PYTHON=python3.12)." >&2; \
	exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "Python's venv module is missing: install it (on Debian and Ubuntu: python3-venv)." >&2; \
	exit 1; }
	@$(PYTHON) -m venv .venv
