/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshkey.h - SSH public keys: parse, check, print (RFC 4253 6.6, RFC 5656, RFC 8709, PROTOCOL.u2f).
 *
 * Parsing is strict: canonical base64, no trailing bytes, minimal mpints, points on their curve,
 * RSA 2048 to 8192 bits with e = 65537. Certificates and private keys are refused by name.
 */
#ifndef SFT_SSHKEY_H
#define SFT_SSHKEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define SSHKEY_BLOB_MAX 1200 /* RSA 8192 and its framing fit */
#define SSHKEY_TEXT_MAX 1800
#define SSHKEY_FINGERPRINT_MAX 52 /* "SHA256:" and 43 characters, NUL */
#define SSHKEY_RSA_MIN_BITS 2048
#define SSHKEY_RSA_MAX_BITS 8192

enum sshkey_type {
    SSHKEY_NONE = 0,
    SSHKEY_ED25519,
    SSHKEY_ECDSA_P256,
    SSHKEY_ECDSA_P384,
    SSHKEY_ECDSA_P521,
    SSHKEY_RSA,
    SSHKEY_SK_ED25519,
    SSHKEY_SK_ECDSA_P256
};

struct sshkey {
    enum sshkey_type type;
    unsigned bits;
    size_t len;
    uint8_t blob[SSHKEY_BLOB_MAX]; /* the whole public key blob, algorithm name first */
};

/*
 * One line "type base64 [comment]", without a newline; the comment is dropped. len excludes NUL.
 * This is how keys come in. sshkey_from_blob is for what is stored or nested: it makes the same
 * checks but for one, whether an Ed25519 number is a point of the curve.
 */
SFT_CHECKED int sshkey_from_text(struct sshkey *key, const char *s, size_t len);
SFT_CHECKED int sshkey_from_blob(struct sshkey *key, const uint8_t *blob, size_t len);
/* "type base64", no comment, final NUL. */
SFT_CHECKED int sshkey_to_text(const struct sshkey *key, char *out, size_t cap);
/* "SHA256:..." as ssh-keygen -l prints it; out has SSHKEY_FINGERPRINT_MAX bytes. */
SFT_CHECKED int sshkey_fingerprint(const struct sshkey *key, char *out);
const char *sshkey_type_name(enum sshkey_type type); /* "ssh-ed25519" ... */
const char *
sshkey_cert_type_name(enum sshkey_type type); /* "ssh-ed25519-cert-v01@openssh.com" ... */
int sshkey_equal(const struct sshkey *a, const struct sshkey *b); /* 1 or 0 */

/* The raw parts that verification needs: 32 bytes of Ed25519, 65 bytes of P-256 (0x04 x y). */
SFT_CHECKED int sshkey_raw_point(const struct sshkey *key, const uint8_t **pointp, size_t *lenp);

/*
 * The 16 characters of base32 that people compare when a device is approved: the first 80 bits of
 * SHA-256 over the key blob, as "ABCD-EFGH-IJKL-MNOP"; out has 20 bytes.
 */
SFT_CHECKED int sshkey_device_code(const struct sshkey *key, char *out);

#endif
