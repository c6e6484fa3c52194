# Everything a developer or a pull-request check runs. `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH := .build/bench
AUDIT := .build/audit
BENCH_ARGS ?=
JOBS ?= 2
# many tests wait for a process: more of them run than there are cores
WORKERS ?= 4
SEEDS ?= 20000

.DEFAULT_GOAL := help
.PHONY: sbom audit help demo test check check-deploy bench simulate plants mutate lock clean

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## validate, plan, apply and put a drift right, on the embedded emulator
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash demo/demo.sh

test: $(STAMP) ## all tests
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered

check: $(STAMP) ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check-deploy: ## deploy/ and docs/ci/ by the tools that will read them (helm, kustomize, actionlint …)
	@bash deploy/check.sh

bench: $(BENCH)/.installed ## side-by-side benchmarks against their baselines (minutes)
	$(BENCH)/bin/python bench/run.py $(BENCH_ARGS)

simulate: $(STAMP) ## the long campaigns: SEEDS=20000 simulated worlds, every kill point
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --jobs $(JOBS)
	$(BIN)/python -m tests.e2e.kills --all --jobs $(JOBS)

plants: $(STAMP) ## plants every fault that the simulation has to find (minutes)
	$(BIN)/python -m tests.simulation.planted --jobs $(JOBS)

mutate: $(STAMP) ## mutation testing of the decisions (minutes)
	$(BIN)/python -m tests.mutation

$(STAMP): pyproject.toml requirements-dev.lock
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $$($(PYTHON) --version) is too old: Python 3.11 or newer is needed, name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) has no venv module: install it (on Debian and Ubuntu: python3-venv)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock \
		|| { echo "make: the dependencies could not be installed: is a package index reachable?" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(BENCH)/.installed: requirements-bench.lock | $(STAMP)
	@test -x $(BENCH)/bin/python || $(BIN)/python -m venv $(BENCH)
	@echo "installing the locked baselines into $(BENCH) (once)"
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

sbom: $(STAMP) ## what the locked requirements bring in, as CycloneDX, and NOTICE with their licences
	$(BIN)/python tools/sbom.py dist/sbom.cdx.json
	$(BIN)/python tools/sbom.py --notice NOTICE

audit: $(AUDIT)/.installed ## known advisories of the locked requirements (needs the network)
	$(AUDIT)/bin/python tools/audit.py

$(AUDIT)/.installed: requirements-audit.lock | $(STAMP)
	@test -x $(AUDIT)/bin/python || $(BIN)/python -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.lock
	@touch $@

# Without addresses, and nothing younger than a week: what is wrong with a release is mostly known by then.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	--no-annotate --no-strip-extras --exclude-newer "$$(date -u -d '7 days ago' +%Y-%m-%dT00:00:00Z)"

lock: ## renew the hashed requirements (needs uv)
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) pyproject.toml --group test --group check --group build -c requirements.lock -o requirements-dev.lock
	$(LOCK) --group build -c requirements-dev.lock -o requirements-build.lock
	$(LOCK) pyproject.toml --group bench -c requirements-dev.lock -o requirements-bench.lock
	$(LOCK) --group audit -c requirements-dev.lock -o requirements-audit.lock

clean: ## remove what the other targets made
	rm -rf $(VENV) .build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
