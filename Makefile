SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Not the script: that may belong to another clone, where .venv is a link.
BUNDLE := $(BIN)/python -m exporter bundle
# Extras name the project itself, which has no place in a lock: its warning about that can be ignored.
COMPILE := $(BIN)/pip-compile -q --strip-extras --generate-hashes --no-emit-find-links \
	--unsafe-package exai-exporter
TEST_PACKAGES := curl redis-server prometheus prometheus-alertmanager prometheus-node-exporter docker-compose \
	openssl postgresql postgresql-15-pgtap postgresql-15-cron libtap-parser-sourcehandler-pgtap-perl

# Not the bands of four weeks: promtool plays them for minutes, and what it evaluates is tested by shorter files too.
CURRENT_TESTS := tests/prometheus tests/alerts tests/end_to_end tests/incidents tests/grafana/test_compare.py tests/grafana/test_*_live.py \
	--ignore=tests/alerts/test_bands_over_four_weeks.py

.PHONY: help install up down reset status token demo test test-current test-docker test-pythons servers docker-base incidents \
	pictures lint bench lock dashboards rules

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/installed ## Make .venv with everything locked, tools included

.venv/installed: requirements-dev.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(PYTHON) -B -m exporter.bundle.packages python3-venv
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "installing into .venv"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

up: install ## Bring the whole bundle up and return when it is ready (ARGS=--native leaves Docker out)
	@$(BUNDLE) up $(ARGS)

demo: install ## Bring up a bundle of a simulated gateway instead (INCIDENT=slow-kimi|redis-down|error-burst|third-call-slow|model-drift, ARGS=--notify)
	@$(BUNDLE) demo $(if $(INCIDENT),--incident $(INCIDENT)) $(ARGS)

down: install ## Stop exactly what up or demo started; the data stays
	@$(BUNDLE) down

reset: install ## Remove the data, passwords and logs of the bundle and its demo, after a question (ARGS="--demo --yes")
	@$(BUNDLE) reset $(ARGS)

status: install ## Show each part and whether it is ready
	@$(BUNDLE) status $(ARGS)

token: install ## Print the token that whoever pushes events sends (make -s token)
	@$(BUNDLE) token $(ARGS)

test: install ## Run every check: ruff, mypy, pytest (ARGS go to pytest)
	@$(BIN)/python -m exporter.bundle.packages $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-docker: install docker-base ## Bring the bundle up in a Docker engine of its own, on stand-ins for its images (ARGS go to pytest)
	@$(BIN)/python -m tests.docker $(ARGS)

docker-base: install ## Make what test-docker keeps in ~/.cache/exai-tests (some minutes, once)
	@$(BIN)/python -m exporter.bundle.packages docker-compose
	@$(BIN)/python -m tests.docker.prepare

test-pythons: ## Run the unit tests on Python 3.12 and 3.13 where they are found (VERSIONS="3.13")
	@tests/other_pythons.sh $(VERSIONS)

test-current: install ## Run the tests of rules, messages and boards with Prometheus 3 and Alertmanager 0.28
	@$(BIN)/python -m exporter.bundle.packages $(TEST_PACKAGES)
	@current="$$($(BIN)/python -m tests.current_servers)" && export PATH="$$current:$$PATH" && \
		prometheus --version 2>&1 | head -n 1 && alertmanager --version 2>&1 | head -n 1 && \
		$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(CURRENT_TESTS) $(ARGS)

servers: install ## Build Prometheus 3 and Alertmanager 0.28 for test-current, once, and print where they are
	@$(BIN)/python -m tests.current_servers

incidents: install ## Try each incident of the demo: its messages, what boards show of it, and four weeks of several dice (40 minutes)
	@current="$$($(BIN)/python -m tests.current_servers)" && export PATH="$$current:$$PATH" && \
		ALL_INCIDENTS=1 $(BIN)/pytest -n 3 tests/alerts/test_incidents.py tests/alerts/test_bands_over_four_weeks.py \
		tests/incidents $(ARGS)

pictures: install ## Draw the pictures of the docs anew, of a demo (18 minutes; needs a Grafana)
	@$(BIN)/python -m exporter.bundle.packages $(TEST_PACKAGES) chromium
	@$(BIN)/python -m tests.grafana.pictures

lint: install ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: install ## Measure each figure against its peer (ARGS="NAME --json")
	@$(BIN)/python -m benchmarks $(ARGS)

lock: install ## Resolve the dependencies of pyproject.toml anew
	@$(COMPILE) --extra server -o requirements.lock pyproject.toml
	@$(COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

dashboards: install ## Build the dashboards of Grafana
	@$(BIN)/python -m grafana.build

rules: install ## Build the rules that come of config/thresholds.yml and config/slos.yml, and the levels of the demo's past
	@$(BIN)/python -m prometheus.build
	@$(BIN)/python -m prometheus.levels
