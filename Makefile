# What one does with this project; `make` lists it. Everything is installed into .venv, in the versions of constraints.txt, and the
# servers that the tests start by apt. A second run installs nothing.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
# The first that is new enough and can make a virtual environment; constraints.txt was made with 3.11.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	$$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# --no-compile: what is imported is compiled then, the rest (most of it) never; saves 3 of 11 seconds.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile -c constraints.txt
# The build tools first, and then no environment of their own for them: so their versions are those of constraints.txt, too.
define install
	@$(PIP_INSTALL) hatchling editables
	@$(PIP_INSTALL) --no-build-isolation -e '.$(EXTRAS)'
	@touch $@
endef

# Without a mosquitto the demo needs a broker in Python as well. Each kind of installation has a stamp of its own.
MOSQUITTO := $(shell PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto)
RUN := $(VENV)/.installed-run$(if $(MOSQUITTO),,-embedded)
TEST := $(VENV)/.installed-test

# What the tests start, and Debian's package of it. The -core packages are MariaDB without a service, an account or a data directory;
# procps is looked for by its ps, since every shell has a kill of its own, and the systemd unit needs /bin/kill.
PROGRAMS := mosquitto=mosquitto mosquitto_pub=mosquitto-clients \
	mariadbd=mariadb-server-core mariadb-install-db=mariadb-server-core my_print_defaults=mariadb-client-core \
	dbus-daemon=dbus gdbus=libglib2.0-bin systemd-analyze=systemd ps=procps strace=strace groff=groff-base jq=jq

# The official AsyncAPI parser is a program for node; npm takes the versions of the lock file.
PARSER := .ci/asyncapi/node_modules/.installed

# Most of their time tests wait: for servers to start, for faults to last.
SIDE_BY_SIDE := -q -n auto --dist worksteal

.PHONY: help run test lint types imports tests unit coverage bench chaos docs docs-check docs-parser clean programs

help: ## list this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN) ## start the demo: a broker, a database in ./var, the daemon, a short story; ctrl-c ends it
	@$(BIN)/axion-bus demo

test: programs $(TEST) ## check everything: style, types, imports, all tests; installs the servers they need by apt
	@.ci/steps lint types imports tests

lint: $(TEST) ## check style and format
	@$(BIN)/ruff check . && checked=0 || checked=1; $(BIN)/ruff format --check . && exit $$checked

types: $(TEST) ## check types
	@$(BIN)/mypy

imports: $(TEST) ## check who imports whom
	@$(BIN)/lint-imports

unit: $(TEST) ## run the tests that need no server
	@$(BIN)/pytest -q tests/unit

tests: programs $(TEST) ## run all tests, side by side, and tell the slowest
	@$(BIN)/pytest $(SIDE_BY_SIDE) --durations=20

coverage: programs $(TEST) ## run all tests and say which lines they did not reach; takes a third longer
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(SIDE_BY_SIDE)
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report

bench: programs $(TEST) ## measure how fast it is; prints one table
	@$(BIN)/python -m tests.bench

chaos: programs $(TEST) ## run the fault tests in their long forms
	@$(BIN)/pytest tests/chaos --long

docs: $(TEST) ## write the documents that are made from the code: picture, references, schemas, man page, completions
	@$(BIN)/python -m tests.drawing docs/picture.svg
	@$(BIN)/python -m axion_bus.config.reference docs/configuration.md
	@$(BIN)/python -m axion_bus.telemetry.reference docs/metrics.md
	@$(BIN)/python -m axion_bus.buses.dbus.documents config/dbus
	@$(BIN)/axion-bus schema asyncapi > docs/asyncapi.json
	@for name in alert event command; do $(BIN)/axion-bus schema $$name > docs/schemas/$$name.json || exit 1; done
	@$(BIN)/python -m axion_bus.cli.manual > share/man/man1/axion-bus.1
	@$(BIN)/axion-bus completion bash > share/bash-completion/completions/axion-bus
	@$(BIN)/axion-bus completion zsh > share/zsh/site-functions/_axion-bus
	@$(BIN)/axion-bus completion fish > share/fish/vendor_completions.d/axion-bus.fish

docs-check: $(PARSER) ## have the AsyncAPI document and the schemas read by the official parser; installs node by apt, it by npm
	@node .ci/asyncapi/check.mjs

docs-parser: $(PARSER)

clean: ## remove what was installed and built here, and the demo's database
	rm -rf $(VENV) var build dist .coverage .coverage.* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		.ci/asyncapi/node_modules

programs:
	@.ci/install-programs $(PROGRAMS)

$(PARSER): .ci/asyncapi/package-lock.json
	@.ci/install-programs node=nodejs npm=npm
	@echo "installing the AsyncAPI parser (once)"
	@cd .ci/asyncapi && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --loglevel=error || \
		{ echo "npm could not install the AsyncAPI parser: does it reach its registry?" >&2; exit 1; }
	@touch $@

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer with venv found: apt-get install python3 python3-venv" >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(RUN): EXTRAS := $(if $(MOSQUITTO),,[embedded])
$(RUN): pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@echo "installing axion-bus and the libraries it runs on (once)"
	$(install)

$(TEST): EXTRAS := [embedded,test,lint,bench]
$(TEST): pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@echo "installing axion-bus and the tools that test it (once)"
	$(install)
