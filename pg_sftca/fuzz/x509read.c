/* SPDX-License-Identifier: PostgreSQL */
/*
 * x509read.c - any bytes as a leaf certificate. What our reader takes, OpenSSL takes too, and
 * both see the same in it.
 */
#include "x509_same.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct x509read read;
    if (x509read_leaf(&read, bytes, len) == SFT_OK) {
        promise(read.tbs_at + read.tbs_len < len);
        same_to_openssl(&read, bytes, len);
    }
    return 0;
}
