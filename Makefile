# Keepline: each target installs what it needs into .venv from the locks; no questions, no output without a problem.
#   make demo     the five-minute demo: needs Python 3.11+ and nothing else
#   make test     all tests, in two processes (WORKERS=4: in four); those on Apache Kafka need Java 17+ and Maven, or
#                 KEEPLINE_BROKERS
#   make check    style, types, import directions, coverage, published schemas
#   make bench    the benchmarks, as ratios
#   make chaos    workers on Apache Kafka under 100 faults, compared with a replay; CHAOS='--seed 7 --faults 20';
#                 live, on a fast clock, judged by the visits: CHAOS='--live --faults 100'
#   make lock     update the locks to the newest versions that pyproject.toml allows
#   make clean    remove .venv and the caches of the tools

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
UV := 0.13.9
# a file's tests run in one process, which builds its fixtures (Apache Kafka among them) once; the slow files come first
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# --no-compile: Python compiles modules at import, a tenth of what is installed, and keeps them: where an environment
# forbids that, each of the many processes of tests and chaos runs compiles them again, for longer than most of them run
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
INSTALL = $(PIP) install --no-compile --require-hashes --requirement
PROJECT = $(PIP) install --no-deps --no-build-isolation --editable .
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-strip-extras --no-annotate --custom-compile-command 'make lock' --group build pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help demo test check bench chaos lock clean

help:
	@sed -n 's/^#   //p' Makefile

demo: .venv/demo.stamp
	@$(BIN)/keepline demo

test: .venv/dev.stamp
	@$(PYTEST)

check: .venv/dev.stamp
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@said=$$($(BIN)/lint-imports --no-logo) || { echo "$$said"; exit 1; }
	@$(BIN)/keepline schemas export --check
	@$(BIN)/keepline monitoring export --check
	@$(PYTEST) -m "not kafka" -qq --cov --cov-report=

bench: .venv/dev.stamp
	@$(BIN)/python -m benchmarks

chaos: .venv/dev.stamp
	@$(BIN)/python -m tests.chaos $(CHAOS)

# requirements.lock: runtime, as in the image; -demo: and the embedded broker; -dev: and packages for tests and benchmarks;
# all of the same versions
lock: .venv/dev.stamp
	@$(PIP) install uv==$(UV)
	@$(COMPILE) --upgrade --output-file requirements.lock
	@$(COMPILE) --extra demo --upgrade --constraint requirements.lock --output-file requirements-demo.lock
	@$(COMPILE) --extra demo --extra dev --extra bench --upgrade --constraint requirements-demo.lock --output-file requirements-dev.lock

clean:
	@rm -rf .venv build *.egg-info .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

.venv/demo.stamp: requirements-demo.lock pyproject.toml | .venv/pyvenv.cfg
	@echo "keepline: installing the locked packages into .venv (half a minute, only when they changed)" >&2
	@$(INSTALL) requirements-demo.lock
	@$(PROJECT)
	@touch $@

.venv/dev.stamp: requirements-dev.lock pyproject.toml | .venv/pyvenv.cfg
	@echo "keepline: installing the locked packages into .venv (a minute, only when they changed)" >&2
	@$(INSTALL) requirements-dev.lock
	@$(PROJECT)
	@touch $@ .venv/demo.stamp

.venv/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { echo "keepline: $(PYTHON) not found: install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "keepline: $(PYTHON) is $$($(PYTHON) -V 2>&1): Python 3.11 or newer is needed;" \
			"name one that you have: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "keepline: $(PYTHON) -m venv failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
