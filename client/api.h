/* SPDX-License-Identifier: PostgreSQL */
/*
 * api.h - one function for each endpoint that sft uses; the only file with paths.
 *
 * Each fills its out-parameter from a checked answer, or f with a sentence and returns its exit
 * code.
 */
#ifndef SFT_CLIENT_API_H
#define SFT_CLIENT_API_H

#include "body.h"
#include "platform.h"

#define CERTIFICATE_TEXT_MAX 24000

struct api_client {
    char state[16], user_name[129], code[24];
};

struct api_session {
    char id[37], user_name[129];
    int64_t expires_at;
};

struct api_credential {
    char request_id[37], server_user_name[32];
    char certificate[CERTIFICATE_TEXT_MAX];
};

/* The instance as it describes itself, by a pinned key of p's account. */
SFT_CHECKED int api_instance(struct platform *p, struct json_object **docp, struct http_answer *out,
                             struct failure *f);
/* The call behind it, for enrollment, which verifies by the key that its token names. */
extern const struct call api_instance_call;

SFT_CHECKED int api_client_create(struct platform *p, const struct body *b, struct api_client *out,
                                  struct failure *f);
SFT_CHECKED int api_client_get(struct platform *p, struct api_client *out, struct failure *f);
SFT_CHECKED int api_client_delete(struct platform *p, struct failure *f);

SFT_CHECKED int api_session_create(struct platform *p, const char *password,
                                   const char *new_password, struct api_session *out,
                                   struct failure *f);
SFT_CHECKED int api_session_delete(struct platform *p, const char *id, struct failure *f);

/* what: "servers" or "projects"; all pages as one array. */
SFT_CHECKED int api_list(struct platform *p, const char *what, struct json_object **listp,
                         struct failure *f);
/* The verified answer's text; caller frees. */
SFT_CHECKED int api_resolve(struct platform *p, const char *name, char **textp, struct failure *f);
SFT_CHECKED int api_credential_create(struct platform *p, const char *server_id,
                                      const char *public_key, const char *subject,
                                      struct api_credential *out, struct failure *f);
/* A verified statement, or 304 when etag still holds. Free with http_answer_free. */
SFT_CHECKED int api_trust(struct platform *p, const char *authority_id, const char *etag,
                          struct http_answer *out, struct failure *f);

#endif
