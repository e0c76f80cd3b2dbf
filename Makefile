# Two commands: `make lab` opens JupyterLab on the first notebook, `make test` runs every test. Both build the environment
# first, in .venv, from requirements.lock; once it stands, that step takes no time.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help lab test environment site lock clean

VENV := .venv
PY := $(VENV)/bin/python
PIP := PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip
# .venv/installing lies there while an install is under way, and stays if it was killed; .venv/installed holds what was installed.
UNDER_WAY := $(VENV)/installing
DONE := $(VENV)/installed
# Whether what is in .venv can be built upon: new enough, with pip, and made in this folder (an environment cannot be moved).
FIT = { $(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' && grep -qF "$$(pwd -P)/$(VENV)" $(VENV)/bin/activate; } 2>/dev/null
# Some machines' settings make pip warn of every folder that it looks into; its errors and its progress pass.
QUIETER = 2> >(grep -v 'WARNING: Location .* is ignored' >&2)
# Two workers share the tests, those in the browser too; the longest are named, since they are what the next one waits for.
EVERY_TEST := -n 2 --dist worksteal --durations=10
# Modules are compiled once, also where the machine is set to keep none: tests start some hundred interpreters, and each would anew.
unexport PYTHONDONTWRITEBYTECODE
WANTED = $$({ pwd; cat requirements.lock pyproject.toml; } | cksum)

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

lab: environment ## open JupyterLab on notebooks/00_start_here.ipynb (ARGS="--no-browser" goes to JupyterLab)
	@exec $(VENV)/bin/cnnlab lab $(ARGS)

test: environment ## run every test; or some of them: make test ARGS="tests/networks -k layers"
	@exec $(PY) -m pytest $(or $(ARGS),$(EVERY_TEST))

environment: ## build or mend .venv (PYTHON=python3.12 chooses the Python)
	@set -eu; \
	if [ ! -e $(UNDER_WAY) ] && [ "$(WANTED)" = "$$(cat $(DONE) 2>/dev/null)" ] && $(PY) -c '' 2>/dev/null; then exit; fi; \
	if [ -e $(UNDER_WAY) ]; then echo "The last installation did not finish; it starts anew."; fi; \
	if [ -e $(UNDER_WAY) ] || ! $(FIT); then $(create); fi; \
	touch $(UNDER_WAY); \
	echo "Installing what requirements.lock names: the first time that is minutes and, on Linux, 7 GB of disk. While pip"; \
	echo "unpacks at the end it is silent for a minute or two; if it is stopped, the next make starts anew ..."; \
	$(PIP) install --no-deps -r requirements.lock $(QUIETER); \
	$(PIP) install --no-deps --no-build-isolation --quiet -e . $(QUIETER); \
	echo "$(WANTED)" >$(DONE); rm $(UNDER_WAY); \
	echo "The environment stands in $(VENV)."

# A Python that is new enough and can make environments; else a word on how to get one.
define create
	python=; \
	for name in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "cnnlab needs Python 3.11 or newer, and none was found. Get it from your system's packages, from python.org or"; \
		echo "with conda (environment.yml); or name yours: make lab PYTHON=/path/to/python3.12"; exit 1; \
	fi >&2; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "$$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; \
	fi >&2; \
	echo "Making $(VENV) with $$("$$python" --version) ..."; \
	rm -rf $(VENV); mkdir $(VENV); touch $(UNDER_WAY); \
	"$$python" -m venv $(VENV)
endef

site: environment ## build the course as a static site into build/site (ARGS="--serve" shows it)
	@$(VENV)/bin/cnnlab site $(ARGS)

lock: ## renew requirements.lock after a change in pyproject.toml (needs uv)
	@uv pip compile --universal --python-version 3.11 --extra test --extra site --annotation-style=line \
		--custom-compile-command "make lock" --quiet pyproject.toml -o requirements.lock

clean: ## remove the environment
	rm -rf $(VENV) *.egg-info
