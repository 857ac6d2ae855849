/* SPDX-License-Identifier: PostgreSQL */
/*
 * key.h - key pairs and signatures (OpenSSL EVP): Ed25519 (RFC 8032), ECDSA, RSA with SHA-2.
 *
 * Public keys travel as SSH blobs (sshkey.h); private keys never leave struct key but by
 * key_private_der. Signatures of ECDSA are r||s, 64 bytes (RFC 9421 section 3.3.4), unless the SSH
 * form is asked for.
 */
#ifndef SFT_KEY_H
#define SFT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/sbuf.h"
#include "common/sshkey.h"

enum key_alg { KEY_NONE = 0, KEY_ED25519, KEY_ECDSA_P256, KEY_ECDSA_P384, KEY_ECDSA_P521, KEY_RSA };

#define KEY_RAW_SIG_MAX 64
#define KEY_SIG_MAX (SSHKEY_RSA_MAX_BITS / 8) /* RSA; ECDSA and Ed25519 are shorter */
#define KEY_PRIVATE_DER_MAX 8192

struct key; /* a private key; wiped by key_free; one thread at a time signs with it */

SFT_CHECKED int key_generate(enum key_alg alg, struct key **keyp); /* RSA: 3072 bits */
/* 2048 to 8192 bits, a multiple of 8, else SFT_EKEYWEAK. Takes long: 8192 bits half a minute. */
SFT_CHECKED int key_generate_rsa(unsigned bits, struct key **keyp);
/* The same, asking goes_on (unless NULL) all the while; SFT_ESTOPPED when that says false. */
SFT_CHECKED int key_generate_rsa_while(unsigned bits, bool (*goes_on)(void), struct key **keyp);

/* A private key that is somewhere else, in a token. */
struct key_signer {
    /* A signature as key_sign() makes it. */
    int (*sign)(void *it, const void *msg, size_t len, uint8_t sig[KEY_SIG_MAX], size_t *sig_lenp);
    void (*close)(void *it);
    void *it;
};
/* Takes over the signer, also when it fails. Its private_der is refused: SFT_EKEYTYPE. */
SFT_CHECKED int key_from_signer(enum key_alg alg, const struct sshkey *public,
                                const struct key_signer *signer, struct key **keyp);
void key_free(struct key *key); /* takes NULL */
enum key_alg key_algorithm(const struct key *key);

/* PKCS#8 DER. Caller wipes out. */
SFT_CHECKED int key_private_der(const struct key *key, uint8_t *out, size_t cap, size_t *lenp);
SFT_CHECKED int key_from_der(const uint8_t *der, size_t len, struct key **keyp);

SFT_CHECKED int key_public(const struct key *key, struct sshkey *out);

/* Raw signature for RFC 9421: 64 bytes for Ed25519 and P-256; SFT_EKEYTYPE for other keys. */
SFT_CHECKED int key_sign_raw(const struct key *key, const void *msg, size_t len,
                             uint8_t sig[KEY_RAW_SIG_MAX]);
/*
 * A signature as X.509 has it: 64 bytes of Ed25519; ECDSA-Sig-Value, the hash as strong as the
 * curve; RSASSA-PKCS1-v1_5 with SHA-512.
 */
SFT_CHECKED int key_sign(const struct key *key, const void *msg, size_t len,
                         uint8_t sig[KEY_SIG_MAX], size_t *sig_lenp);
/* Writes an SSH signature blob (string algorithm, string signature). RSA: rsa-sha2-512 alone. */
SFT_CHECKED int key_sign_ssh(const struct key *key, const void *msg, size_t len, struct sbuf *out);
/* Verifies a raw signature of 64 bytes by a public key; SFT_ESIGNATURE if it does not verify. */
SFT_CHECKED int key_verify_raw(const struct sshkey *pub, const void *msg, size_t len,
                               const uint8_t sig[KEY_RAW_SIG_MAX]);
/* Verifies what key_sign() makes. */
SFT_CHECKED int key_verify(const struct sshkey *pub, const void *msg, size_t len,
                           const uint8_t *sig, size_t sig_len);
/* Verifies an SSH signature blob (string algorithm, string signature), as in certificates. */
SFT_CHECKED int key_verify_ssh(const struct sshkey *pub, const void *msg, size_t len,
                               const uint8_t *sig, size_t siglen);
/*
 * Verifies a security key's SSH signature blob, which key_verify_ssh does not take. *flagsp is what
 * the key says of its user: bit 0 touched it, bit 2 was verified by it.
 */
SFT_CHECKED int key_verify_sk(const struct sshkey *pub, const void *msg, size_t len,
                              const uint8_t *sig, size_t siglen, uint8_t *flagsp);
/*
 * Whether an SSH signature blob has the form that this key's signatures have; does not verify it.
 * SFT_EKEYTYPE for an algorithm that the key does not have, SHA-1 included.
 */
SFT_CHECKED int key_check_ssh(const struct sshkey *pub, const uint8_t *sig, size_t siglen);

/*
 * Verifies a signature in the form that the algorithm's name says: "ed25519" (64 bytes),
 * "ecdsa-p256-sha256", "ecdsa-p384-sha384", "ecdsa-p521-sha512" (r||s, each as long as the field),
 * the same with "-der" (ECDSA-Sig-Value), "rsa-v1_5-sha256", "rsa-v1_5-sha512", "rsa-pss-sha256",
 * "rsa-pss-sha512" (salt as long as the hash), "ssh" (key_verify_ssh, key_verify_sk whatever the
 * flags). SFT_ENOTFOUND for another name, SFT_EKEYTYPE when the key is of another algorithm, else 0
 * or SFT_ESIGNATURE.
 */
SFT_CHECKED int key_verify_as(const char *algorithm, const struct sshkey *pub, const void *msg,
                              size_t len, const uint8_t *sig, size_t siglen);

/*
 * An OpenSSH private key file (PROTOCOL.key, cipher "none") for an Ed25519 or P-256 key.
 * Writes PEM text with a final NUL; caller wipes out.
 */
SFT_CHECKED int key_to_openssh(const struct key *key, const char *comment, char *out, size_t cap);

#endif
