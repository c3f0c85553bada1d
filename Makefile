# Two commands do everything: `make demo` and `make test`. They set up what they need by themselves.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TRAIN := $(VENV)/.train
DASHBOARD := cloud/dashboard/dist/index.html
DASHBOARD_SOURCES := $(shell find cloud/dashboard -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

# Each of the hundreds of processes of a run would compile what it imports anew, scipy and torch, too.
export PYTHONDONTWRITEBYTECODE :=

FOR ?=
FRAMES ?=
JSON ?=
SEED ?=
ADVISORIES ?= advisories

.PHONY: help setup setup-train dashboard demo format check schemas gathered test coverage wheel sbom audit clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(READY) ## the environment in .venv

$(READY): pyproject.toml requirements.lock deploy/bootstrap.py
	@$(PYTHON) deploy/bootstrap.py $(VENV)
	@touch $@

setup-train: $(TRAIN) ## what training needs on top (torch)

$(TRAIN): $(READY)
	@$(BIN)/python -m pip install --quiet -e '.[train]'
	@touch $@

dashboard: $(DASHBOARD) ## build the pages

$(DASHBOARD): $(READY) $(DASHBOARD_SOURCES)
	@$(BIN)/python deploy/build_dashboard.py
	@touch $@

demo: $(READY) $(DASHBOARD) ## a town of buses on this machine: FOR=seconds FRAMES=dir JSON=file SEED=n
	@$(BIN)/busense demo $(if $(FOR),--for $(FOR)) $(if $(FRAMES),--frames $(FRAMES)) $(if $(JSON),--json $(JSON)) $(if $(SEED),--seed $(SEED))

format: $(READY) ## put the code in form
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

check: $(TRAIN) ## form, types, imports, fresh generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-logo

schemas: $(READY) ## make the generated files anew (schemas, OpenAPI)
	$(BIN)/python -m wire.schemas.generate
	$(BIN)/python -m cloud.cases.diagram
	$(BIN)/python -m cloud.api.openapi
	$(BIN)/python -m cloud.api.permissions_table
	$(BIN)/python deploy/licences.py

gathered: $(TRAIN) # so that the processes of a run find compiled what they import, and do not each compile it at once
	$(BIN)/python -m pytest --collect-only -q | tail -n 1

test: check gathered $(DASHBOARD) ## check, then every test
	$(BIN)/python -m pytest -m "not town" -n 4 --dist loadfile
	$(BIN)/python -m pytest -m town -n 2 --dist loadfile tests/e2e

coverage: $(TRAIN) $(DASHBOARD) ## what the tests do not reach; takes longer than they do
	$(BIN)/python -m pytest -m "not town" -n 2 --dist loadfile --cov --cov-report=term:skip-covered

wheel: $(DASHBOARD) ## one file to install elsewhere, pages and models inside: dist/busense-*.whl
	$(BIN)/uv build --quiet --wheel --system-certs

sbom: $(READY) ## what is installed, as CycloneDX: dist/sbom.json
	@mkdir -p dist
	$(BIN)/cyclonedx-py environment --output-reproducible --of JSON -o dist/sbom.json $(BIN)/python

audit: $(READY) ## known weaknesses in what is locked, without a network: ADVISORIES=folder of OSV files
	$(BIN)/python deploy/audit.py $(ADVISORIES)

clean: ## everything that was made here
	rm -rf $(VENV) cloud/dashboard/dist cloud/dashboard/node_modules dist .pytest_cache .ruff_cache .hypothesis .coverage* *.egg-info
