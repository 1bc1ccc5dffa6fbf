# On Debian or Raspberry Pi OS with python3, python3-venv and make, `make sim` and `make test` do everything.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help sim demo test lint types bench leakcheck fuzz clean test-tools

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'ARGS="..." goes to the program that is run; PYTHON=... makes .venv with another Python (after make clean).'

sim: $(VENV)/.sim  ## Run a whole site on this machine until Ctrl-C (ARGS="--doors 3")
	@$(BIN)/lock-sim $(ARGS)

demo: $(VENV)/.sim  ## Play one visit at a door on the real parts, and tell it
	@$(BIN)/lock-sim demo $(ARGS)

test: $(VENV)/.test test-tools  ## Run all tests, and name what could not run here (ARGS="tests/core -x")
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/.test  ## Check style and format
	$(BIN)/ruff check $(ARGS)
	$(BIN)/ruff format --check $(ARGS)

types: $(VENV)/.test  ## Check types
	$(BIN)/mypy $(ARGS)

bench: $(VENV)/.sim  ## Measure on the virtual board (three minutes)
	@$(BIN)/python -m benchmarks $(ARGS)

leakcheck: $(VENV)/.sim  ## Look whether the time of a decision tells anything about codes (two minutes)
	@$(BIN)/python -m benchmarks.leakcheck $(ARGS)

fuzz: $(VENV)/.fuzz  ## Throw bad input at whatever takes input (six minutes; ARGS="envelope --seconds 600")
	@$(BIN)/python -m tests.fuzz $(ARGS)

clean:  ## Remove .venv and what tools leave behind; the simulated site in .lock-sim stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what is installed: nothing is installed again until pyproject.toml changes.

define make_venv
@command -v $(PYTHON) >/dev/null || { \
	echo "There is no $(PYTHON) here. Install it: sudo apt install python3 python3-venv"; exit 1; }
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1)."; \
	echo "Debian 12 and Raspberry Pi OS bookworm bring it: sudo apt install python3 python3-venv"; \
	echo "If there is a newer one under another name: make PYTHON=python3.12 ..."; exit 1; }
@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	echo "$(PYTHON) cannot make virtual environments yet. Install that: sudo apt install python3-venv"; exit 1; }
@$(PYTHON) -m venv $(VENV)
endef

$(VENV)/.sim: pyproject.toml
	@echo "Installing lock-agent and its simulator into $(VENV) ..."
	$(make_venv)
	@$(PIP) install -e '.[sim]'
	@touch $@

$(VENV)/.test: pyproject.toml
	@echo "Installing lock-agent, its simulator and its tests into $(VENV) ..."
	$(make_venv)
	@$(PIP) install -e '.[sim,test]'
	@touch $(VENV)/.sim $@

# Without it hypothesis makes the inputs, and no lines are counted.
$(VENV)/.fuzz: $(VENV)/.test
	@$(PIP) install -e '.[fuzz]' || echo "pip could not install atheris; hypothesis makes the inputs instead"
	@touch $@

# Without these the tests that need them say so and are left out. Only who asks for it gets system packages installed.
define from_apt
@if [ "$$LOCK_TEST_APT" = 1 ] && [ "$$(id -u)" = 0 ] && ! PATH="$$PATH:/usr/sbin" command -v $(1) >/dev/null; then \
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y $(2); } \
		>/dev/null 2>&1 || echo "apt could not install $(2); the tests that need it are left out"; \
fi
endef

# PyPI's osdp, a control panel, has the import name of libosdp: an environment of its own.
OSDP_PANEL := $(VENV)/osdp-panel

test-tools: $(VENV)/.test
	@if ! [ -e $(OSDP_PANEL)/.installed ]; then \
		echo "Installing another control panel for the tests into $(OSDP_PANEL) ..."; \
		$(BIN)/python -m venv $(OSDP_PANEL) && \
		$(OSDP_PANEL)/bin/python -m pip --disable-pip-version-check --quiet install osdp==1.6 && \
		touch $(OSDP_PANEL)/.installed || \
		echo "pip could not install osdp 1.6; its tests are left out"; \
	fi
	$(call from_apt,mosquitto,mosquitto)
	$(call from_apt,oathtool,oathtool)
	$(call from_apt,npm,nodejs npm)
	@if command -v npm >/dev/null && ! cmp -s tests/javascript/package-lock.json $(VENV)/javascript/.installed; then \
		echo "Installing the JavaScript SDKs for the tests into $(VENV)/javascript ..."; \
		mkdir -p $(VENV)/javascript && cp tests/javascript/package*.json $(VENV)/javascript && \
		npm ci --prefix $(VENV)/javascript --ignore-scripts --no-audit --no-fund --silent \
			--fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 && \
		cp tests/javascript/package-lock.json $(VENV)/javascript/.installed || \
		echo "npm could not install the JavaScript SDKs; their tests are left out"; \
	fi
