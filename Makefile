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
ARGS ?=
# 1: `make bench` measures only look-ups, creates and overload, in two minutes.
QUICK ?=
# What `make bench` measures, by the names in tests/bench/README.md, as in: make bench ONLY=create,associate
ONLY ?=

TREE := build/$(PRESET)
SOURCES = find server storage tests -name node_modules -prune -o \( -name '*.cc' -o -name '*.h' \) -print
SHELL_SCRIPTS = .ci/run deploy/*.sh deploy/container/*.sh tests/e2e/grpcurl tests/clients/run \
  tests/clients/*/*.sh tests/fuzz/run
NODE_PROJECTS = tests/e2e tests/clients tests/deploy
BENCH_PEER = tests/bench/peer
say = @printf '==> %s\n'

.PHONY: help run build test lint format image failover bench fuzz tidy clean deps test-deps configure

help: ## say what there is
	@printf 'make WORD, where WORD is one of:\n'
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  \1|\2/p' Makefile | column -t -s '|'
	@printf 'Variables: PRESET=release|dev|asan|tsan (default release), JOBS=%s, ARGS= for `poold dev`, QUICK=1 and ONLY= for bench\n' '$(JOBS)'

run: build ## install what is missing, build, and run `poold dev` in the foreground
	$(say) 'run $(TREE)/poold dev $(ARGS)'
	@exec $(TREE)/poold dev $(ARGS)

build: deps configure ## install what is missing, and build build/release/poold
	$(say) 'build $(TREE)/poold'
	@cmake --build $(TREE) --parallel $(JOBS) --target poold

test: test-deps configure ## install what is missing, build, and run every test
	$(say) 'build everything'
	@cmake --build $(TREE) --parallel $(JOBS)
	$(say) 'test'
	@ctest --test-dir $(TREE) --parallel $(JOBS) --output-on-failure --no-tests=error

lint: test-deps ## check the formatting of C++ and Go, and the shell scripts
	$(say) 'clang-format'
	@$(SOURCES) | xargs clang-format --dry-run --Werror
	$(say) 'gofmt'
	@test -z "$$(gofmt -l tests/clients/go | tee /dev/stderr)"
	$(say) 'shellcheck'
	@shellcheck $(SHELL_SCRIPTS)

format: test-deps ## format the C++ and Go in place
	@$(SOURCES) | xargs clang-format -i
	@gofmt -w tests/clients/go

image: ## build the container image (as root) and try it out
	@deploy/install-deps.sh run image
	@JOBS=$(JOBS) deploy/container/build.sh
	$(say) 'try it out'
	@deploy/container/smoke-test.sh

failover: test-deps configure ## try failovers of three PostgreSQL nodes under Patroni with etcd (two minutes)
	@deploy/install-deps.sh failover
	$(say) 'build'
	@cmake --build $(TREE) --parallel $(JOBS) --target patroni_failover
	$(say) 'fail over'
	@$(TREE)/patroni_failover

bench: test-deps ## measure speed beside its limits, into build/bench/report.md (ten minutes; QUICK=1: two)
	@deploy/install-deps.sh bench
	@$(MAKE) -s $(BENCH_PEER)/node_modules/.package-lock.json
	@cmake --preset release --log-level=WARNING
	$(say) 'build'
	@cmake --build build/release --parallel $(JOBS) --target bench
	$(say) 'measure'
	@node tests/bench/bench.mjs build/release build/bench $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

fuzz: test-deps ## fuzz what faces the network, SECONDS=60 each
	@cmake --preset fuzz --log-level=WARNING
	$(say) 'build the fuzzing targets'
	@cmake --build build/fuzz --parallel $(JOBS) --target fuzz
	$(say) 'fuzz, $(SECONDS) s each'
	@tests/fuzz/run build/fuzz $(SECONDS)

tidy: test-deps ## run clang-tidy over everything (slow)
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

# Only once: from then on the build notices by itself when it has to configure again.
configure: $(TREE)/build.ninja

$(TREE)/build.ninja:
	$(say) 'configure $(TREE)'
	@cmake --preset $(PRESET) --log-level=WARNING
