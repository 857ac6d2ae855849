/* SPDX-License-Identifier: PostgreSQL */
/*
 * sql_adopt.c - SQL: key_adopt. A key that exists already, from a file or in a token, or one that a
 * token makes, becomes a generation.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "argument.h"
#include "birth.h"
#include "common_text.h"
#include "core/keyfile.h"
#include "exchange.h"
#include "kek.h"
#include "p11key.h"
#include "secretfile.h"
#include "secure.h"
#include "throw.h"
#include "tuple.h"

#define PASSPHRASE_MAX 1023

enum {
    ARG_AUTHORITY,
    ARG_GENERATION,
    ARG_PURPOSE,
    ARG_ALGORITHM,
    ARG_SOURCE,
    ARG_PLACE,
    ARG_PASSPHRASE
};

/* ---- files ---- */

/* Holds what is read until it is wiped. */
struct texts {
    size_t key_len, passphrase_len;
    bool has_passphrase;
    char key[KEYFILE_MAX + 1], passphrase[PASSPHRASE_MAX + 2];
};

static void
read_texts(FunctionCallInfo fcinfo, struct texts *t)
{
    exchange_read("the private key's file", argument_text(fcinfo, ARG_PLACE, "key_file"), false,
                  t->key, sizeof t->key, &t->key_len);
    t->has_passphrase = !PG_ARGISNULL(ARG_PASSPHRASE);
    if (!t->has_passphrase)
        return;
    exchange_read("the passphrase's file", text_to_cstring(PG_GETARG_TEXT_PP(ARG_PASSPHRASE)),
                  false, t->passphrase, sizeof t->passphrase, &t->passphrase_len);
    if (t->passphrase_len > 0 && t->passphrase[t->passphrase_len - 1] == '\n')
        t->passphrase_len--;
}

static struct key *
from_file(FunctionCallInfo fcinfo)
{
    struct texts *t = palloc(sizeof *t);
    struct key *key = NULL;
    const char *word = NULL;
    PG_TRY();
    {
        read_texts(fcinfo, t);
        word = keyfile_read(t->key, t->key_len, t->has_passphrase ? t->passphrase : NULL,
                            t->passphrase_len, &key);
    }
    PG_FINALLY();
    {
        mem_wipe(t, sizeof *t);
    }
    PG_END_TRY();
    if (word != NULL)
        sftca_refuse(SFTCA_INVALID, word, "the private key %s", keyfile_sentence(word));
    return key;
}

/* ---- tokens ---- */

_Noreturn static void
throw_token(int r)
{
    if (r == SFT_EFORMAT || r == SFT_ETOOLONG)
        sftca_refuse(SFTCA_INVALID, "token_uri_malformed",
                     "token_key: it is no PKCS#11 URI of ours");
    if (r == SFT_ETOKEN)
        sftca_refuse(SFTCA_UNAVAILABLE, "token_missing", "%s", p11key_reason());
    if (r == SFT_EREFUSED)
        sftca_refuse(SFTCA_CONFLICT, "token_key_exists", "the token has a key of this name");
    if (r == SFT_EMODE)
        sftca_refuse(SFTCA_INVALID, "token_key_extractable",
                     "the token would hand this key out: it must be sensitive and not extractable");
    if (r == SFT_EKEYTYPE)
        sftca_refuse(SFTCA_INVALID, "algorithm_unsupported",
                     "a token's key is ECDSA on P-256, P-384 or P-521, or RSA");
    if (r == SFT_EKEYWEAK)
        sftca_refuse(SFTCA_INVALID, "private_key_weak", "the token's key is too weak");
    sftca_throw(r, "token's key");
}

static struct key *
from_token(FunctionCallInfo fcinfo, struct birth *b, bool makes)
{
    struct key *key = NULL;
    b->token = argument_text(fcinfo, ARG_PLACE, "token_key");
    int r = makes ? p11key_generate(b->token, b->algorithm, b->bits, &key)
                  : p11key_open(b->token, &key);
    if (r != SFT_OK)
        throw_token(r);
    return key;
}

