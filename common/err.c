/* SPDX-License-Identifier: PostgreSQL */
/*
 * err.c - the sentences of enum sft_err.
 */
#include "common/err.h"

#include <stddef.h>

static const char *const sentences[] = {
    [-SFT_OK] = "no error",
    [-SFT_EINTERNAL] = "internal error",
    [-SFT_ENOMEM] = "out of memory",
    [-SFT_ENOSPACE] = "output buffer is too small",
    [-SFT_EFORMAT] = "malformed or truncated input",
    [-SFT_ETRAILING] = "unexpected bytes after the end",
    [-SFT_ETOOLONG] = "input is too long",
    [-SFT_EKEYTYPE] = "key type is unknown or not allowed",
    [-SFT_EKEYWEAK] = "key is too weak",
    [-SFT_EKEYPOINT] = "key is not a valid point of its curve",
    [-SFT_EKEYCERT] = "a certificate was given where a public key is expected",
    [-SFT_EKEYPRIVATE] = "a private key was given where a public key is expected",
    [-SFT_EKEYMISMATCH] = "declared type and key material differ",
    [-SFT_EBASE64] = "not canonical base64",
    [-SFT_ESIGNATURE] = "signature does not verify",
    [-SFT_ECRYPTO] = "the cryptographic library failed",
    [-SFT_EPRINCIPAL] = "principal is missing, empty or has a character that is not allowed",
    [-SFT_EVALIDITY] = "validity is empty, reversed or unbounded",
    [-SFT_EOPTION] = "option is unknown, repeated or has a bad value",
    [-SFT_ENAME] = "name breaks its rule",
    [-SFT_ESYSTEM] = "system call failed",
    [-SFT_EMODE] = "file has the wrong owner, mode or type",
    [-SFT_ENETWORK] = "could not reach the peer",
    [-SFT_ETLS] = "the peer's TLS certificate is not trusted",
    [-SFT_ETIMEOUT] = "deadline passed",
    [-SFT_EREFUSED] = "the peer answered with an error",
    [-SFT_ECLOCK] = "clocks differ too much",
    [-SFT_EVERSION] = "version is older than one already seen, or unknown",
    [-SFT_ENOTFOUND] = "not found",
    [-SFT_EKEK] = "key-encryption key is missing or wrong",
    [-SFT_EKEYID] = "certificate key id breaks its rule",
    [-SFT_ESERIAL] = "certificate serial is 0 or too large",
    [-SFT_EDIGEST] = "body does not match its digest",
    [-SFT_ETOKEN] = "token is not there or has failed",
    [-SFT_ESTOPPED] = "stopped on request",
};

_Static_assert(sizeof(sentences) / sizeof(sentences[0]) == -SFT_ERR_MIN + 1,
               "every error has its sentence");

const char *
sft_strerror(int err)
{
    if (err > 0 || err < SFT_ERR_MIN || sentences[-err] == NULL)
        return "unknown error";
    return sentences[-err];
}
