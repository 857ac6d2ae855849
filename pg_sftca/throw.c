/* SPDX-License-Identifier: PostgreSQL */
/*
 * throw.c - core errors become PostgreSQL errors here and nowhere else.
 */
#include "postgres.h"

#include "throw.h"

void
sftca_refuse(int sqlstate, const char *word, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ereport(ERROR, (errcode(sqlstate), errmsg_internal("%s", text),
                    err_generic_string(PG_DIAG_CONSTRAINT_NAME, word)));
    pg_unreachable();
}

static const struct word {
    int err, sqlstate;
    const char *word;
} words[] = {
    {SFT_ENOMEM, MAKE_SQLSTATE('5', '3', '2', '0', '0'), "out_of_memory"},
    {SFT_EFORMAT, SFTCA_INVALID, "malformed"},
    {SFT_ETRAILING, SFTCA_INVALID, "malformed"},
    {SFT_ETOOLONG, SFTCA_INVALID, "too_long"},
    {SFT_ENOSPACE, SFTCA_INVALID, "too_long"},
    {SFT_EKEYTYPE, SFTCA_INVALID, "public_key_type"},
    {SFT_EPRINCIPAL, SFTCA_INVALID, "principal_invalid"},
    {SFT_EVALIDITY, SFTCA_INVALID, "validity_invalid"},
    {SFT_EOPTION, SFTCA_INVALID, "option_invalid"},
    {SFT_EKEYID, SFTCA_INVALID, "key_id_invalid"},
    {SFT_ENAME, SFTCA_INVALID, "name_invalid"},
    {SFT_EBASE64, SFTCA_INVALID, "malformed"},
    {SFT_EKEK, SFTCA_UNAVAILABLE, "kek_wrong"},
    {SFT_ESERIAL, SFTCA_INTERNAL, "serial_invalid"},
    {SFT_ECRYPTO, SFTCA_INTERNAL, "crypto_failed"},
};

void
sftca_throw(int err, const char *what)
{
    for (size_t i = 0; i < lengthof(words); i++)
        if (words[i].err == err)
            sftca_refuse(words[i].sqlstate, words[i].word, "%s: %s", what, sft_strerror(err));
    sftca_refuse(SFTCA_INTERNAL, "internal", "%s: %s", what, sft_strerror(err));
}

void
sftca_throw_key(int err)
{
    const char *word = "public_key_malformed";
    switch (err) {
    case SFT_EKEYWEAK:
        word = "public_key_weak";
        break;
    case SFT_EKEYTYPE:
        word = "public_key_type";
        break;
    case SFT_EKEYCERT:
        word = "public_key_is_certificate";
        break;
    case SFT_EKEYPRIVATE:
        word = "public_key_is_private";
        break;
    case SFT_EKEYPOINT:
        word = "public_key_point";
        break;
    case SFT_ENOMEM:
    case SFT_ECRYPTO:
    case SFT_EINTERNAL:
        sftca_throw(err, "public key");
    default:
        break;
    }
    sftca_refuse(SFTCA_INVALID, word, "public key: %s", sft_strerror(err));
}
