/* SPDX-License-Identifier: PostgreSQL */
/*
 * err.h - the one list of failures that C code here can return.
 *
 * Functions return 0 or a negative enum sft_err; out-parameters are NULL or 0 after a failure.
 * Nothing in common/ prints, exits or throws.
 */
#ifndef SFT_ERR_H
#define SFT_ERR_H

enum sft_err {
    SFT_OK = 0,
    SFT_EINTERNAL = -1,     /* cannot happen; a bug of ours */
    SFT_ENOMEM = -2,        /* out of memory */
    SFT_ENOSPACE = -3,      /* output buffer is too small */
    SFT_EFORMAT = -4,       /* malformed or truncated input */
    SFT_ETRAILING = -5,     /* well-formed input followed by more bytes */
    SFT_ETOOLONG = -6,      /* input exceeds its limit */
    SFT_EKEYTYPE = -7,      /* key type is unknown or not allowed */
    SFT_EKEYWEAK = -8,      /* key is too weak (size, exponent, structure) */
    SFT_EKEYPOINT = -9,     /* point is not on the curve, at infinity or of low order */
    SFT_EKEYCERT = -10,     /* a certificate where a key is expected */
    SFT_EKEYPRIVATE = -11,  /* a private key where a public key is expected */
    SFT_EKEYMISMATCH = -12, /* declared type and key material differ */
    SFT_EBASE64 = -13,      /* not canonical base64 */
    SFT_ESIGNATURE = -14,   /* signature does not verify */
    SFT_ECRYPTO = -15,      /* the cryptographic library failed */
    SFT_EPRINCIPAL = -16,   /* no principal, an empty one, or one with a character not allowed */
    SFT_EVALIDITY = -17,    /* validity is empty, reversed or unbounded */
    SFT_EOPTION = -18,      /* option is unknown, repeated or has a bad value */
    SFT_ENAME = -19,        /* name breaks its rule */
    SFT_ESYSTEM = -20,      /* a system call failed; errno says which way */
    SFT_EMODE = -21,        /* file has the wrong owner, mode or type */
    SFT_ENETWORK = -22,     /* could not reach the peer */
    SFT_ETLS = -23,         /* the peer's TLS certificate is not trusted */
    SFT_ETIMEOUT = -24,     /* deadline passed */
    SFT_EREFUSED = -25,     /* the peer answered with an error */
    SFT_ECLOCK = -26,       /* clocks differ too much */
    SFT_EVERSION = -27,     /* older version than the one already seen, or wire version unknown */
    SFT_ENOTFOUND = -28,    /* the thing asked for is not there */
    SFT_EKEK = -29,         /* key-encryption key missing or wrong */
    SFT_EKEYID = -30,       /* certificate key id breaks its rule */
    SFT_ESERIAL = -31,      /* certificate serial is 0 or beyond 2^63-1 */
    SFT_EDIGEST = -32,      /* a body is not what its Content-Digest says */
    SFT_ETOKEN = -33,       /* the PKCS#11 token is not there or has failed */
    SFT_ESTOPPED = -34,     /* somebody asked to stop */
    SFT_ERR_MIN = -34
};

/* The sentence for err, lower case, no full stop; never NULL. */
const char *sft_strerror(int err);

#define SFT_CHECKED __attribute__((warn_unused_result))

#endif
