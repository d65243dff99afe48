# What a fresh machine needs is made at the first call and kept: .venv, and downloads in .cache.
PYTHON ?= python3
export IRONWORKS_CACHE ?= $(CURDIR)/.cache

BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test lint docs clean

demo: $(READY)  ## the notebook on this machine: train, compile, deploy, predict
	@$(BIN)/python examples/mnist/demo.py

test: $(READY) lint  ## all tests, also those with the real SDKs
	@sh tests/system_packages.sh
	@python="$$($(BIN)/python tests/mxnet_python.py)" && IRONWORKS_TEST_MXNET_PYTHON="$$python" $(BIN)/python -m pytest

lint: $(READY)  ## style, types, and which room imports which
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(READY)  ## the documentation as a web site, in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict && echo "Open site/index.html"

clean:  ## forget what was made and downloaded
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache site src/*.egg-info

$(READY): pyproject.toml constraints.txt setup.py $(wildcard src/ironworks/runtime/*.[ch] src/ironworks/serving/c/*.[ch])
	@echo "Making .venv: Ironworks and what it depends on …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --prefer-binary -c constraints.txt -e '.[dev]'
	@# Its wheel asks for PyTorch, gigabytes that the converter itself does not use.
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt --no-deps pnnx
	@touch $@
