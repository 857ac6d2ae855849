/* SPDX-License-Identifier: PostgreSQL */
/*
 * agent_unit.c - the agent of one login signs that login and nothing else.
 */
#include "../ssh_agent.h"
#include "common/sbuf.h"
#include "common/tap.h"

static struct ssh_agent agent;
static struct sshkey pub;

static void
setup(void)
{
    agent.listener = -1;
    (void)memcpy(agent.user, "alice", 6);
    agent.certificate_len = 100;
    memset(agent.certificate, 7, agent.certificate_len);
    if (!agent.key &&
        (key_generate(KEY_ED25519, &agent.key) != 0 || key_public(agent.key, &pub) != 0))
        agent.key = NULL;
}

struct login {
    const char *user, *service, *method, *algorithm;
    uint8_t type, has_signature, certificate_byte;
    const char *more; /* bytes at the end */
};

static const struct login good = {
    "alice", "ssh-connection", "publickey", "ssh-ed25519-cert-v01@openssh.com", 50, 1, 7, ""};

static size_t
data_make(const struct login *l, uint8_t *mem, size_t cap)
{
    struct sbuf b;
    uint8_t blob[100];
    memset(blob, l->certificate_byte, sizeof blob);
    sb_writer(&b, mem, cap);
    sb_blob(&b, "0123456789abcdef0123456789abcdef", 32);
    sb_u8(&b, l->type);
    sb_cstr(&b, l->user);
    sb_cstr(&b, l->service);
    sb_cstr(&b, l->method);
    sb_u8(&b, l->has_signature);
    sb_cstr(&b, l->algorithm);
    sb_blob(&b, blob, sizeof blob);
    if (strcmp(l->method, "publickey-hostbound-v00@openssh.com") == 0)
        sb_cstr(&b, "a host key");
    sb_text(&b, l->more);
    return b.len;
}

static size_t
ask(const uint8_t *data, size_t len, uint8_t certificate_byte, uint8_t out[1024])
{
    static uint8_t message[4096];
    uint8_t blob[100];
    struct sbuf b;
    memset(blob, certificate_byte, sizeof blob);
    sb_writer(&b, message, sizeof message);
    sb_u8(&b, 13);
    sb_blob(&b, blob, sizeof blob);
    sb_blob(&b, data, len);
    sb_u32(&b, 0);
    return ssh_agent_answer(&agent, message, b.len, out, 1024);
}

static void
refused(struct login l, const char *what)
{
    uint8_t data[1024], out[1024];
    setup();
    size_t n = ask(data, data_make(&l, data, sizeof data), 7, out);
    ok(n == 1 && out[0] == 5 && agent.key, what);
}

static void
test_refusals(void)
{
    struct login l = good;
    uint8_t data[1024], out[1024];
    refused((l = good, l.user = "root", l), "a login as somebody else");
    refused((l = good, l.service = "ssh-userauth", l), "another service");
    refused((l = good, l.method = "hostbased", l), "another method");
    refused((l = good, l.algorithm = "ssh-ed25519", l), "the bare key");
    refused((l = good, l.type = 51, l), "another message");
    refused((l = good, l.has_signature = 0, l), "no signature wanted");
    refused((l = good, l.certificate_byte = 8, l), "another certificate inside");
    refused((l = good, l.more = "x", l), "a byte more");
    setup();
    size_t len = data_make(&good, data, sizeof data);
    ok(ask(data, len, 8, out) == 1 && out[0] == 5, "asked for another certificate");
    ok(ask((const uint8_t *)"SSHSIG", 6, 7, out) == 1 && out[0] == 5, "a file signature");
    int refusals = 0;
    for (size_t cut = 0; cut < len; cut++)
        refusals += ask(data, cut, 7, out) == 1 && out[0] == 5;
    is_int(refusals, (long long)len, "a login cut at every place");
    ok(agent.key != NULL, "none of it used the key up");
}

