# SPDX-License-Identifier: PostgreSQL
# The whole house. `make` alone says what there is to say.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
PREFIX ?= /usr/local
DB ?= sft
export SAN FAULTS ANALYZE PREFIX DESTDIR

# common first, then whoever uses it; regress has the programs that only tests use.
ROOMS = common pg_sftca gateway agent client regress
BUILD_TARGETS = $(ROOMS:%=build-%)

.PHONY: help deps all man $(BUILD_TARGETS) demo demo-stop check check-long check-trixie fuzz bench-vault lint format hooks \
        install install-db clean

help:
	@echo 'sft: short-lived access certificates, issued by PostgreSQL'
	@echo
	@echo '  make demo        the whole product at work on this machine (installs what is missing)'
	@echo '  make demo-stop   stop the demo and remove what it made'
	@echo '  make check       every test, at most 10 minutes on 2 cores'
	@echo
	@echo '  make deps        install the Debian packages for building, testing and lint'
	@echo '  make all         build everything            SAN=1 sanitizers, FAULTS=1 fault points'
	@echo '  make check-long  sanitizer builds, sweeps, soaks and long fuzzing: before an issue is called done'
	@echo '  make check-trixie  the tests of the vault in a Debian 13 root (PostgreSQL 17, OpenSSL 3.5, OpenSSH 10)'
	@echo '  make fuzz        libFuzzer and AFL++ over every reader of strange bytes   SECONDS=600'
	@echo '  make bench-vault signing by the vault against openssl speed; fails below the floors'
	@echo '  make lint        format, dependency rule, analyzers, conventions'
	@echo '  make format      rewrite C files as .clang-format says'
	@echo '  make hooks       let git run format and lint before each commit'
	@echo '  make install     programs and extension, below DESTDIR and PREFIX ($(PREFIX))'
	@echo '  make install-db  create or upgrade the platform in database DB ($(DB))'
	@echo '  make clean       remove what was built'
	@echo
	@echo 'One room: make -C gateway, make -C gateway check. Start reading in README.md.'

deps:
	@dev/deps

all: $(BUILD_TARGETS)

$(BUILD_TARGETS): build-%:
	@$(MAKE) -s -C $*

$(filter-out build-common,$(BUILD_TARGETS)): build-common

demo:
	@dev/deps demo
	@$(MAKE) all
	@dev/demo start

demo-stop:
	@dev/demo stop

check:
	@dev/check

check-long:
	@dev/check long

# What is committed, in a root that debootstrap makes and keeps; make deps installs there what the tests need.
check-trixie:
	@dev/fresh trixie root 'make -s deps && make -C pg_sftca check'

SECONDS ?= 600
fuzz:
	@dev/deps
	@dev/fuzz -s $(SECONDS)

bench-vault: build-pg_sftca
	@$(MAKE) -C pg_sftca bench

lint:
	@dev/lint

format:
	@dev/format -i

hooks:
	@git config core.hooksPath dev/hooks
	@echo 'git runs dev/hooks/pre-commit from now on'

# The manual: docs/NAME.SECTION.scd, by scdoc.
MANUAL = $(patsubst docs/%.scd,build/man/%,$(wildcard docs/*.scd))
man: $(MANUAL)
.DELETE_ON_ERROR:
build/man/%: docs/%.scd
	@mkdir -p $(@D)
	@scdoc <$< >$@

install: all man
	@dev/install

install-db:
	@sql/migrate -d '$(DB)'

clean:
	@rm -rf build/man
	@for room in $(ROOMS); do $(MAKE) -C $$room clean || exit 1; done
