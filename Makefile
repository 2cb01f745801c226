# Every target installs what it needs first, and skips that when it is there. `make help` lists them.

.DEFAULT_GOAL := help
.PHONY: help run test build lint e2e bench soak site sqlx

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## the demo: database, Stripe sandbox, worker and portals, with addresses and logins; Ctrl-C stops all of it
	@exec scripts/run

test: ## every test: engine, HTTP, crash and browser
	@exec scripts/test

build: ## a self-contained release binary, target/release/purser
	@exec scripts/build

lint: ## format, clippy for server and browser, checked queries
	@exec scripts/lint

e2e: ## the browser tests alone
	@exec scripts/e2e

bench: ## how fast it is, against pgbench on the same PostgreSQL; BENCH_QUICK=1 for a short run
	@exec scripts/bench

soak: ## the long runs: 20,000 random histories, 10,000 payouts under 500 kills; SOAK_HISTORIES, SOAK_PAYOUTS, SOAK_KILLS
	@exec scripts/soak

site: ## what browsers load, into target/site
	@scripts/setup/rust && scripts/setup/node && exec scripts/site

sqlx: ## the descriptions of queries in .sqlx, after changing one or the schema
	@exec scripts/sqlx-prepare
