SHELL := /bin/sh
# The project is always used from its checkout, so relative paths keep working in folders whose path holds a space.
RUN := .venv/bin/python
export PYTHONUNBUFFERED := 1

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: ## Install what is needed into .venv (again only when requirements.lock or pyproject.toml changed)
	@sh scripts/install.sh

demo: install ## Run the story of one year on a fresh stack; KEEP=1 leaves the stack up to click through
	@$(RUN) -m cli demo $(if $(KEEP),--keep)

up: install ## Start the embedded stack, or what is missing of it
	@$(RUN) -m cli up

down: install ## Stop the embedded stack; its data stays
	@$(RUN) -m cli down

status: install ## Show the parts of the stack and their addresses
	@$(RUN) -m cli status

test: install ## Run every test; ARGS="tests/domain -x" runs some
	@$(RUN) -m pytest -n 2 --dist loadgroup $(ARGS)

check: install ## Lint, format, types, import rules, lock file
	@$(RUN) -m scripts.check

bench: install ## Measure the budgets; ROWS=a,b measures some
	@$(RUN) -m bench $(if $(ROWS),--rows $(ROWS))

fmt: install ## Format the code and sort its imports
	@$(RUN) -m ruff check --fix-only . && $(RUN) -m ruff format .

lock: install ## Resolve the dependencies of pyproject.toml into requirements.lock
	@$(RUN) -m scripts.lock update

.PHONY: help install demo up down status test check bench fmt lock
