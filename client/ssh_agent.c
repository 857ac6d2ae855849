/* SPDX-License-Identifier: PostgreSQL */
/*
 * ssh_agent.c - the key of one `sft ssh`, which is never in a file: an agent for that one login.
 *
 * The protocol is draft-ietf-sshm-ssh-agent; what is signed is RFC 4252 section 7, or its
 * host-bound form (OpenSSH PROTOCOL, publickey-hostbound-v00@openssh.com).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/sbuf.h"
#include "common/text.h"
#include "ssh_agent.h"

enum {
    AGENT_FAILURE = 5,
    AGENT_SUCCESS = 6,
    AGENT_REQUEST_IDENTITIES = 11,
    AGENT_IDENTITIES = 12,
    AGENT_SIGN = 13,
    AGENT_SIGNATURE = 14,
    AGENT_EXTENSION = 27,
    USERAUTH_REQUEST = 50
};

#define SESSION_ID_MAX 64
#define NAME_CAP 64

static void
key_drop(struct ssh_agent *a)
{
    key_free(a->key);
    a->key = NULL;
}

static void
listener_close(struct ssh_agent *a)
{
    if (a->listener < 0)
        return;
    close(a->listener);
    a->listener = -1;
    (void)unlink(a->path);
}

/* ---- messages ---- */

/* Whether data are the bytes of a login by our certificate as our user, and nothing else. */
static bool
is_our_login(const struct ssh_agent *a, const uint8_t *data, size_t len)
{
    struct sbuf in;
    char user[NAME_CAP], service[NAME_CAP], method[NAME_CAP], algorithm[NAME_CAP];
    size_t session_len, blob_len, host_len;
    sb_reader(&in, data, len);
    (void)sb_get_blob(&in, &session_len);
    uint8_t type = sb_get_u8(&in);
    sb_get_cstr(&in, user, sizeof user);
    sb_get_cstr(&in, service, sizeof service);
    sb_get_cstr(&in, method, sizeof method);
    uint8_t has_signature = sb_get_u8(&in);
    sb_get_cstr(&in, algorithm, sizeof algorithm);
    const uint8_t *blob = sb_get_blob(&in, &blob_len);
    bool is_bound = sb_err(&in) == 0 && strcmp(method, "publickey-hostbound-v00@openssh.com") == 0;
    if (is_bound)
        (void)sb_get_blob(&in, &host_len);
    sb_end(&in);
    return sb_err(&in) == 0 && session_len > 0 && session_len <= SESSION_ID_MAX &&
           type == USERAUTH_REQUEST && has_signature == 1 && strcmp(user, a->user) == 0 &&
           strcmp(service, "ssh-connection") == 0 &&
           (is_bound || strcmp(method, "publickey") == 0) &&
           strcmp(algorithm, sshkey_cert_type_name(SSHKEY_ED25519)) == 0 &&
           blob_len == a->certificate_len && memcmp(blob, a->certificate, blob_len) == 0;
}

static void
put_signature(struct sbuf *out, const uint8_t sig[KEY_RAW_SIG_MAX])
{
    sb_u8(out, AGENT_SIGNATURE);
    size_t mark = sb_open(out);
    sb_cstr(out, sshkey_type_name(SSHKEY_ED25519));
    sb_blob(out, sig, KEY_RAW_SIG_MAX);
    sb_close(out, mark);
}

static void
answer_sign(struct ssh_agent *a, struct sbuf *in, struct sbuf *out)
{
    uint8_t sig[KEY_RAW_SIG_MAX];
    size_t key_len, data_len;
    const uint8_t *key = sb_get_blob(in, &key_len);
    const uint8_t *data = sb_get_blob(in, &data_len);
    (void)sb_get_u32(in); /* flags are about RSA */
    sb_end(in);
    if (sb_err(in) || !a->key || key_len != a->certificate_len ||
        memcmp(key, a->certificate, key_len) != 0 || !is_our_login(a, data, data_len) ||
        key_sign_raw(a->key, data, data_len, sig) != 0) {
        sb_u8(out, AGENT_FAILURE);
        return;
    }
    key_drop(a);
    put_signature(out, sig);
}

static void
answer_identities(const struct ssh_agent *a, struct sbuf *out)
{
    sb_u8(out, AGENT_IDENTITIES);
    sb_u32(out, a->key ? 1 : 0);
    if (!a->key)
        return;
    sb_blob(out, a->certificate, a->certificate_len);
    sb_cstr(out, "sft");
}

/* "session-bind@openssh.com" comes first; a forwarded connection says so in it and gets nothing. */
static size_t
answer_extension(struct sbuf *in, struct sbuf *out)
{
    char name[NAME_CAP];
    size_t len;
    sb_get_cstr(in, name, sizeof name);
    if (sb_err(in) || strcmp(name, "session-bind@openssh.com") != 0) {
        sb_u8(out, AGENT_FAILURE);
        return out->len;
    }
    for (int i = 0; i < 3; i++)
        (void)sb_get_blob(in, &len); /* host key, session id, signature */
    uint8_t is_forwarded = sb_get_u8(in);
    sb_end(in);
    if (sb_err(in) || is_forwarded)
        return 0;
    sb_u8(out, AGENT_SUCCESS);
    return out->len;
}

