# The commands people use. `make` alone lists them.

CARGO ?= cargo
PROFILE ?= ci
DATA ?= data
RUNS ?= 200

# Real servers, each with its own folder and ports, installed where they are missing.
SERVERS := scripts/with-postgres scripts/with-rabbitmq scripts/with-kafka

.PHONY: help run test test-servers bench million lint kill9 ci

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

test-servers: ## what goes over RabbitMQ and Kafka, on servers it starts or installs itself
	$(CARGO) test --locked --profile $(PROFILE) --test it --no-run \
	  --package broker --package dead-letters --package host --package florin
	FLORIN_TEST_CARRIERS=required $(SERVERS) scripts/test-carriers $(PROFILE)

bench: ## rates and times of messages beside the carriers' own, and of sagas
	FLORIN_TEST_CARRIERS=required FLORIN_TEST_POSTGRES_DURABLE=1 $(SERVERS) \
	  $(CARGO) bench --locked --package broker --bench messages
	FLORIN_TEST_CARRIERS=required FLORIN_TEST_POSTGRES_DURABLE=1 $(SERVERS) \
	  $(CARGO) bench --locked --package sagas --bench sagas

million: ## a million messages of which one of a hundred fails, and what they leave behind
	$(CARGO) run --locked --release --package broker --example throughput -- 1000000

lint: ## formatting, clippy and the rules of the house
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --profile $(PROFILE) -- -D warnings
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- tidy
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- errors --check
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- topology --check
	$(CARGO) run --quiet --profile $(PROFILE) --package xtask -- asyncapi --check

kill9: ## 200 kill -9 runs under load: no acknowledged write lost, none doubled
	scripts/kill9 $(RUNS)

ci: ## what continuous integration runs
	bash .ci/run
