# Every target sets up its own virtual environment first; nothing but Python >= 3.11 is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
MUTATION_READY := $(VENV)/.mutation-ready
DOCS_READY := $(VENV)/.docs-ready

# The tests and the suite start some thousand processes: each would compile our modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup browser postgresql verify test test-all lint docs bench gpu report matrix oracle-witness mutation clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(READY) ## make .venv with the versions that were tested

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# Chromium of the distribution: Playwright drives it. Nothing happens where one is there already.
browser: ## the browser that the tests of the page need (Debian or Ubuntu, as root)
	@command -v chromium >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium; }

# The tests start a server of their own, in a folder that is gone afterwards.
postgresql: ## the server that the tests of stores need (Debian or Ubuntu, as root)
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql; }

verify: $(READY) ## is it right? every backend that runs here, quick profile
	$(BIN)/python -m verify

# Neighbours stay together, and share what they have in common; who is done takes from the other.
TESTS := $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

test: $(READY) ## the tests, on two cores
	$(TESTS)

test-all: $(READY) ## the slow tests too
	$(TESTS) -m ""

lint: $(READY) ## style, types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	touch $@

docs: $(DOCS_READY) ## the documentation site into build/docs; every warning is an error
	$(BIN)/sphinx-build -W --keep-going -q docs build/docs

bench: $(READY) ## how fast? every backend that runs here
	$(BIN)/python -m bench

# Not in .venv: whoever has a GPU has a torch of their own that was built for it.
gpu: ## softmax on an NVIDIA GPU beside a copy, into docs; needs torch for CUDA, triton and numpy
	$(PYTHON) -m bench.gpu --output docs/gpu.md

report: $(READY) ## the latest run's tables
	$(BIN)/python -m reports

matrix: $(READY) ## the suite against wrong and sound backends, into docs (fifteen minutes on 2 cores)
	$(BIN)/python -m tests.bad_backends.matrix --output docs/kill-matrix.md

oracle-witness: $(READY) ## a million outputs per format, mpmath against Arb, into docs (half an hour)
	$(BIN)/python -m verify.oracle.crosscheck --count 1000000 --output docs/oracle-witness.md

$(MUTATION_READY): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[mutation]'
	touch $@

# From nothing each time: mutmut keeps a verdict as long as the function stays, whatever the tests do.
mutation: $(MUTATION_READY) ## changes in what judges that no test sees, on one core (docs/mutation.md)
	rm -rf mutants
	$(BIN)/mutmut run --max-children 1
	$(BIN)/mutmut results
	@$(BIN)/mutmut results --all true | sed -E 's/^ *([a-z]+\.[a-z]+)\..*: /\1 /' | sort | uniq -c

clean: ## remove what the other targets made
	rm -rf $(VENV) build/docs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks mutants
