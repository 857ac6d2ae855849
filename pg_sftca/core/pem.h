/* SPDX-License-Identifier: PostgreSQL */
/*
 * pem.h - taking DER out of text (RFC 7468), and whether it is DER at all.
 */
#ifndef SFTCA_PEM_H
#define SFTCA_PEM_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct pem {
    const char *p, *end;
    int is_bare; /* base64 without the lines around it */
};

void pem_begin(struct pem *pem, const char *s, size_t len);
/*
 * The next block's DER, which is checked by der_check(). Text between blocks is skipped; a text
 * without any block is the base64 of one. labels ends with NULL; a block with another label is
 * SFT_EFORMAT. SFT_ENOTFOUND when there are no more. cap of three quarters of the text is enough.
 */
SFT_CHECKED int pem_next(struct pem *pem, const char *const *labels, uint8_t *out, size_t cap,
                         size_t *lenp);

extern const char *const pem_certificate[], *const pem_request[], *const pem_list[];

/*
 * One element and nothing behind it (SFT_ETRAILING), in DER: lengths definite and shortest, no
 * constructed strings, whole numbers shortest, truth 0xff, unused bits 0. Whatever it means is for
 * others. SFT_EFORMAT.
 */
SFT_CHECKED int der_check(const uint8_t *der, size_t len);

#endif
