# One command to start, one to test; CI runs the same two. Needs Python >= 3.11, make and a package index.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
export COUNTERFLOW_HOME ?= $(CURDIR)/var
UV_VERSION := 0.13.9
UV := .uv/bin/uv
BIN := .venv/bin
INSTALLED := .venv/.installed-from-lock

# uv does not read pip's configuration: an index that pip was told of is uv's too.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

# Without bytecode every Airflow process compiles 10,000 modules anew, 5 to 15 s each.
unexport PYTHONDONTWRITEBYTECODE
# Another checkout's package must not shadow this one's.
unexport PYTHONPATH

.PHONY: help install docs demo up cluster servers test slow chaos lint secrets pictures bench bench-large bench-check bench-disclosure bench-validation fuzz audit

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

install: $(INSTALLED) ## .venv, exactly as locked

demo: $(INSTALLED) ## 72 synthetic missions, one night through Airflow, answers from the warehouse
	@$(BIN)/python -m counterflow.orchestration.demo $(DEMO)

up: $(INSTALLED) ## Airflow with its UI on port 8080 (PORT=…) and the nightly schedule, until Ctrl-C
	@$(BIN)/python -m counterflow.orchestration.up --port $(or $(PORT),8080)

servers: ## Debian's sshd, nginx, Redis and PostgreSQL for tests, installed where they are missing (root)
	@tests/servers/install.sh

# In the order of their names: the acceptance tests are the longest, and should not be left for one core at the end.
# One process more than there are cores: tests that wait for a server leave theirs idle.
test: $(INSTALLED) servers ## every test but the slow; TESTS=path or PYTEST='-k name' for some
	$(BIN)/python -m pytest --numprocesses $$(($$(nproc) + 1)) --dist loadfile --no-loadscope-reorder $(PYTEST) $(TESTS)

slow: $(INSTALLED) ## the tests that run whole nights in several orders, for once a night
	$(BIN)/python -m pytest -m slow $(PYTEST) $(TESTS)

chaos: $(INSTALLED) ## kill -9 in every step and compare: KILLS=60 SEED=7 WORKERS=2; what must hold is in docs/reliability.md
	PYTHONPATH=.:plugins $(BIN)/python -m tests.chaos.run --kills $(or $(KILLS),60) --seed $(or $(SEED),7) --workers $(or $(WORKERS),2)

docs: $(INSTALLED) ## the docs as a site, strictly and without a network, in var/docs/site
	@$(BIN)/python -m counterflow.docsite

lint: $(INSTALLED) ## ruff, mypy, sqlfluff, yamllint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/sqlfluff lint --config dbt_project/.sqlfluff --disable-progress-bar dbt_project/models dbt_project/tests

fuzz: $(INSTALLED) ## mutated exports through every reader, on two cores; FUZZ='--inputs N --seconds S', goes on where it was
	@$(BIN)/python -m counterflow.fuzzing --part 1/2 $(FUZZ) & first=$$!; $(BIN)/python -m counterflow.fuzzing --part 2/2 $(FUZZ); wait $$first

audit: $(INSTALLED) ## known vulnerabilities of what is locked, and var/sbom.json (CycloneDX)
	@$(BIN)/python -m counterflow.auditing

secrets: $(INSTALLED) ## var/secrets, for docker-compose.yml; SHAPE=cluster for its profile
	@$(BIN)/python -m counterflow.orchestration.server_secrets $(if $(filter cluster,$(SHAPE)),--cluster)

cluster: $(INSTALLED) servers ## 72 missions over a cluster on this machine, one of its workers killed; CLUSTER=options
	@$(BIN)/python -m tests.cluster.show $(CLUSTER)

pictures: $(INSTALLED) ## take the pictures of docs/missions_page.md anew
	$(BIN)/python -m tests.pages.pictures

bench: $(INSTALLED) ## the targets and what is measured of them, into docs/benchmarks.md; BENCH='--only throughput' for a part
	@$(BIN)/python -m counterflow.bench $(BENCH)

bench-large: $(INSTALLED) ## the same of 1.6 million cases; LARGE=--huge for 16 million, once
	@$(BIN)/python -m counterflow.bench $(or $(LARGE),--large)

bench-check: $(INSTALLED) ## ratios beside those recorded last, fails where one grew; BENCH='--only start' for a part
	@$(BIN)/python -m counterflow.bench --check $(BENCH)

bench-disclosure: $(INSTALLED) ## disclosure control beside its peers, into docs/benchmarks.md
	$(BIN)/python -m counterflow.disclosure.bench

bench-validation: $(INSTALLED) ## validation beside GX's plain forms, pandera and dbt, into docs/benchmarks.md; VALIDATION='--cases N N --repeat N'
	$(BIN)/python -m counterflow.validation.bench $(VALIDATION)

# uv has its own environment: `uv pip sync` removes from .venv all that is not in the lock.
$(UV):
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Counterflow needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(INSTALLED): requirements.lock pyproject.toml $(UV)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@
