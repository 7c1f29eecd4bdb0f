# The few words a person types. `make` alone says which.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PRESET ?= release
JOBS ?= $(shell nproc)
# How long each fuzzing target runs.
SECONDS ?= 60
# Further arguments of `poold dev`, as in: make run ARGS='--data-dir /var/tmp/pools'
# Of `make cost`: ARGS=--write writes the budget anew.
ARGS ?=
# 1: `make bench` measures only look-ups, creates and overload, in two minutes.
QUICK ?=
# What `make bench` measures, by the names in tests/bench/README.md, as in: make bench ONLY=create,associate
# What `make cost` counts, by the names in the same file, as in: make cost ONLY=lookup,create
# Which attack `make attack` tries, by its name in docs/security.md, as in: make attack ONLY='rapid resets'
# Which test programs `make test` builds and runs, as in: make test ONLY=storage_test,handlers_test
ONLY ?=

TREE := build/$(PRESET)
SOURCES = find server storage tests -name node_modules -prune -o \( -name '*.cc' -o -name '*.h' \) -print
SHELL_SCRIPTS = .ci/run deploy/*.sh deploy/container/*.sh tests/e2e/grpcurl tests/clients/run \
  tests/clients/*/*.sh tests/fuzz/run tests/bare/* tests/postgres/run
NODE_PROJECTS = tests/e2e tests/clients tests/deploy tests/postgres
BENCH_PEER = tests/bench/peer
# The releases of Debian on which `make bare` tries it.
RELEASES ?= bookworm trixie
say = @printf '==> %s\n'
comma := ,
only = $(subst $(comma), ,$(ONLY))

.PHONY: help run build test lint format image sbom-check failover bench cost attack fuzz tidy bare clean deps test-deps configure configure-tests

help: ## say what there is
	@printf 'make WORD, where WORD is one of:\n'
	@awk -F '## ' '/^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "  %-10s %s\n", $$1, $$2 }' Makefile
	@printf 'Variables: PRESET=release|dev|asan|tsan (default release), JOBS=%s, ARGS= for `poold dev` and cost, ONLY= for test, bench, cost and attack, QUICK=1 for bench\n' '$(JOBS)'

run: build ## install what is missing, build, and run `poold dev` in the foreground
	$(say) 'run $(TREE)/poold dev $(subst ','\'',$(ARGS))'
	@exec $(TREE)/poold dev $(ARGS)

build: deps configure ## install what is missing, and build build/release/poold
	$(say) 'build $(TREE)/poold'
	@cmake --build $(TREE) --parallel $(JOBS) --target poold

test: test-deps configure-tests ## install what is missing, build, and run every test
	$(say) 'build $(or $(only),everything)'
	@cmake --build $(TREE) --parallel $(JOBS) $(only:%=--target %)
	$(say) 'test'
	@ctest --test-dir $(TREE) --parallel $(JOBS) --output-on-failure --no-tests=error \
	  $(if $(ONLY),--tests-regex '^($(subst $(comma),|,$(ONLY)))$$')

lint: ## check the formatting of C++ and Go, and the shell scripts
	@deploy/install-deps.sh lint
	$(say) 'clang-format'
	@$(SOURCES) | xargs clang-format --dry-run --Werror
	$(say) 'gofmt'
	@test -z "$$(gofmt -l tests/clients/go | tee /dev/stderr)"
	$(say) 'shellcheck'
	@shellcheck $(SHELL_SCRIPTS)

format: ## format the C++ and Go in place
	@deploy/install-deps.sh lint
	@$(SOURCES) | xargs clang-format -i
	@gofmt -w tests/clients/go

image: ## build the container image (as root) and try it out
	@deploy/install-deps.sh run image
	@JOBS=$(JOBS) deploy/container/build.sh
	$(say) 'try it out'
	@deploy/container/smoke-test.sh

sbom-check: ## compare the image's bill of materials with the data of Debian's security tracker (SECURITY.md)
	@deploy/sbom-check.sh

failover: test-deps configure-tests ## try failovers of three PostgreSQL nodes under Patroni with etcd (two minutes)
	@deploy/install-deps.sh failover
	$(say) 'build'
	@cmake --build $(TREE) --parallel $(JOBS) --target patroni_failover
	$(say) 'fail over'
	@$(TREE)/patroni_failover

bench: test-deps ## measure speed beside its limits, into build/bench/report.md (ten minutes; QUICK=1: two)
	@deploy/install-deps.sh bench
	@$(MAKE) -s $(BENCH_PEER)/node_modules/.package-lock.json
	@cmake --preset release --log-level=WARNING -DPOOLD_TESTS=ON
	$(say) 'build'
	@cmake --build build/release --parallel $(JOBS) --target bench
	$(say) 'measure'
	@node tests/bench/bench.mjs build/release build/bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

cost: ## count the instructions of each call, and compare them with tests/bench/budget.json (four minutes)
	@deploy/install-deps.sh build run test bench cost
	@cmake --preset release --log-level=WARNING -DPOOLD_TESTS=ON
	$(say) 'build'
	@cmake --build build/release --parallel $(JOBS) --target poold --target bench_driver --target bench_postgres
	$(say) 'count'
	@node tests/bench/cost/cost.mjs build/release build/cost $(if $(ONLY),--only $(ONLY)) $(ARGS)

attack: test-deps configure-tests ## attack a real server, ten seconds each, and print what that came to (ten minutes)
	$(say) 'build'
	@cmake --build $(TREE) --parallel $(JOBS) --target attack
	$(say) 'attack'
	@$(TREE)/attack $(TREE)/poold 10 $(if $(ONLY),"$(ONLY)")

fuzz: ## fuzz what faces the network, SECONDS=60 each
	@deploy/install-deps.sh build fuzz
	@cmake --preset fuzz --log-level=WARNING
	$(say) 'build the fuzzing targets'
	@cmake --build build/fuzz --parallel $(JOBS) --target fuzz
	$(say) 'fuzz, $(SECONDS) s each'
	@tests/fuzz/run build/fuzz $(SECONDS)

bare: ## try `make run` on each Debian that has git and make alone, and `make test` on Debian 12 (as root)
	@deploy/install-deps.sh bare
	@for release in $(RELEASES); do tests/bare/run $$release; done

tidy: ## run clang-tidy over everything (slow)
	@deploy/install-deps.sh build test tidy
	$(say) 'clang-tidy'
	@cmake --preset tidy --log-level=WARNING
	@cmake --build build/tidy --parallel $(JOBS)

clean: ## remove what was built; data in .poold stay
	rm -rf build $(NODE_PROJECTS:%=%/node_modules) $(BENCH_PEER)/node_modules

deps:
	@deploy/install-deps.sh build run

test-deps:
	@deploy/install-deps.sh build run test
	@$(MAKE) -s $(NODE_PROJECTS:%=%/node_modules/.package-lock.json)
	@tests/clients/tours/unpack.sh build/awscli

# npm writes that file last; it is how npm itself remembers what it installed.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	$(say) 'npm ci ($*)'
	@npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# A tree is configured once: from then on the build notices by itself when it has to configure again. `make run` and
# `make build` leave the tests out, which need packages of their own. `make test` adds them to the same tree, for good.
configure: $(TREE)/build.ninja

$(TREE)/build.ninja:
	$(say) 'configure $(TREE)'
	@cmake --preset $(PRESET) --log-level=WARNING -DPOOLD_TESTS=OFF

configure-tests: $(TREE)/tests/CTestTestfile.cmake

build/%/tests/CTestTestfile.cmake:
	$(say) 'configure build/$* with tests'
	@cmake --preset $* --log-level=WARNING -DPOOLD_TESTS=ON
