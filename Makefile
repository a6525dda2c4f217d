# Every target sets up what it needs in .venv, from requirements locked with hashes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_REQUIREMENTS := $(if $(filter tensorflow,$(NUNCHI_ENGINE)),tensorflow,service)

UNIT := "not tensorflow and not system and not gpu and not data and not postgresql"

.DEFAULT_GOAL := help

help:  ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: $(VENV)/.installed-$(RUN_REQUIREMENTS)  ## Serve the shipped models on http://127.0.0.1:8000
	$(BIN)/python -m service serve

dev: $(VENV)/.installed-dev  ## Set up .venv with all that training and tests need

check: $(VENV)/.installed-dev  ## Format, lint, types, import rules, deployment files, unit tests with coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	$(BIN)/pytest -q -m $(UNIT) --cov --cov-report=term-missing:skip-covered

unit: $(VENV)/.installed-dev  ## The tests that need neither TensorFlow nor other processes (seconds)
	$(BIN)/pytest -q -m $(UNIT)

test: $(VENV)/.installed-dev  ## Every test, the heavy ones at small counts
	$(BIN)/pytest -q -rs -m "not gpu"

mutation: $(VENV)/.installed-dev  ## Alter what must not be wrong: do the tests notice? (half an hour; at least 80% must be)
	$(BIN)/python -m tests.mutation

prove: $(VENV)/.installed-dev  ## What docs/proof.md says, at full counts (some hours; NUNCHI_DATA_DIR names the data)
	$(BIN)/python -m tests.prove all --full > docs/.proof.md
	$(BIN)/python -m tests.mutation >> docs/.proof.md
	mv docs/.proof.md docs/proof.md

gpu-check:  ## On a machine with an NVIDIA GPU: train, serve, and compare with the CPU (own environment, .venv-gpu)
	$(MAKE) VENV=.venv-gpu .venv-gpu/.installed-gpu-check
	.venv-gpu/bin/pytest -q -s -m gpu tests/gpu

bench:  ## Measure the service against its peers: bench/results.md (needs wrk; most of an hour; .venv-bench)
	$(MAKE) VENV=.venv-bench .venv-bench/.installed-bench
	.venv-bench/bin/python -m bench

results: $(VENV)/.installed-dev  ## Train and test every variant with the reference settings: docs/results.md (hours)
	$(BIN)/python -m training results

tour: $(VENV)/.installed-dev  ## Ask the models of the store why they say what they say: docs/tour.md (NUNCHI_DATA_DIR)
	$(BIN)/python -m training tour

lock: $(VENV)/.installed-dev  ## Write requirements/*.txt anew from pyproject.toml
	$(BIN)/python requirements/lock.py

audit: $(VENV)/.installed-dev  ## Known vulnerabilities of every locked package (needs the internet)
	$(BIN)/python requirements/audit.py

sbom: $(VENV)/.installed-dev  ## Bills of materials of the images, CycloneDX: sbom/*.cdx.json
	$(BIN)/python requirements/sbom.py sbom

clean:  ## Remove the virtual environment and all caches
	rm -rf $(VENV) .venv-gpu .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage mutants sbom

$(VENV)/.installed-%: requirements/%.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $<
	touch $@

.PHONY: help run dev check unit test mutation prove gpu-check bench results tour lock audit sbom clean
