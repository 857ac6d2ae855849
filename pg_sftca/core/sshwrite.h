/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshwrite.h - writing OpenSSH certificates (PROTOCOL.certkeys), field by field.
 *
 * Two halves, because the vault commits the first before it makes the second: the bytes to be
 * signed with everything that somebody decided, then the signature over them. The reader is
 * common/sshcert.h, which shares no code with this.
 */
#ifndef SFTCA_SSHWRITE_H
#define SFTCA_SSHWRITE_H

#include <stddef.h>
#include <stdint.h>

#include "common/key.h"
#include "common/sbuf.h"
#include "common/sshkey.h"

#define SSHWRITE_NONCE_LEN 32

struct sshwrite_option {
    const char *name;
    const char *value; /* "" makes a flag */
};

struct sshwrite {
    uint32_t type;        /* SSHCERT_USER or SSHCERT_HOST */
    const uint8_t *nonce; /* SSHWRITE_NONCE_LEN fresh random bytes */
    const struct sshkey *subject, *authority;
    uint64_t serial;
    const char *key_id;
    const char *const *principals;
    size_t principals_n;
    uint64_t valid_after, valid_before; /* seconds since 1970, the second exclusive */
    const struct sshwrite_option *critical, *extensions; /* sorted by name, no name twice */
    size_t critical_n, extensions_n;
};

/*
 * Writes the bytes to be signed. Fails in out with SFT_EPRINCIPAL, SFT_EKEYID, SFT_EVALIDITY,
 * SFT_ESERIAL or SFT_EOPTION rather than write a certificate that could mean more than was asked.
 */
void sshwrite_tbs(struct sbuf *out, const struct sshwrite *cert);
/* Writes the whole certificate: tbs and the signature over it by key. Deterministic for Ed25519. */
SFT_CHECKED int sshwrite_signed(struct sbuf *out, const uint8_t *tbs, size_t len,
                                const struct key *key);

#endif
