/* SPDX-License-Identifier: PostgreSQL */
/*
 * ssh_agent.h - the key of one `sft ssh`, which is never in a file: an agent for that one login.
 *
 * It offers one certificate and makes one signature: only over a login with that certificate, as
 * the account it is for. Then the key is wiped and the socket is gone, so that an agent that the
 * user forwards to the server is of no use there.
 */
#ifndef SFT_CLIENT_SSH_AGENT_H
#define SFT_CLIENT_SSH_AGENT_H

#include <poll.h>
#include <stdbool.h>

#include "common/key.h"
#include "common/sshcert.h"
#include "paths.h"

#define AGENT_CONNECTIONS_MAX 4
#define AGENT_MESSAGE_MAX 32768

struct ssh_agent {
    char path[PATH_CAP]; /* the socket, for IdentityAgent */
    int listener;        /* -1: closed */
    struct key *key;     /* NULL: used up */
    char user[32];
    size_t certificate_len;
    uint8_t certificate[SSHCERT_BLOB_MAX];
    struct {
        int fd; /* -1: free */
        size_t len;
        uint8_t bytes[AGENT_MESSAGE_MAX];
    } connections[AGENT_CONNECTIONS_MAX];
};

/* Whether the name of a socket in dir is short enough for the system. */
bool ssh_agent_is_possible(const char *dir);
/* Listens on a socket in dir, which is private. Takes over key. certificate is "type base64". */
SFT_CHECKED int ssh_agent_open(struct ssh_agent *a, const char *dir, struct key *key,
                               const char *certificate, const char *user, struct failure *f);
void ssh_agent_close(struct ssh_agent *a);

/* For the caller's poll(): fills at most AGENT_CONNECTIONS_MAX + 1 rows, gives how many. */
nfds_t ssh_agent_poll_rows(const struct ssh_agent *a, struct pollfd *rows);
/* Serves what poll() found in the same rows. */
void ssh_agent_serve(struct ssh_agent *a, const struct pollfd *rows, nfds_t n);

/* The answer to one message; both without their length. 0: close the connection. Pure but for key.
 */
size_t ssh_agent_answer(struct ssh_agent *a, const uint8_t *message, size_t len, uint8_t *out,
                        size_t cap);

#endif
