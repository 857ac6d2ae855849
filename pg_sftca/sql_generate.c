/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_generate.c - SQL: key_generate. A new key pair, born sealed.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "argument.h"
#include "birth.h"
#include "kek.h"
#include "secure.h"
#include "throw.h"
#include "tuple.h"

static bool
suits(enum purpose purpose, enum key_alg algorithm)
{
    if (purpose == PURPOSE_STATEMENT)
        return algorithm == KEY_ED25519;
    return algorithm != KEY_NONE;
}

/* Asked by the library in the midst of making an RSA key; it must not be left by a jump. */
static bool
goes_on(void)
{
    return !QueryCancelPending && !ProcDiePending;
}

/* Everything that needs the private key; must not raise. */
static int
generate(struct birth *b, const uint8_t *kek)
{
    struct key *key = NULL;
    int r = b->algorithm == KEY_RSA ? key_generate_rsa_while(b->bits, goes_on, &key)
                                    : key_generate(b->algorithm, &key);
    if (r == SFT_OK)
        r = birth_finish(b, kek, key);
    key_free(key);
    return r;
}

PG_FUNCTION_INFO_V1(sftca_key_generate);

Datum
sftca_key_generate(PG_FUNCTION_ARGS)
{
    struct birth b = {0};
    Datum values[BIRTH_COLUMNS] = {0};
    bool nulls[BIRTH_COLUMNS] = {0};
    int r;

    birth_begin(fcinfo, &b);
    strlcpy(b.algorithm_word, argument_text(fcinfo, 3, "algorithm"), sizeof b.algorithm_word);
    b.algorithm = algorithm_from(b.algorithm_word, &b.bits);
    if (!suits(b.purpose, b.algorithm))
        sftca_refuse(SFTCA_INVALID, "algorithm_unsupported", "unsupported algorithm");
    secure_heap_need();
    while ((r = generate(&b, kek_need())) == SFT_ESTOPPED)
        CHECK_FOR_INTERRUPTS(); /* raises, unless it was a false alarm */
    if (r == SFT_EKEK)
        kek_throw_gone();
    if (r != SFT_OK)
        sftca_throw(r, "new key");
    birth_columns(&b, values, nulls);
    return tuple_of(fcinfo, values, nulls);
}
