# `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODEX_VERSION := 0.169.0
CODEX_OLDER := 0.144.6
CODEX_MATRIX := 0.98.0 0.117.0 0.130.0 $(CODEX_OLDER) 0.154.0 $(CODEX_VERSION)
# Codex is 400 MB: it lives outside the checkout and is reused by every clone.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/codex-tmux
codex_at = $(CACHE)/codex/$(1)/node_modules/.bin/codex
CODEX := $(call codex_at,$(CODEX_VERSION))
export CODEX_TMUX_TEST_CODEX ?= $(CODEX)
export CODEX_TMUX_TEST_OLDER_CODEX ?= $(call codex_at,$(CODEX_OLDER))

.DEFAULT_GOAL := help
.PHONY: help setup codex demo test test-fast test-codex-matrix test-tmux-matrix newest-codex tmux-builds fuzz soak walk check house format bench kill-loop deaths crowd mutants bite inference-table man pictures clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: ## for users: .venv with the program alone, then codex-tmux install
	@# A Python that was upgraded leaves a .venv whose programs do not start.
	@$(BIN)/codex-tmux --version >/dev/null 2>&1 || rm -rf $(VENV)
	@$(MAKE) --no-print-directory $(VENV)/.installed
	@$(BIN)/codex-tmux install $(if $(YES),--yes)

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

setup: $(VENV)/.done ## for developers: .venv with the program and the tools to test it

codex: $(call codex_at,$(CODEX_VERSION)) $(call codex_at,$(CODEX_OLDER)) ## install the pinned real Codexes into the cache, once

$(CACHE)/codex/%/node_modules/.bin/codex:
	@if command -v npm >/dev/null 2>&1; then \
		echo "installing Codex $* into $(CACHE)/codex/$*"; \
		mkdir -p "$(CACHE)/codex/$*" && npm install --no-audit --no-fund --loglevel=error --prefix "$(CACHE)/codex/$*" @openai/codex@$*; \
	else echo "npm is missing: the real Codex $* cannot be installed"; fi

demo: setup codex ## set up, then prove on this machine: kill -> respawn -> same conversation
	$(BIN)/codex-tmux selftest $$([ -x "$(CODEX)" ] && echo "--codex $(CODEX)")

test: setup codex ## set up, then run every test
	$(BIN)/pytest -n 3 --dist loadgroup --durations 20

test-fast: setup ## the tests that answer in seconds
	$(BIN)/pytest -q -n 2 tests/unit codex_tmux

# What reads or writes text that others made: tmux's rows and formats, Codex's command line and config, the terminal.
FUZZED := $(addprefix tests/unit/,tmux_parse_test.py codex_commandline_test.py title_item_test.py plain_text_test.py \
	log_test.py records_test.py pick_test.py install_test.py infer_test.py) tests/tmux/escaping_test.py

fuzz: setup ## the same properties on many more examples, for minutes (FUZZ=5000 of each)
	FUZZ=$${FUZZ:-5000} $(BIN)/pytest -q -n 2 --timeout 1800 $(FUZZED)

soak: setup ## ten minutes of what people and machines do to panes, at random (SEED=n walks again)
	$(BIN)/python -m tests.soak --seconds 600 $${SEED:+--seed $$SEED}

walk: setup codex ## the same with the real Codex (SECONDS=150 SEED=n TMUX_BINARY=path)
	PATH="$${TMUX_BINARY:+$$(dirname "$$TMUX_BINARY"):}$$PATH" $(BIN)/python -m tests.soak --seconds $${SECONDS:-150} --panes 5 --real $(CODEX_TMUX_TEST_CODEX) $${SEED:+--seed $$SEED}

test-codex-matrix: setup $(foreach version,$(CODEX_MATRIX),$(call codex_at,$(version))) ## many versions of the real Codex, as a table in docs
	$(BIN)/python -m tests.codex_matrix $(CACHE)/codex

newest-codex: setup ## what npm's newest Codex would break, in one line (the contract test, and a short walk)
	@version=$$(npm view @openai/codex version) && $(MAKE) --no-print-directory $(CACHE)/codex/$$version/node_modules/.bin/codex && \
	codex=$(CACHE)/codex/$$version/node_modules/.bin/codex && log=$$(mktemp) && \
	if CI=true CODEX_TMUX_TEST_CODEX=$$codex $(BIN)/pytest -q -n 2 --dist loadgroup tests/e2e/contract_test.py >$$log 2>&1 && \
		$(BIN)/python -m tests.soak --seconds 60 --panes 4 --real $$codex >>$$log 2>&1; \
	then echo "Codex $$version: the contract holds, and a walk of a minute went well"; rm $$log; \
	else cat $$log; echo "Codex $$version breaks: $$(grep -m 1 -E '^(FAILED|ERROR|wrong:)' $$log)"; rm $$log; exit 1; fi

