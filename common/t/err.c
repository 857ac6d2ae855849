/* SPDX-License-Identifier: PostgreSQL */
/*
 * err.c - every failure has a sentence of its own; fault points fire only where they are told to.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/fault.h"
#include "common/tap.h"

static void
test_sentences(void)
{
    int distinct = 1, lower = 1;
    for (int e = 0; e >= SFT_ERR_MIN; e--) {
        const char *s = sft_strerror(e);
        lower &= s[0] >= 'a' && s[0] <= 'z' && s[strlen(s) - 1] != '.';
        distinct &= strcmp(s, "unknown error") != 0;
        for (int other = 0; other > e; other--)
            distinct &= strcmp(s, sft_strerror(other)) != 0;
    }
    ok(lower, "sentences are lower case without a full stop");
    ok(distinct, "every error has a sentence of its own");
    is_str(sft_strerror(SFT_ERR_MIN - 1), "unknown error", "below the list");
    is_str(sft_strerror(1), "unknown error", "above the list");
}

static void
test_faults(void)
{
    setenv("SFT_FAULT", "common.test:error:2", 1);
#ifdef SFT_FAULTS
    ok(!SFT_FAULT_ERR("common.test"), "the first passage is spared");
    ok(!SFT_FAULT_ERR("common.tes"), "another name is not meant");
    ok(SFT_FAULT_ERR("common.test"), "the second fails");
    ok(!SFT_FAULT_ERR("common.test"), "the third is spared");
#else
    ok(!SFT_FAULT_ERR("common.test") && !SFT_FAULT_ERR("common.test"),
       "release builds have no fault points");
#endif
}

int
main(void)
{
    test_sentences();
    test_faults();
    return done_testing();
}
