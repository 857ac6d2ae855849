/* SPDX-License-Identifier: PostgreSQL */
/*
 * p11.h - the PKCS#11 module: loading it, finding tokens and objects, logging in.
 *
 * Never in the postmaster, whose children would inherit what they must not share: a process that
 * needs a token loads the module itself. Nothing here raises; reasons are for people and name no
 * PIN and no path.
 */
#ifndef SFTCA_P11_H
#define SFTCA_P11_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "core/p11uri.h"

#define P11_REASON_MAX 256

struct p11_session {
    CK_FUNCTION_LIST *f;
    CK_SESSION_HANDLE handle;
};

/* Defines pg_sftca.token_module and pg_sftca.token_pin_file. */
void p11_init(void);
/* Loads the module, finds the token, logs in. writes: objects are to be made. */
bool p11_open(struct p11_session *session, const struct p11uri *uri, bool writes,
              char reason[P11_REASON_MAX]);
void p11_close(struct p11_session *session);
/* The one object of this class that has the URI's object label and id. */
bool p11_find(const struct p11_session *session, CK_OBJECT_CLASS class, const struct p11uri *uri,
              CK_OBJECT_HANDLE *objectp, char reason[P11_REASON_MAX]);
/* How many there are, up to 2; -1 with the reason when the token fails. */
int p11_count(const struct p11_session *session, CK_OBJECT_CLASS class, const struct p11uri *uri,
              CK_OBJECT_HANDLE *firstp, char reason[P11_REASON_MAX]);
/* True when the call went well; else the reason says which failed how. */
bool p11_good(CK_RV rv, const char *call, char reason[P11_REASON_MAX]);

#endif
