# `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

HOST ?= 127.0.0.1
PORT ?= 5000
export HOST PORT
ifdef WORKERS
export WEB_CONCURRENCY := $(WORKERS)
endif

.DEFAULT_GOAL := help
.PHONY: help install run test pythons prove fuzz bench docs check format clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.app ## Create .venv/ and install what the app needs

run: $(VENV)/.app ## Serve the app: PORT= HOST= WORKERS= DATABASE_URL= REDIS_URL=
	@exec scripts/run.sh

test: $(VENV)/.test ## Lint, types and the whole suite on real services
	@$(BIN)/python scripts/install_chromium.py
	@scripts/install_redis.sh
	@scripts/install_proxies.sh
	@$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

pythons: ## The suite on each Python that setup.cfg names and that is here: PYTHONS=3.12,3.13 ARGS='tests/unit -q'
	@$(PYTHON) scripts/pythons.py

prove: $(VENV)/.test ## The model by exhaustion, the code by thousands of runs: RUNS=
	@$(BIN)/python scripts/prove.py $(or $(RUNS),5000)

fuzz: $(VENV)/.test ## The HTTP API against its own description, for longer: EXAMPLES=
	$(BIN)/python -m tests.producers.fuzz $(or $(EXAMPLES),1000)

bench: $(VENV)/.test ## CPU, memory and latency beside a Node and a Flask-SocketIO service: BENCH='NAME ... --quick'
	@$(BIN)/python -m benchmarks $(BENCH)

docs: $(VENV)/.docs ## Build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "site/index.html; with search: $(BIN)/python -m http.server --directory site"

check: $(VENV)/.test ## Format check, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.test ## Format, and fix what lint can fix
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean: ## Remove .venv/ and everything generated; instance/ (your data) stays
	rm -rf $(VENV) build dist site *.egg-info test-artifacts bench-results benchmarks/peers/node/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is written last, so an interrupted step is done again.
$(VENV)/.created:
	@scripts/create_venv.sh "$(PYTHON)" $(VENV)
	@touch $@

$(VENV)/.app: $(VENV)/.created setup.cfg pyproject.toml
	$(PIP) --editable '.[app]'
	@touch $@

$(VENV)/.test: $(VENV)/.created setup.cfg pyproject.toml
	$(PIP) --editable '.[app,docs,test]'
	@touch $(VENV)/.app $(VENV)/.docs $@

$(VENV)/.docs: $(VENV)/.created setup.cfg pyproject.toml
	$(PIP) --editable '.[docs]'
	@touch $@
