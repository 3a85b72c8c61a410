# make certify               sets everything up and certifies the built-in reference device
# make certify DEVICE=NAME   the same for another profile of device_profiles/, or a path
# make test                  sets everything up and runs the project's tests
# make proof                 runs every fault of the reference device against the full plan (hours)
# make check                 lint, format and types
# make clean                 removes what the others set up

PYTHON ?= python3
DEVICE ?= reference
VENV := .venv
BIN := $(VENV)/bin

# Tests start hundreds of programs. Each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: certify test proof check clean

certify: $(VENV)/.run-time
	$(BIN)/certsuite run $(DEVICE)

# A fault's run waits for a device more than it works.
test: $(VENV)/.tests
	$(BIN)/pytest -n 4 --dist loadgroup --ignore tests/proof
	$(BIN)/pytest -n 10 --dist loadgroup tests/proof

proof: $(VENV)/.tests
	$(BIN)/pytest tests/proof --full-plan

check: $(VENV)/.tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-time: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "installing what certsuite runs with (a minute or so the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[pstn]'
	@touch $@

$(VENV)/.tests: $(VENV)/.run-time
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,pstn]'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
