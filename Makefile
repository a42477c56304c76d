# The only door: `make help`. Needs make and Python 3.11 or newer; everything else comes from the registries.
.POSIX:
.SUFFIXES:

PYTHON =
BIN = .venv/bin
INSTALLED = .venv/.installed
PYTEST_ARGS =

help: ## list the doors
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r door text; do \
		printf '  make %-8s %s\n' "$$door" "$$text"; done

install: $(INSTALLED) ## make .venv from the hashed lock; quick when nothing changed

$(INSTALLED): pyproject.toml requirements.lock scripts/install
	@PYTHON="$(PYTHON)" sh scripts/install
	@touch $(INSTALLED)

demo: $(INSTALLED) ## 500 orders, two workers, one SIGKILL, real Kafka and SAP counterpart; under a minute
	@$(BIN)/python -m demo

test: check ## everything: lint, types, unit, contract, real Kafka and PostgreSQL, killed workers (PYTEST_ARGS=... narrows)
	@$(BIN)/python -m raccordo.dev.jars
	@if [ -n "$(PYTEST_ARGS)" ]; then exec $(BIN)/python -m pytest $(PYTEST_ARGS); fi; \
	$(BIN)/python -m pytest -n auto --dist loadfile --ignore tests/faults && $(BIN)/python -m pytest -n auto --dist loadfile tests/faults

check: $(INSTALLED) ## what CI asks of every commit: format, lint, types, imports, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/raccordo schemas check
	$(BIN)/python -m raccordo.cli.reference --check
	$(BIN)/python -m raccordo.reference --check

docs: $(INSTALLED) ## write docs/reference and deploy/env.example from the code
	$(BIN)/python -m raccordo.cli.reference
	$(BIN)/python -m raccordo.reference

format: $(INSTALLED) ## let ruff write the layout and the fixes it is sure of
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## the whole line against a bare loop, in one run
	$(BIN)/python -m bench

lock: $(INSTALLED) ## resolve requirements.lock and Kafka's jars anew; then run `make test`
	sh scripts/lock
	$(BIN)/python -m raccordo.dev.jars lock

clean: ## remove .venv and caches; data of the development services in .raccordo stays
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help install demo test check docs format bench lock clean
