# The commands people use. `make` alone lists them.

CARGO ?= cargo
PROFILE ?= ci
DATA ?= data
RUNS ?= 200

.PHONY: help run test lint kill9 ci

help: ## list the commands
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: bin/florin ## build Florin into bin/ and start all of it on this machine
	@exec bin/florin up --data $(DATA)

.PHONY: bin/florin
bin/florin:
	$(CARGO) build --locked --release --package florin
	@install -D "$(or $(CARGO_TARGET_DIR),target)/release/florin" bin/florin

test: ## every test, with a PostgreSQL and the accounting tools it starts or installs itself
	scripts/with-postgres scripts/with-accounting-tools \
	  $(CARGO) test --locked --workspace --profile $(PROFILE)

lint: ## formatting, clippy and the rules of the house
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --profile $(PROFILE) -- -D warnings
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- tidy
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- errors --check
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- topology --check

kill9: ## 200 kill -9 runs under load: no acknowledged write lost, none doubled
	scripts/kill9 $(RUNS)

ci: ## what continuous integration runs
	bash .ci/run
