/* SPDX-License-Identifier: PostgreSQL */
/*
 * addresses.c - any text as an address list of sshd, and an address: a list that is malformed holds
 * nobody, and what the vault would write is well formed. Lines: the list, the address.
 */
#include "input.h"

#include "core/addresses.h"
#include "core/option.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct lines in;
    lines_of(&in, bytes, len);
    size_t n = strlen(in.line[0]);
    enum addresses form = addresses_match(in.line[0], n, NULL);
    enum addresses inside = addresses_match(in.line[0], n, in.line[1]);
    promise(form == ADDRESSES_MALFORMED || form == ADDRESSES_INSIDE);
    promise(form != ADDRESSES_MALFORMED || inside == ADDRESSES_MALFORMED);
    promise(!option_is_critical("source-address", in.line[0], false) || form == ADDRESSES_INSIDE);
    free(in.text);
    return 0;
}