size_t
ssh_agent_answer(struct ssh_agent *a, const uint8_t *message, size_t len, uint8_t *out, size_t cap)
{
    struct sbuf in, answer;
    sb_reader(&in, message, len);
    sb_writer(&answer, out, cap);
    switch (sb_get_u8(&in)) {
    case AGENT_REQUEST_IDENTITIES:
        answer_identities(a, &answer);
        break;
    case AGENT_SIGN:
        answer_sign(a, &in, &answer);
        break;
    case AGENT_EXTENSION:
        if (answer_extension(&in, &answer) == 0)
            return 0;
        break;
    default:
        sb_u8(&answer, AGENT_FAILURE);
    }
    return sb_err(&answer) ? 0 : answer.len;
}

/* ---- the socket ---- */

static void
connection_close(struct ssh_agent *a, size_t i)
{
    close(a->connections[i].fd);
    a->connections[i].fd = -1;
    a->connections[i].len = 0;
}

/* Sends the answer to a whole message; false when the connection is to be closed. */
static bool
message_serve(struct ssh_agent *a, int fd, const uint8_t *message, size_t len)
{
    static uint8_t out[AGENT_MESSAGE_MAX];
    size_t n = ssh_agent_answer(a, message, len, out + 4, sizeof out - 4);
    struct sbuf head;
    sb_writer(&head, out, 4);
    sb_u32(&head, (uint32_t)n);
    bool sent = n > 0 && send(fd, out, n + 4, MSG_NOSIGNAL) == (ssize_t)(n + 4);
    if (!a->key)
        listener_close(a);
    return sent;
}

static bool
connection_read(struct ssh_agent *a, size_t i)
{
    uint8_t *bytes = a->connections[i].bytes;
    size_t *len = &a->connections[i].len;
    ssize_t n = recv(a->connections[i].fd, bytes + *len, AGENT_MESSAGE_MAX - *len, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    *len += (size_t)n;
    while (n > 0 && *len >= 4) {
        struct sbuf head;
        sb_reader(&head, bytes, 4);
        size_t want = sb_get_u32(&head);
        if (want == 0 || want > AGENT_MESSAGE_MAX - 4)
            return false;
        if (*len < want + 4)
            break;
        if (!message_serve(a, a->connections[i].fd, bytes + 4, want))
            return false;
        *len -= want + 4;
        memmove(bytes, bytes + 4 + want, *len);
    }
    return n > 0;
}

/* Others of this machine cannot reach the folder; this says so once more. */
static bool
is_ours(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static void
connection_take(struct ssh_agent *a)
{
    int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < AGENT_CONNECTIONS_MAX && is_ours(fd); i++)
        if (a->connections[i].fd < 0) {
            a->connections[i].fd = fd;
            return;
        }
    close(fd);
}

nfds_t
ssh_agent_poll_rows(const struct ssh_agent *a, struct pollfd *rows)
{
    nfds_t n = 0;
    rows[n++] = (struct pollfd){a->listener, POLLIN, 0};
    for (size_t i = 0; i < AGENT_CONNECTIONS_MAX; i++)
        rows[n++] = (struct pollfd){a->connections[i].fd, POLLIN, 0};
    return n;
}

void
ssh_agent_serve(struct ssh_agent *a, const struct pollfd *rows, nfds_t n)
{
    for (nfds_t i = 1; i < n; i++)
        if (rows[i].revents && a->connections[i - 1].fd == rows[i].fd && !connection_read(a, i - 1))
            connection_close(a, i - 1);
    if (rows[0].revents && a->listener >= 0)
        connection_take(a);
}

static int
listen_at(struct ssh_agent *a)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (strlen(a->path) >= sizeof where.sun_path)
        return SFT_ETOOLONG;
    memcpy(where.sun_path, a->path, strlen(a->path) + 1);
    a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (a->listener < 0)
        return SFT_ESYSTEM;
    (void)unlink(a->path); /* of a process of this number that was killed */
    mode_t old = umask(077);
    int bound = bind(a->listener, (struct sockaddr *)&where, sizeof where);
    (void)umask(old);
    if (bound != 0 || listen(a->listener, AGENT_CONNECTIONS_MAX) != 0)
        return SFT_ESYSTEM;
    return 0;
}

bool
ssh_agent_is_possible(const char *dir)
{
    return strlen(dir) + strlen("/agent.1234567890") < sizeof((struct sockaddr_un *)0)->sun_path;
}

int
ssh_agent_open(struct ssh_agent *a, const char *dir, struct key *key, const char *certificate,
               const char *user, struct failure *f)
{
    char name[32];
    memset(a, 0, sizeof *a);
    a->key = key;
    a->listener = -1;
    for (size_t i = 0; i < AGENT_CONNECTIONS_MAX; i++)
        a->connections[i].fd = -1;
    (void)snprintf(a->user, sizeof a->user, "%s", user);
    (void)snprintf(name, sizeof name, "agent.%ld", (long)getpid());
    int code = path_join(a->path, dir, name, f);
    const char *base64 = strchr(certificate, ' ');
    int err = base64 ? 0 : SFT_EFORMAT;
    if (!err)
        err = b64_decode(a->certificate, sizeof a->certificate, &a->certificate_len, base64 + 1,
                         strcspn(base64 + 1, " \n"));
    if (!code && !err)
        err = listen_at(a);
    if (!code && err)
        code = fail_err(f, err, a->path);
    if (code)
        ssh_agent_close(a);
    return code;
}

void
ssh_agent_close(struct ssh_agent *a)
{
    for (size_t i = 0; i < AGENT_CONNECTIONS_MAX; i++)
        if (a->connections[i].fd >= 0)
            connection_close(a, i);
    listener_close(a);
    key_drop(a);
}