static void
test_signature(const char *method, const char *what)
{
    struct login l = good;
    struct sbuf in, inner;
    uint8_t data[1024], out[1024];
    size_t blob_len, sig_len = 0;
    char name[32] = "";
    l.method = method;
    setup();
    size_t len = data_make(&l, data, sizeof data);
    sb_reader(&in, out, ask(data, len, 7, out));
    is_int(sb_get_u8(&in), 14, what);
    const uint8_t *blob = sb_get_blob(&in, &blob_len);
    sb_end(&in);
    is_int(sb_err(&in), 0, "a whole answer");
    sb_reader(&inner, blob, blob_len);
    sb_get_cstr(&inner, name, sizeof name);
    const uint8_t *sig = sb_get_blob(&inner, &sig_len);
    is_str(name, "ssh-ed25519", "an Ed25519 signature");
    ok(sig_len == 64 && key_verify_raw(&pub, data, len, sig) == 0, "that verifies");
    ok(agent.key == NULL, "the key is gone after it");
    ok(ask(data, len, 7, out) == 1 && out[0] == 5, "a second signature is refused");
    ok(ssh_agent_answer(&agent, (const uint8_t *)"\x0b", 1, out, sizeof out) == 5 && out[4] == 0,
       "and no identity is offered any more");
}

static size_t
session_bind(uint8_t is_forwarded, const char *name, uint8_t out[1024])
{
    uint8_t message[256];
    struct sbuf b;
    sb_writer(&b, message, sizeof message);
    sb_u8(&b, 27);
    sb_cstr(&b, name);
    for (int i = 0; i < 3; i++)
        sb_cstr(&b, "x");
    sb_u8(&b, is_forwarded);
    return ssh_agent_answer(&agent, message, b.len, out, 1024);
}

/* Bytes of all kinds: never a signature, never a byte out of place (the sanitizers watch). */
static void
test_noise(void)
{
    uint8_t message[600], out[1024];
    unsigned seed = 1;
    int signatures = 0;
    setup();
    for (int round = 0; round < 200000; round++) {
        size_t len = 0;
        for (size_t want = (seed = seed * 1103515245 + 12345) >> 16 & 63; len < want; len++) {
            seed = seed * 1103515245 + 12345;
            message[len] = (seed >> 16 & 3) ? (uint8_t)(seed >> 18 & 31) : (uint8_t)(seed >> 20);
        }
        size_t n = ssh_agent_answer(&agent, message, len, out, sizeof out);
        signatures += n > 0 && out[0] == 14;
    }
    is_int(signatures, 0, "200000 messages of noise get no signature");
    ok(agent.key != NULL, "and do not use the key up");
}

int
main(void)
{
    uint8_t out[1024];
    setup();
    size_t n = ssh_agent_answer(&agent, (const uint8_t *)"\x0b", 1, out, sizeof out);
    ok(n == 1 + 4 + 4 + 100 + 4 + 3 && out[0] == 12 && out[4] == 1, "one identity");
    ok(memcmp(out + 9, agent.certificate, 100) == 0, "the certificate, not the bare key");
    ok(session_bind(0, "session-bind@openssh.com", out) == 1 && out[0] == 6, "ssh says which host");
    is_int((long long)session_bind(1, "session-bind@openssh.com", out), 0,
           "L7: a forwarded connection ends");
    ok(session_bind(0, "other@openssh.com", out) == 1 && out[0] == 5, "another extension");
    for (int type = 0; type < 256; type++) {
        uint8_t message = (uint8_t)type;
        if (type == 11 || type == 27)
            continue;
        n = ssh_agent_answer(&agent, &message, 1, out, sizeof out);
        if (n != 1 || out[0] != 5)
            ok(0, "an unknown or empty message is refused");
    }
    n = ssh_agent_answer(&agent, out, 0, out, sizeof out);
    ok(n == 1 && out[0] == 5, "a message without a type");
    test_refusals();
    test_noise();
    test_signature("publickey", "a login is signed");
    test_signature("publickey-hostbound-v00@openssh.com", "a login bound to a host is signed");
    key_free(agent.key);
    return done_testing();
}
