# keyturn: `make` says what there is. Every target sets up what it needs first; a second time that takes no time.
# PYTHON=/path/to/python3 chooses the interpreter of the virtual environment (3.11 or newer).
export PYTHON
bin := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo docs test bench soak requirements lint format lock setup runtime

help: ## say what there is
	@sed -n 's/^\([a-z]*\): .*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

demo: runtime ## the whole story against a local sandbox: no account, no browser, no terminal needed
	@mkdir -p build
	@$(bin)/keyturn demo --svg build/keyturn-demo.svg

test: ## lint, types and every test, with real servers and a real browser (system packages if root)
	@scripts/system.sh
	@scripts/setup.sh dev
	@scripts/npm.sh
	@scripts/mitmproxy.sh
	@scripts/check.sh

bench: setup ## measure, beside the peers named in docs, into bench/results
	@$(bin)/python -m bench

soak: setup ## renewal against a model of reality, any bytes as settings: 10,000 examples that no run had before
	@KEYTURN_SOAK=10000 $(bin)/python -m pytest -q -o timeout=3600 -o faulthandler_timeout=3600 tests/unit/core/test_stateful.py \
		tests/unit/settings/test_fuzz.py tests/unit/settings/test_trust_fuzz.py

requirements: setup ## each numbered statement of docs/requirements.md with the tests that prove it
	@$(bin)/python scripts/requirements.py

lint: setup ## ruff and mypy
	@$(bin)/ruff check . && $(bin)/ruff format --check . && $(bin)/mypy

format: setup ## let ruff put the files in form
	@$(bin)/ruff format . && $(bin)/ruff check --fix .

lock: setup ## write requirements/*.txt anew from their inputs (newer versions: scripts/lock.sh --upgrade)
	@scripts/lock.sh

docs: setup ## the site and the man page into build, without any network
	@$(bin)/python scripts/pages.py build/site
	@$(bin)/python scripts/manual.py build/man/keyturn.1

setup: ## the virtual environment for working on keyturn
	@scripts/setup.sh dev

runtime:
	@scripts/setup.sh runtime
