# Two commands do everything: `make run` starts the line, `make test` proves it. Both make their own virtual environment.

PYTHON ?= python3
PORT   ?= 5000
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: run test torture bench bench-check lock clean
.DEFAULT_GOAL := run

run: $(READY)            ## start the line on http://127.0.0.1:5000 (PORT=… for another port)
	@$(BIN)/ivr serve --demo --port $(PORT)

test: $(READY)           ## everything: style, types, the script's proof, the tests
	@echo "==> style"  && $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "==> types"  && $(BIN)/mypy
	@echo "==> script" && $(BIN)/ivr check
	@echo "==> tests"  && $(BIN)/python -m pytest -n auto --dist loadfile

torture: $(READY)        ## the bars of reliability in full, with docs/torture.md as the report; 75 minutes (ARGS="--quick --minutes 5" for less)
	@$(BIN)/python -m tests.torture $(ARGS)

bench: $(READY)          ## what the line costs, against its limits; minutes (PARTS="turn server" for these alone)
	@$(BIN)/python -m bench $(PARTS)

bench-check: $(READY)    ## whether the line has become slower than bench/baseline.json, beyond noise
	@$(BIN)/python -m bench --check

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; found $$($(PYTHON) -V). Name one: make PYTHON=python3.12"; exit 1; }
	@echo "==> virtual environment in $(VENV) (once; again when requirements.lock changes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

lock: $(READY)           ## pin the newest versions that pyproject.toml allows
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  --extra dev pyproject.toml --output-file requirements.lock

clean:                   ## forget the virtual environment; keep the calls in var/
	@rm -rf $(VENV) build dist
