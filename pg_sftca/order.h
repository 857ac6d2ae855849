/* SPDX-License-Identifier: PostgreSQL */
/*
 * order.h - what is asked for when a certificate is recorded: the road that all prepare functions
 * share (prepare.c).
 */
#ifndef SFTCA_ORDER_H
#define SFTCA_ORDER_H

#include "postgres.h"

#include "utils/uuid.h"

#include "argument.h"
#include "authority.h"
#include "common/sbuf.h"
#include "common/sshkey.h"

struct order {
    pg_uuid_t *id;
    enum purpose purpose;
    const char *kind;
    int life_days; /* the longest that it may live; sftca.revoke() counts on it */
    const struct authority *authority;
    struct sshkey subject;
    char fingerprint[SSHKEY_FINGERPRINT_MAX];
    int64 valid_after, valid_before;
    /* the record's columns of the same names, text[] */
    const char *key_id;
    Datum principals, critical, extensions;
    /* Writes the bytes to be signed; more is the caller's. */
    void (*write)(struct sbuf *out, const struct order *order, uint64 serial, const uint8_t *nonce);
    const void *more;
};

/* Checks what all kinds have in common, and records it; returns the serial as a datum. */
Datum order_place(struct order *order, const pg_uuid_t *authority);
Datum order_list(const struct text_list *list); /* as a text[] datum */

#endif
