# SPDX-License-Identifier: PostgreSQL
# Fuzzing, the same in every room. A room's Makefile includes this after flags.mk; each fuzz/NAME.c has an
# LLVMFuzzerTestOneInput, what it is linked with is FUZZ_OBJECTS.
#
#   make fuzzers FUZZER=libfuzzer    build/libfuzzer/fuzz/NAME (clang, ASan, UBSan)
#   make fuzzers FUZZER=afl          build/afl/fuzz/NAME (AFL++, the same)
#   make fuzz SECONDS=60             both, over this room's harnesses (dev/fuzz)
#
# FUZZ_TESTS are the same harnesses for `make check`: they go through the kept inputs of fuzz/corpus/NAME
# and a few thousand mutants of them, always the same ones.

FUZZ_NAMES := $(patsubst fuzz/%.c,%,$(wildcard fuzz/*.c))
FUZZERS := $(addprefix $(BUILD)/fuzz/,$(FUZZ_NAMES))
FUZZ_TESTS := $(FUZZERS:=.t)
FUZZ_REPLAY := $(TOP)/common/fuzz/replay/replay.c
FUZZ_LIBS ?= -lcrypto -lpthread

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/%.o $(FUZZ_OBJECTS) $(LIBCOMMON)
	@echo "  FUZZ  $(notdir $(CURDIR))/$@"
	@$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer -o $@ $(filter %.o %.a,$^) $(LDFLAGS) $(FUZZ_LIBS)

$(FUZZ_TESTS): $(BUILD)/fuzz/%.t: $(BUILD)/fuzz/%.o $(FUZZ_REPLAY) $(FUZZ_OBJECTS) $(LIBCOMMON)
	@echo "  LD    $(notdir $(CURDIR))/$@"
	@$(CC) $(CFLAGS_ALL) -o $@ $(filter %.c %.o %.a,$^) $(LDFLAGS) $(FUZZ_LIBS)

.SECONDARY: $(FUZZERS:=.o)

fuzzers: $(FUZZERS)

SECONDS ?= 60
fuzz:
	@$(TOP)/dev/fuzz -s $(SECONDS) $(notdir $(CURDIR))

.PHONY: fuzzers fuzz
