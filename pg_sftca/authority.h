/* SPDX-License-Identifier: PostgreSQL */
/*
 * authority.h - the signing keys that this backend has unsealed.
 *
 * What never changes about a generation (purpose, algorithm, keys) is cached until the backend
 * ends; its state does change and is read each time.
 */
#ifndef SFTCA_AUTHORITY_H
#define SFTCA_AUTHORITY_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "common/key.h"
#include "common/sshkey.h"
#include "core/x509write.h"

#define AUTHORITY_NAME_MAX 64 /* "<uuid>/<generation>" fits */

enum purpose { PURPOSE_NONE, PURPOSE_SSH_USER, PURPOSE_SSH_HOST, PURPOSE_X509, PURPOSE_STATEMENT };

struct authority_id {
    pg_uuid_t uuid;
    int32 generation;
};

#define AUTHORITY_VERSION_MAX 64

struct authority {
    struct authority_id id; /* hash key: first */
    enum purpose purpose;
    char name[AUTHORITY_NAME_MAX]; /* issuer's common name in X.509 */
    struct sshkey public;
    char fingerprint[SSHKEY_FINGERPRINT_MAX];
    struct x509_name issuer;             /* of an X.509 authority that was brought with its name */
    struct x509_key_id key_id;           /* as its certificate says */
    char version[AUTHORITY_VERSION_MAX]; /* of the row that these were read from */
    int64 expires_at; /* of the X.509 certificates it hangs on, seconds since 1970; 0 for none */
    struct key *key;  /* NULL until unsealed */
    uint64 live_in;   /* the call of finish() that last asked about it, and what it learnt: */
    bool is_live;     /* it is not retired */
    TimestampTz proven_at; /* when a signature of it was last verified; 0 for never */
    int fault;             /* why it could not be unsealed, SFT_OK when it was */
    uint64 revoked_to;     /* the highest serial that any revocation reaches, 0 for none */
    bool has_names;        /* some key or key id of its certificates may be revoked */
};

void authority_init(void);
/*
 * The generation, unsealed, whatever its state; for what is signed before it is active. Forget it
 * by authority_forget() if its certificate can come later. Raises as authority_live() does, and
 * authority_unknown, key_retired.
 */
const struct authority *authority_any(const struct authority_id *id);
void authority_forget(const struct authority_id *id);
/*
 * Whether a signature of it is to be verified: none was for a second, or since it was unsealed.
 * authority_proven() says that one was.
 */
bool authority_needs_proof(const struct authority *authority);
void authority_proven(const struct authority *authority);
/* A number for authority_live() that no call has had yet. */
uint64 authority_call(void);
/*
 * The generation, unsealed, or NULL when it is retired (its key is then wiped here too). Asks the
 * database once for each call, by its number. Valid until this backend's next
 * call of any of these; they must be called inside SPI and raise kek_missing, kek_wrong,
 * key_damaged, token_missing, vault_sealed.
 */
const struct authority *authority_live(const struct authority_id *id, uint64 call);
/* The same, but what is wrong with this one key is left in its fault instead of being raised. */
const struct authority *authority_ask(const struct authority_id *id, uint64 call);
/* Says that its key has failed to sign: nothing more in this call, tried anew in the next. */
void authority_fail(const struct authority *authority, int fault);
/* Whether a fault passes when the operator brings back a key-encryption key or a token. */
bool authority_may_come_back(int fault);
_Noreturn void authority_throw(int fault, const char *name);
/* Whether this serial is revoked, as far as was learnt in this call or later. */
bool authority_revokes(const struct authority *authority, uint64 serial);
/*
 * The active generation, to certify the key of this fingerprint. Raises authority_unknown,
 * authority_purpose, key_not_active, and public_key_is_authority: an authority's own key certified
 * as a subject would be trusted twice over.
 */
const struct authority *authority_active(const pg_uuid_t *uuid, enum purpose purpose,
                                         const char *subject);
/* The instance's active statement key. Raises statement_key_missing. */
const struct authority *authority_statement(void);
/* Wipes every unsealed key of this backend. */
void authority_wipe(void);
/* How many keys are unsealed in this backend. */
int authority_cached(void);

enum purpose purpose_from(const char *word);
/* KEY_NONE for a word that is not an algorithm; *bitsp is the size of an RSA key. */
enum key_alg algorithm_from(const char *word, unsigned *bitsp);
/* "<uuid>/<generation>" */
void authority_name(const struct authority_id *id, char out[AUTHORITY_NAME_MAX]);

#endif
