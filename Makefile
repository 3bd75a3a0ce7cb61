# From nothing but Python 3.11 or newer and make: `make run` runs the default campaign, `make test` the tests.
# Another Python: make PYTHON=python3.12 run     A campaign of your own: make run FILE=mine.yaml

PYTHON ?= python3
FILE ?=
DATA ?=
BIN := .venv/bin
READY := .venv/ready
LOCK := requirements.lock

.PHONY: run test check style types order format bench lock clean

run: $(READY)
	@$(BIN)/athanor run $(FILE)

test: $(READY)
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: style types order

style: $(READY)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(READY)
	@$(BIN)/mypy

order: $(READY)
	@$(BIN)/lint-imports --no-logo

format: $(READY)
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

# Scripts that need files are left out where those are not named: make bench DATA=FOLDER with the CSV files of pools.py.
bench: $(READY)
	@set -e; for file in $$(grep -l "^def main" $$(grep -L "required=True" benchmarks/*.py)); do \
	echo "== $$file"; $(BIN)/python "$$file"; done
	@if [ -n "$(DATA)" ]; then $(BIN)/python benchmarks/pools.py --data "$(DATA)"; else echo "== pools.py needs DATA"; fi

# The lock: every package that is installed, with its version, and nothing about where it was fetched.
# torch's local label (+cpu) is dropped, so that the line holds on machines with another build of it.
lock: $(READY)
	@$(BIN)/python -c 'import tomllib; \
	print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' > .venv/dev.in
	@CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --all-extras --strip-extras --allow-unsafe \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --annotation-style=line \
		--output-file=$(LOCK) pyproject.toml .venv/dev.in
	@sed -i.old 's/^\(torch==[0-9.]*\)+[a-z0-9]*/\1/' $(LOCK) && rm $(LOCK).old

# torch comes first; with it what builds the few packages that have no wheel: build tools from the lock, not the newest.
# The link gives mypy the checkout under its package's name, whatever the folder is called.
$(READY): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Athanor needs Python 3.11 or newer, but " \
	+ sys.executable + " is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint $(LOCK) torch pip setuptools wheel cython numpy
	$(BIN)/python -m pip install --quiet --no-build-isolation --requirement $(LOCK)
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@mkdir -p .venv/types && ln -sfn ../.. .venv/types/athanor
	@touch $(READY)

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
