# make run     the app on http://127.0.0.1:8000 (HOST and PORT change that)
# make test    unit tests, then browser tests
# make bench   measurements, one table each
# make lint    ruff: rules and format; then known vulnerabilities of dependencies, where they can be asked for
# make docs    docs/methods.md from the code, and the API reference as HTML in out/reference
# make pictures the screenshots of the documentation, from the real app
#
# PYTHON names the interpreter that .venv is made of; PIP_FLAGS goes to pip, for example
#   make run PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"
# on a Linux machine without a GPU, which saves some gigabytes.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
PIP_FLAGS ?=

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS)

REFERENCE := sinklens $(addprefix sinklens.,run opening records results errors settings interventions analysis \
  export study service)

export HF_HUB_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: run test bench lint docs pictures

run: .venv/installed
	$(BIN)/shiny run --host $(HOST) --port $(PORT) app.py

test: .venv/installed-dev
	$(BIN)/python -m pytest tests --ignore tests/browser
	CHROMIUM="$$(.ci/chromium)" $(BIN)/python -m pytest tests/browser

bench: .venv/installed-dev
	$(BIN)/python -m benchmarks.capture
	$(BIN)/python -m benchmarks.service
	$(BIN)/python -m benchmarks.views
	$(BIN)/python -m benchmarks.sinks
	$(BIN)/python -m benchmarks.load
	CHROMIUM="$$(.ci/chromium)" $(BIN)/python -m benchmarks.page

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	.ci/audit

docs: .venv/installed-dev
	$(BIN)/python -m docs.methods
	$(BIN)/pdoc --no-show-source --docformat numpy --output-directory out/reference $(REFERENCE)

pictures: .venv/installed-dev
	CHROMIUM="$$(.ci/chromium)" $(BIN)/python -m tests.browser.screenshots

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "SinkLens needs Python 3.11 or newer, and '$(PYTHON)' is not: try 'make run PYTHON=python3.12'."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | $(BIN)/python
	@echo "Installing what requirements.txt names into .venv; the first time takes a few minutes."
	$(INSTALL) -r requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt requirements.txt | $(BIN)/python
	@echo "Installing what requirements-dev.txt names into .venv; the first time takes a few minutes."
	$(INSTALL) -r requirements-dev.txt
	@touch $@ .venv/installed
