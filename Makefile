# The commands people use. `make` alone lists them.

CARGO ?= cargo
PROFILE ?= ci
DATA ?= data

.PHONY: help run test lint kill9 ci

help: ## list the commands
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: ## build Florin and start all of it on this machine
	$(CARGO) build --release --package florin
	@exec "$$($(CARGO) metadata --format-version 1 --no-deps \
	  | sed -E 's/.*"target_directory":"([^"]+)".*/\1/')/release/florin" up --data $(DATA)

test: ## every test, with a PostgreSQL and the accounting tools it starts or installs itself
	scripts/with-postgres scripts/with-accounting-tools \
	  $(CARGO) test --workspace --profile $(PROFILE)

lint: ## formatting, clippy and the rules of the house
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --profile $(PROFILE) -- -D warnings
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- tidy
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- errors --check

kill9: ## 200 kill -9 runs under load: no acknowledged write lost, none doubled
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- kill9 --runs 200

ci: ## what continuous integration runs
	bash .ci/run
