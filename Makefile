# Everything a person or a machine does with this repository. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
# One set of features for everything that compiles, so that each crate is compiled once to check
# it and once to run it, not once per step.
ALL := --workspace --all-features --locked

# What `make test` does, cheap things first.
STEPS := tools fmt lengths msrv dependencies clippy docs features build unit doctest interop python node packages installer stories

# The profile that npm packages are built with: dev or release.
NAPI_PROFILE ?= release
# And the wheel.
WHEEL_PROFILE ?= release

.PHONY: help demo npm-pack wheel test bench bench-python bench-node extra check-monitoring $(STEPS) run-nextest run-cargo-test

help: ## list the targets
	@echo "make demo    a simulated fleet, the server and a failover to watch (Ctrl-C ends it)"
	@echo "make test    everything below, from a clean checkout"
	@echo
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | grep -vE '^(help|demo|test):' \
	    | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 20

demo: ## run the server on simulated encoders
	cargo run --locked -p encoder-server -- demo

test: ## run every step in order and say how long each took
	@timings=""; \
	for step in $(STEPS); do \
	    printf '\n== %s\n' "$$step"; began=$$SECONDS; \
	    $(MAKE) "$$step" || { printf '\nmake test: step "%s" failed\n' "$$step"; exit 1; }; \
	    timings+="$$(printf '%5d s  %s' $$((SECONDS - began)) "$$step")"$$'\n'; \
	done; \
	printf '\nmake test: everything passed in %d min %d s\n%s' \
	    $$((SECONDS / 60)) $$((SECONDS % 60)) "$$timings"

tools: ## name what is missing on this machine, and how to get it
	@.ci/tools

fmt: ## formatting is rustfmt's
	cargo fmt --all --check

lengths: ## source files stay under 400 lines without their tests
	@$(PYTHON) .ci/lengths.py

msrv: ## no crate promises an older Rust than its dependencies need
	@$(PYTHON) .ci/msrv.py

dependencies: ## the library pulls in no HTTP, SQL or Python; nothing pulls in OpenSSL or cmake
	@.ci/dependencies

clippy: ## no warnings
	cargo clippy $(ALL) --all-targets -- -D warnings

docs: ## documentation builds without warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --no-deps

features: ## library and driver compile with each feature alone
	@$(PYTHON) .ci/features.py | while read -r crate arguments; do \
	    echo "cargo clippy -p $$crate --lib $$arguments"; \
	    cargo clippy --quiet --locked -p "$$crate" --lib $$arguments -- -D warnings </dev/null; \
	done

build: ## programs and bindings, for the tests that start them
	cargo build $(ALL)

# The features that `build` used, so that only the module itself is compiled again.
node: export CARGO_ARGUMENTS := --workspace --all-features
node: ## the Node package: its types, its tests, its tarballs
	@$(MAKE) npm-pack NAPI_PROFILE=dev
	npm test --silent --prefix bindings-node

npm-pack: ## the Node package and the one of this platform, as tarballs in bindings-node/dist
	npm ci --silent --no-audit --no-fund --prefix bindings-node
	npm run --silent --prefix bindings-node "native:$(NAPI_PROFILE)" -- $(CARGO_ARGUMENTS)
	npm run --silent --prefix bindings-node build
	npm run --silent --prefix bindings-node tarballs

# nextest prints one summary with all counts. Building it takes longer than it saves, so a machine
# without it runs cargo's own runner and adds the counts up.
unit: ## unit and scenario tests
	@if cargo nextest --version >/dev/null 2>&1; then $(MAKE) run-nextest; else $(MAKE) run-cargo-test; fi

run-nextest:
	cargo nextest run $(ALL)

run-cargo-test:
	@echo "cargo-nextest is not installed; using cargo test"
	cargo test $(ALL) --no-fail-fast --lib --bins --tests --examples | $(PYTHON) .ci/counts.py

doctest: ## examples in the documentation
	cargo test $(ALL) --doc | $(PYTHON) .ci/counts.py

bench: ## measurements with a goal; neither part of the tests nor comparable between machines
	cargo run --release --locked -p encoder-benches -- failover
	cargo run --release --locked -p encoder-benches -- init
	cargo run --release --locked -p encoder-benches -- idle

# On packages with the release profile, in an environment of their own.
bench-python: ## the Python package beside its floor and aiohttp
	$(MAKE) wheel WHEEL_PROFILE=release
	cargo build --release --locked -p encoder-benches
	$(PYTHON) -m venv --clear target/bench-python
	target/bench-python/bin/python -m pip install --quiet --disable-pip-version-check aiohttp bindings-python/dist/*.whl
	target/bench-python/bin/python benches/python/measure.py

bench-node: ## the Node package beside its floor and undici
	$(MAKE) npm-pack NAPI_PROFILE=release
	cargo build --release --locked -p encoder-benches
	npm install --silent --no-audit --no-fund --no-save --prefix benches/node bindings-node/dist/*.tgz undici@7
	node benches/node/measure.mjs

interop: ## Python and Node clients against the server
	tests/clients/run

python: ## the Python package: the embedded manager, the server's client, types, the wheel
	$(MAKE) wheel WHEEL_PROFILE=dev
	bindings-python/tests/run

wheel: ## the Python package as one wheel in bindings-python/dist
	@PYTHON=$(PYTHON) WHEEL_PROFILE=$(WHEEL_PROFILE) .ci/wheel

packages: ## wheel and tarballs as a stranger has them: every example, and the READMEs' programs
	$(PYTHON) tests/packages/run

installer: ## the installer, run for real below temporary roots; the files for Docker
	tests/install/run

stories: ## what the demo promises happens
	@.ci/stories

check-monitoring: ## rules, routes and dashboards, with the programs that they are for
	@PYTHON=$(PYTHON) .ci/monitoring

extra: ## checks with tools that not everybody has: cargo-deny, cargo-machete, typos
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --config .deny.toml check bans licenses sources; else echo "skipped: cargo install cargo-deny --locked"; fi
	@if cargo machete --version >/dev/null 2>&1; then cargo machete; else echo "skipped: cargo install cargo-machete --locked"; fi
	@if typos --version >/dev/null 2>&1; then typos --config .typos.toml; else echo "skipped: cargo install typos-cli --locked"; fi
