# What a clone and CI call, and nothing else. Everything happens in .venv, build and the caches of
# the tools; paths are relative, so that the clone may lie in a folder with spaces.

# 3.11 first: constraints.txt was resolved and is tested there, and the CPU wheel of its torch is not
# built for every newer Python everywhere. A name on PATH may be a shim that does not run, so each is
# tried; ensurepip is what some distributions leave out and venv needs.
# `make PYTHON=/path/to/python3.12 setup` overrides.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	"$$name" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; done)

VENV_PYTHON := .venv/bin/python
INSTALL := $(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-oldest check browser bench docs

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

setup: .venv/dev.stamp ## make .venv and install the project with everything its tests need

demo: .venv/train.stamp ## run the whole job offline on the embedded model and data
	rm -rf build/demo && mkdir -p build/demo
	cd build/demo && ../../$(VENV_PYTHON) -m whet demo

test: .venv/dev.stamp ## run the quick tests
	$(VENV_PYTHON) -m pytest -m "not slow"

test-slow: .venv/dev.stamp ## run the tests that train for real
	$(VENV_PYTHON) -m pytest -m slow

# The models and whet.Trainer lean on the library most; all else is tested with the pinned versions.
test-oldest: .venv-oldest/made.stamp ## run the tests of models and of whet.Trainer with the oldest torch and transformers
	.venv-oldest/bin/python -m pytest tests/unit/model tests/unit/training tests/unit/trainer tests/flows/test_reference_script.py

check: .venv/dev.stamp ## lint, format, types and generated pages
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	$(VENV_PYTHON) -m whet.cli.reference --check

# Asked for only where there is none: the names are those that tests/web/conftest.py looks for. APT needs root.
browser: ## install Chromium and its driver for the tests of pages, where there is no browser
	@if { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null && \
		command -v chromedriver >/dev/null; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "No browser was found and no apt-get: install Chromium and chromedriver by hand." >&2; exit 2; fi; \
	root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	echo "Installing chromium, chromium-driver and Korean letters, some 250 MB to fetch."; \
	$$root apt-get update -qq && \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
		chromium chromium-driver fonts-noto-core fonts-noto-cjk

docs: .venv/dev.stamp ## write the generated pages anew, and build the site of docs/ to build/site/
	$(VENV_PYTHON) -m whet.cli.reference --write
	$(VENV_PYTHON) -m sphinx --quiet --fail-on-warning --keep-going -d build/doctrees docs build/site
	@echo "The site: build/site/index.html"

ifdef NAME
bench: .venv/bench.stamp ## list the benchmarks; `make bench NAME=x` installs the rivals and runs benchmarks/x.py
	$(VENV_PYTHON) "benchmarks/$(NAME).py"
else
bench:
	@for file in benchmarks/*.py; do [ "$$file" = benchmarks/common.py ] || \
		printf '  make bench NAME=%-14s %s\n' "$$(basename "$$file" .py)" "$$(sed -n '1s/^"*//p' "$$file" | tr -d '"')"; done
endif

# Each stamp is written last, so that an interrupted set-up is taken up again.
.venv/made.stamp:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv was found. Install one, or run: make PYTHON=/path/to/python setup" >&2; exit 2; }
	"$(PYTHON)" -m venv .venv
	@touch $@

.venv/train.stamp: .venv/made.stamp pyproject.toml constraints.txt
	@echo "Installing whet[train,embedded] into .venv: some 400 MB to fetch the first time, more with a GPU build of torch."
	$(INSTALL) --editable ".[train,embedded]"
	@touch $@

.venv/bench.stamp: .venv/dev.stamp pyproject.toml constraints.txt
	@echo "Installing the rivals: accelerate, onnxruntime and what exports a model for it, some 60 MB."
	$(INSTALL) --editable ".[train,embedded,bench]"
	@touch $@

.venv-oldest/made.stamp: pyproject.toml constraints-oldest.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv was found." >&2; exit 2; }
	"$(PYTHON)" -m venv .venv-oldest
	@echo "Installing the oldest torch and transformers into .venv-oldest: some 400 MB to fetch, more with a GPU build of torch."
	.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-oldest.txt \
		--editable ".[train,embedded,hub]" accelerate "peft>=0.18" "pytest>=8.3" "hypothesis>=6.115" "tensorboard>=2.18" "pandas>=2.2"
	@touch $@

.venv/dev.stamp: .venv/made.stamp pyproject.toml constraints.txt
	@echo "Installing whet[train,embedded,hub,docs,dev] into .venv: some 400 MB to fetch the first time, more with a GPU build of torch."
	$(INSTALL) --editable ".[train,embedded,hub,docs,dev]"
	@touch $@
