# `make demo` and `make test` do all of the set-up themselves; `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# A thread for each worker: more would wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations=25

# The tests start some hundred Python processes: each would compile the modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test lint prove campaign figures bench icebreaker ulx3s docs clean

help: ## this list
	@sed -n 's/^\([a-z0-9]*\):.*## /  make \1\t/p' Makefile | expand -t 20

demo: $(VENV)/demo.stamp ## a network to the engine: convert, compile, run through the Verilog, compare, synthesize (build/demo/)
	$(BIN)/python -m demo

test: $(VENV)/dev.stamp ## all checks: lint, software, hardware in the simulator, proofs
	$(PYTEST)

lint: $(VENV)/dev.stamp ## style, types, and who may import whom
	$(BIN)/python -m pytest verif/test_lint.py

prove: $(VENV)/dev.stamp ## the proofs alone: lanes for all inputs, streams and sums for ever (minutes)
	$(PYTEST) verif/formal

campaign: $(VENV)/dev.stamp ## mutants, random configurations, netlists, damaged files, coverage (an hour and a half; verif/results/)
	for name in configs mutation gates fuzz coverage software networks depthwise tiny large bus tiny_bus protocol pins boards workers engine; do $(BIN)/python -m verif.campaign $$name || exit 1; done

figures: $(VENV)/dev.stamp ## measure all figures again: tables, pictures and outputs in README.md and docs/
	$(BIN)/python -m verif.docs.figures

bench: $(VENV)/dev.stamp ## measure array and engine beside others, hours, goes on where it stopped (benchmarks/*/results/)
	nice -n 10 $(BIN)/python -m benchmarks.array
	-nice -n 10 $(BIN)/python -m benchmarks.networks

icebreaker: $(VENV)/dev.stamp ## a bitstream: keyword spotting on the iCEBreaker (build/boards/)
	$(BIN)/python -m benchmarks.boards $@

ulx3s: $(VENV)/dev.stamp ## a bitstream: ResNet-8 on the ULX3S (build/boards/)
	$(BIN)/python -m benchmarks.boards $@

docs: $(VENV)/docs.stamp ## all documents as a site, in build/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

clean: ## remove what was built; the environment stays (delete .venv to remove it too)
	rm -rf build .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# Stamps: set-up runs again only when the dependencies change.
# Verilator needs make, g++ and perl to turn Verilog into a program.
$(VENV)/demo.stamp: pyproject.toml scripts/setup
	scripts/setup demo,pnr,onnx,verilator iverilog make g++ perl
	@touch $@

$(VENV)/docs.stamp: pyproject.toml scripts/setup
	scripts/setup docs
	@touch $@

$(VENV)/dev.stamp: pyproject.toml scripts/setup
	scripts/setup dev iverilog make g++ perl ccache
	@touch $@ $(VENV)/demo.stamp $(VENV)/docs.stamp
