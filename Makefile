# Needs python3 (3.11 or newer) with venv. The first call of a target installs what it needs into .venv.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: report test check docs notebooks benchmark clean

# Read the sample log of a Postfix server, and tell what happened there.
report: $(VENV)/installed
	@$(BIN)/logscan report sample_logs/postfix.log

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest

# Style, types, and whether the documentation still says what the program does.
check: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check

# Renew the outputs that the documentation shows.
docs: $(VENV)/installed
	$(BIN)/python docs/generate.py

# Run the notebooks again and keep what they show.
notebooks: $(VENV)/installed-notebooks
	$(BIN)/python notebooks/execute.py

benchmark: $(VENV)/installed
	$(BIN)/python benchmarks/compare.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Editable, so that changes show at once. Dependency groups need pip 25.1, newer than Debian's.
$(VENV)/installed: pyproject.toml
	@echo "Installing logscan into $(VENV), once ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing what tests and checks need ..." >&2
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

$(VENV)/installed-notebooks: $(VENV)/installed
	@echo "Installing what the notebooks need ..." >&2
	@$(BIN)/python -m pip install --quiet --group notebooks
	@touch $@
