# SPDX-License-Identifier: PostgreSQL
# Flags that every C room shares. A room's Makefile includes this file, then names its objects.
#
# make SAN=1    builds with ASan and UBSan (objects of their own under build/san)
# make FAULTS=1 compiles the fault points in (build/faults); release builds have none
# make ANALYZE=1 builds with gcc -fanalyzer (build/analyze), for lint only
# make FUZZER=libfuzzer, FUZZER=afl build for a fuzzing engine with sanitizers (fuzz.mk)

TOP := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
CC ?= cc

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
       -Wvla -Wformat=2 -Werror
BASE_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARN) -g -fPIC -fstack-protector-strong -fno-strict-aliasing -I$(TOP)

VARIANT := release
ifdef FAULTS
VARIANT := faults
VARIANT_CFLAGS += -DSFT_FAULTS
endif
ifdef SAN
VARIANT := $(VARIANT)-san
VARIANT_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
LDFLAGS += -fsanitize=address,undefined
else
VARIANT_CFLAGS += -O2 -D_FORTIFY_SOURCE=2
endif
ifdef ANALYZE
VARIANT := analyze
# Ownership that goes into a growing array, or a descriptor to a child, is beyond gcc's leak checkers;
# ASan's (SAN=1) does that.
VARIANT_CFLAGS += -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-fd-leak
endif
ifdef FUZZER
VARIANT := $(FUZZER)
CC := $(if $(filter afl,$(FUZZER)),AFL_QUIET=1 AFL_USE_ASAN=1 AFL_USE_UBSAN=1 afl-clang-fast,clang)
VARIANT_CFLAGS = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
                 $(if $(filter libfuzzer,$(FUZZER)),-fsanitize=fuzzer-no-link)
endif
LDFLAGS += -Wl,-z,relro,-z,now
BUILD := build/$(VARIANT)
CFLAGS_ALL = $(BASE_CFLAGS) $(VARIANT_CFLAGS) $(CFLAGS)
LIBCOMMON = $(TOP)/common/$(BUILD)/libsftcommon.a

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $(notdir $(CURDIR))/$<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