/* ---- all ---- */

/* What the key is, as authorities have it. */
static int
name_algorithm(struct birth *b, const struct key *key)
{
    static const char *const words[] = {[KEY_ED25519] = "ed25519",
                                        [KEY_ECDSA_P256] = "ecdsa-p256",
                                        [KEY_ECDSA_P384] = "ecdsa-p384",
                                        [KEY_ECDSA_P521] = "ecdsa-p521"};
    struct sshkey public;
    int r = key_public(key, &public);
    b->algorithm = key_algorithm(key);
    if (r == SFT_OK && b->algorithm == KEY_RSA)
        snprintf(b->algorithm_word, sizeof b->algorithm_word, "rsa-%u", public.bits);
    else if (r == SFT_OK)
        strlcpy(b->algorithm_word, words[b->algorithm], sizeof b->algorithm_word);
    return r == SFT_OK && algorithm_from(b->algorithm_word, &b->bits) == KEY_NONE ? SFT_EKEYTYPE
                                                                                  : r;
}

static struct key *
obtain(FunctionCallInfo fcinfo, struct birth *b, const char *wanted)
{
    const char *source = argument_text(fcinfo, ARG_SOURCE, "source");
    if (strcmp(source, "file") == 0)
        return from_file(fcinfo);
    if (strcmp(source, "token") == 0)
        return from_token(fcinfo, b, false);
    if (wanted == NULL || strcmp(source, "new token key") != 0)
        sftca_refuse(SFTCA_INVALID, "argument_missing", "source or algorithm is missing");
    b->algorithm = algorithm_from(wanted, &b->bits);
    if (b->algorithm == KEY_NONE)
        sftca_refuse(SFTCA_INVALID, "algorithm_unsupported", "unsupported algorithm");
    return from_token(fcinfo, b, true);
}

/* Must not raise: the key is alive. */
static int
adopt(struct birth *b, const uint8_t *kek, const struct key *key, const char *wanted)
{
    int r = name_algorithm(b, key);
    if (r == SFT_OK && wanted != NULL && strcmp(wanted, b->algorithm_word) != 0)
        return SFT_EOPTION;
    return r == SFT_OK ? birth_finish(b, kek, key) : r;
}

PG_FUNCTION_INFO_V1(sftca_key_adopt);

/* key_adopt(authority, generation, purpose, algorithm, source, place, passphrase_file) */
Datum
sftca_key_adopt(PG_FUNCTION_ARGS)
{
    struct birth b = {0};
    Datum values[BIRTH_COLUMNS + 1] = {0};
    bool nulls[BIRTH_COLUMNS + 1] = {0};
    const char *wanted =
        PG_ARGISNULL(ARG_ALGORITHM) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(ARG_ALGORITHM));

    birth_begin(fcinfo, &b);
    if (b.purpose == PURPOSE_STATEMENT)
        sftca_refuse(SFTCA_INVALID, "authority_purpose", "a statement key is made by the vault");
    const uint8_t *kek = kek_need();
    secure_heap_need();
    struct key *key = obtain(fcinfo, &b, wanted);
    int r = adopt(&b, kek, key, wanted);
    key_free(key);
    if (r == SFT_EOPTION)
        sftca_refuse(SFTCA_INVALID, "key_algorithm", "the key is %s, the authority is %s",
                     b.algorithm_word, wanted);
    if (r == SFT_EKEYMISMATCH)
        sftca_refuse(SFTCA_INVALID, "private_key_inconsistent", "the private key %s",
                     keyfile_sentence("private_key_inconsistent"));
    if (r == SFT_ETOKEN)
        throw_token(r);
    if (r == SFT_EKEK)
        kek_throw_gone();
    if (r != SFT_OK)
        sftca_throw(r, "key");
    birth_columns(&b, values, nulls);
    values[BIRTH_COLUMNS] = CStringGetTextDatum(b.algorithm_word);
    return tuple_of(fcinfo, values, nulls);
}
