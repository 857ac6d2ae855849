/* SPDX-License-Identifier: PostgreSQL */
/*
 * msg.h - what the root parent and its unprivileged child say to each other, over a socket pair.
 *
 * A message is a type, a length, and the fields that its shape lists, each bounded. Either side
 * treats anything else as the end of the conversation: nothing is repaired.
 */
#ifndef SFTD_MSG_H
#define SFTD_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define MSG_FIELDS_MAX 9
#define MSG_BODY_MAX (4u << 20) /* largest state document */
#define MSG_MAX (MSG_BODY_MAX + 65536u)

enum msg_type {
    MSG_NONE = 0,
    /* parent to child */
    MSG_PEER,          /* whom to speak to, and the server's key */
    MSG_GET_INSTANCE,  /* read /v1/instance; answered by MSG_STATEMENT */
    MSG_ENROLL,        /* answered by MSG_ENROLLED */
    MSG_GET_STATE,     /* answered by MSG_STATEMENT or MSG_UNCHANGED */
    MSG_GET_TRUST,     /* an authority's trust text; answered by MSG_STATEMENT */
    MSG_GET_HOST_CERT, /* answered by MSG_HOST_CERT */
    MSG_REPORT,        /* answered by MSG_DONE */
    /* child to parent; MSG_FAILED answers everything */
    MSG_STATEMENT,
    MSG_UNCHANGED,
    MSG_ENROLLED,
    MSG_HOST_CERT,
    MSG_DONE,
    MSG_FAILED,
    MSG_TYPES
};

/* Names of the fields, in order; the shapes in msg.c give kind and bound. */
enum { PEER_URL, PEER_AUTHORITY, PEER_TLS_AUTHORITY, PEER_KEYID, PEER_KEY };
enum { ENROLL_ID, ENROLL_TOKEN_ID, ENROLL_MAC };
enum { GET_STATE_AFTER };
enum { GET_TRUST_AUTHORITY };
enum { GET_HOST_CERT_KEY };
enum { REPORT_STATE, REPORT_TRUST, REPORT_KRL, REPORT_HEALTHY, REPORT_DRIFT };
enum {
    STATEMENT_STATUS,
    STATEMENT_TARGET,
    STATEMENT_VERSION,
    STATEMENT_DIGEST,
    STATEMENT_INPUT,
    STATEMENT_SIGNATURE,
    STATEMENT_REQUEST_SIGNATURE,
    STATEMENT_KEY, /* MSG_GET_INSTANCE only: the first active key in the body, for the token's hash
                    */
    STATEMENT_BODY
};
enum { ENROLLED_TEAM, ENROLLED_PROJECT, ENROLLED_PROJECT_ID };
enum { HOST_CERT_CERTIFICATE };
enum { FAILED_ERR, FAILED_STATUS, FAILED_ERROR, FAILED_TEXT, FAILED_RETRY_AFTER };

struct msg_field {
    const char *p; /* text (with a final NUL) or bytes; not NULL */
    size_t len;
    uint64_t number;
};

struct msg {
    enum msg_type type;
    struct msg_field field[MSG_FIELDS_MAX];
    char *memory; /* what the fields point into, after msg_read */
    size_t memory_len;
};

/* Building: texts are taken by reference until msg_write. */
void msg_start(struct msg *m, enum msg_type type);
void msg_text(struct msg *m, int field, const char *text); /* NULL is "" */
void msg_bytes(struct msg *m, int field, const void *bytes, size_t len);
void msg_number(struct msg *m, int field, uint64_t number);

/* Writes the whole message. SFT_ETOOLONG when a field breaks its bound, SFT_ESYSTEM when the peer
 * is gone. */
SFT_CHECKED int msg_write(int fd, const struct msg *m);
/*
 * Reads one message within timeout_ms (-1: any time). SFT_ETIMEOUT, SFT_ENOTFOUND when the peer has
 * closed, SFT_EFORMAT or SFT_ETOOLONG for a malformed one. Blocked signals are let in while waiting
 * and end it with SFT_ESYSTEM and EINTR. Free with msg_free, which wipes.
 */
SFT_CHECKED int msg_read(int fd, struct msg *m, int timeout_ms);
/* The pure half of msg_read: fields of a message of this type from its payload, which it modifies.
 */
SFT_CHECKED int msg_parse(struct msg *m, uint32_t type, char *payload, size_t len);
void msg_free(struct msg *m);
const char *msg_name(enum msg_type type);

#endif
