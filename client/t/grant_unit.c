/* SPDX-License-Identifier: PostgreSQL */
/*
 * grant_unit.c - which certificates are used; one thing wrong at a time.
 */
#include <stdio.h>

#include "common/tap.h"
#include "../grant.h"

#define NOW 1000000000
#define ID "44444444-4444-4444-8444-000000000001"

static struct sshcert good, cert;
static struct sshkey ours, theirs, authority;
static struct target target;
static struct trust trust;
static struct grant_want want = {&ours, &target, &trust, "r1", NOW};

static void
key_set(struct sshkey *key, uint8_t fill)
{
    memset(key, 0, sizeof *key);
    key->type = SSHKEY_ED25519;
    key->len = 51;
    memset(key->blob, fill, key->len);
}

static void
option_set(struct sshcert_option *o, const char *name, const char *value)
{
    (void)snprintf(o->name, sizeof o->name, "%s", name);
    o->data = (const uint8_t *)value;
    o->len = strlen(value);
}

static void
setup(void)
{
    key_set(&ours, 1);
    key_set(&theirs, 2);
    key_set(&authority, 3);
    (void)snprintf(target.id, sizeof target.id, ID);
    (void)snprintf(target.team, sizeof target.team, "acme");
    (void)snprintf(target.project, sizeof target.project, "prod");
    target.identities_n = 2;
    (void)snprintf(target.identities[0], 32, "alice");
    (void)snprintf(target.identities[1], 32, "alice-admin");
    trust.keys_n = 1;
    trust.keys[0] = authority;
    good.key = ours;
    good.signer = authority;
    good.serial = 1;
    good.type = SSHCERT_USER;
    (void)snprintf(good.key_id, sizeof good.key_id, "sft1:acme:prod:alice:r1");
    good.principals_n = 1;
    (void)snprintf(good.principals[0], 256, "alice");
    good.valid_after = NOW - 60;
    good.valid_before = NOW + 300;
    good.extensions_n = 4;
    option_set(&good.extensions[0], "permit-pty", "");
    option_set(&good.extensions[1], "project@sft", "prod");
    option_set(&good.extensions[2], "request@sft", "r1");
    option_set(&good.extensions[3], "team@sft", "acme");
}

static void
check(int err, const char *what)
{
    char user[32];
    is_int(grant_check(&cert, &want, user), err, what);
    cert = good;
}

static void
principal(const char *name, int err, const char *what)
{
    (void)snprintf(cert.principals[0], 256, "%s", name);
    check(err, what);
}

static void
validity(int64_t from, int64_t to, int err, const char *what)
{
    cert.valid_after = (uint64_t)(NOW + from);
    cert.valid_before = (uint64_t)(NOW + to);
    check(err, what);
}

static void
principals(void)
{
    char user[32];
    cert = good;
    (void)snprintf(cert.principals[0], 256, "%s", ID ":alice-admin");
    is_int(grant_check(&cert, &want, user), 0, "the account on this one server");
    is_str(user, "alice-admin", "gives the account");
    principal("bob", SFT_EPRINCIPAL, "another account");
    principal("44444444-4444-4444-8444-000000000002:alice", SFT_EPRINCIPAL, "another server");
    principal(":alice", SFT_EPRINCIPAL, "no server before the colon");
    principal(ID ":", SFT_EPRINCIPAL, "no account after it");
    principal(ID ":alice:x", SFT_EPRINCIPAL, "two colons");
    principal("", SFT_EPRINCIPAL, "an empty principal");
    cert.principals_n = 0;
    check(SFT_EPRINCIPAL, "no principal");
    cert.principals_n = 2;
    (void)snprintf(cert.principals[1], 256, "root");
    check(SFT_EPRINCIPAL, "two principals");
}

static void
validities(void)
{
    validity(-60, 86400, 0, "a day");
    validity(-60, 86400 + 61, SFT_EVALIDITY, "a second more than a day and its slack");
    validity(0, 0, SFT_EVALIDITY, "empty");
    validity(10, -10, SFT_EVALIDITY, "reversed");
    validity(-600, 0, SFT_EVALIDITY, "over this very second");
    validity(-600, 1, 0, "good for one more second");
    validity(120, 300, 0, "starts within the slack of clocks");
    validity(121, 300, SFT_EVALIDITY, "starts later");
    cert.valid_after = 0;
    cert.valid_before = UINT64_MAX;
    check(SFT_EVALIDITY, "forever");
}

static void
stale(int64_t from, int64_t to, bool is_stale, const char *what)
{
    cert.valid_after = (uint64_t)(NOW + from);
    cert.valid_before = (uint64_t)(NOW + to);
    ok(grant_is_stale(&cert, NOW) == is_stale, what);
    cert = good;
}

int
main(void)
{
    setup();
    cert = good;
    check(0, "as it should be");
    cert.type = SSHCERT_HOST;
    check(SFT_EFORMAT, "a host certificate");
    cert.serial = 0;
    check(SFT_EFORMAT, "no serial");
    cert.key = theirs;
    check(SFT_EKEYMISMATCH, "another key");
    cert.signer = theirs;
    check(SFT_ESIGNATURE, "another authority");
    (void)snprintf(cert.key_id, sizeof cert.key_id, "sft1:acmes:prod:alice:r1");
    check(SFT_EKEYID, "a team whose name only starts like ours");
    (void)snprintf(cert.key_id, sizeof cert.key_id, "alice");
    check(SFT_EKEYID, "another form of id");
    option_set(&cert.extensions[1], "project@sft", "prod2");
    check(SFT_EOPTION, "another project");
    option_set(&cert.extensions[2], "request@sft", "r2");
    check(SFT_EOPTION, "another request");
    option_set(&cert.extensions[0], "permit-everything", "");
    check(SFT_EOPTION, "an unknown extension");
    cert.critical_n = 1;
    option_set(&cert.critical[0], "source-address", "127.0.0.1/32");
    check(0, "a source address");
    cert.critical_n = 1;
    option_set(&cert.critical[0], "evil@evil", "");
    check(SFT_EOPTION, "an unknown critical option");
    principals();
    validities();
    stale(-60, 300, false, "fresh");
    stale(-240, 120, false, "a third left");
    stale(-241, 119, true, "less than a third left");
    stale(-60, 59, true, "less than a minute left");
    stale(-60, -1, true, "over");
    return done_testing();
}