# Builds nothing that is not there yet: TMUX_SRC is a clone of tmux, TMUX_BUILDS the folder for VERSION/bin/tmux.
TMUX_VERSIONS ?= 3.2a 3.3a 3.4 3.5a 3.6b 3.7c master
tmux-builds: ## build these tmux versions from TMUX_SRC, a clone (TMUX_SRC=dir TMUX_BUILDS=dir; needs autoconf, bison, libevent, ncurses)
	@[ -d "$(TMUX_SRC)/.git" ] || { echo "TMUX_SRC names no clone of tmux: git clone https://github.com/tmux/tmux"; exit 2; }
	@[ -n "$(TMUX_BUILDS)" ] || { echo "TMUX_BUILDS names no folder"; exit 2; }
	@set -e; for version in $(TMUX_VERSIONS); do \
		to=$$(mkdir -p "$(TMUX_BUILDS)" && cd "$(TMUX_BUILDS)" && pwd)/$$version; [ ! -x "$$to/bin/tmux" ] || continue; \
		from=$$(mktemp -d); git -C "$(TMUX_SRC)" archive "$$version" | tar -x -C "$$from"; \
		(cd "$$from" && sh autogen.sh && ./configure -q --prefix="$$to" && make -s -j2 && make -s install) >"$$from/log" 2>&1 \
			|| { tail -20 "$$from/log"; echo "tmux $$version does not build"; exit 1; }; \
		rm -rf "$$from"; "$$to/bin/tmux" -V; \
	done

test-tmux-matrix: setup ## the tmux tests with every TMUX_BUILDS/*/bin/tmux, as a table in docs (make test-tmux-matrix TMUX_BUILDS=dir)
	@[ -n "$(TMUX_BUILDS)" ] || { echo "TMUX_BUILDS names no folder: see tmux-builds"; exit 2; }
	@$(BIN)/python -m tests.tmux_matrix "$(TMUX_BUILDS)"

check: setup ## format, lint, types, and that the code does not outgrow its limits
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m tests.house --check

house: setup ## how large the code is, beside how large it is to be (WHERE=1 names the places)
	$(BIN)/python -m tests.house $(if $(WHERE),--where)

format: setup ## write the format that check wants
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup codex ## measure against the budget, side by side in one run
	$(BIN)/python -m tests.bench $(foreach name,$(ONLY),--only $(name)) $(if $(QUICK),--quick)

kill-loop: setup ## kill 2,000 writers of the state file and 200 syncs at random moments: nothing may be lost
	$(BIN)/python -m tests.durability kill-loop

deaths: setup ## kill Codex 2,000 times while a client changes its tmux session (COUNT=n TMUX_BINARY=path FOCUS=on CODEX_REAL=1)
	$(BIN)/python -m tests.deaths --count $${COUNT:-2000} --tmux "$${TMUX_BINARY:-tmux}" --focus-events $${FOCUS:-off} $${CODEX_REAL:+--codex $(CODEX)}

crowd: setup ## 8 processes make 500 updates each of one state file
	$(BIN)/python -m tests.durability crowd

mutants: setup ## change the rules and the state file at random and see that a unit test fails (ONLY='codex_tmux.state.lock*')
	$(BIN)/mutmut run $(if $(ONLY),'$(ONLY)'); $(BIN)/mutmut results | grep -v 'not checked'

bite: setup ## the same for what only tests with tmux see: take out each guard in turn
	$(BIN)/python -m tests.bite

inference-table: setup codex ## measure how often inference is right, 20 trials a case (hours; goes on where it stopped)
	$(BIN)/python -m tests.bench.inference_table

man: setup ## write the manual page and docs/commands.md from the program's own help
	$(BIN)/python docs/generate.py

pictures: setup ## make docs/*.svg from a real run
	$(BIN)/python docs/animation.py
	$(BIN)/python docs/pictures.py

clean: ## remove what make made here (the Codex cache stays)
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants
