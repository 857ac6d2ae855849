/* SPDX-License-Identifier: PostgreSQL */
/*
 * trust_unit.c - the lines in which the platform states an authority's keys.
 */
#include <stdio.h>

#include "common/key.h"
#include "common/tap.h"
#include "../trust.h"

#define ID "22222222-2222-4222-8222-222222222222"

static char key[SSHKEY_TEXT_MAX];
static struct trust trust;

/* The list with every "%s" as the key. */
static int
parse(const char *form)
{
    char text[4096];
    size_t n = 0;
    for (; *form; form++)
        if (strncmp(form, "%s", 2) == 0) {
            memcpy(text + n, key, strlen(key));
            n += strlen(key);
            form++;
        } else {
            text[n++] = *form;
        }
    return trust_parse(&trust, ID, text, n);
}

int
main(void)
{
    struct key *pair;
    struct sshkey pub;
    if (key_generate(KEY_ED25519, &pair) != 0 || key_public(pair, &pub) != 0 ||
        sshkey_to_text(&pub, key, sizeof key) != 0)
        return 1;
    is_int(parse("%s " ID "/1 active\n"), 0, "one key");
    ok(trust_has(&trust, &pub), "is trusted");
    is_int(parse("%s " ID "/1 retiring\n%s " ID "/2 next"), 0, "two, the last without a newline");
    is_int((long long)trust.keys_n, 2, "are two");
    pub.blob[pub.len - 1] ^= 1;
    ok(!trust_has(&trust, &pub), "another key is not trusted");
    ok(parse("") != 0, "an empty list");
    is_int((long long)trust.keys_n, 0, "has no key");
    ok(parse("%s " ID "/1 retired\n") != 0, "a retired key");
    ok(parse("%s " ID "/1\n") != 0, "no state");
    ok(parse("%s " ID " active\n") != 0, "no generation");
    ok(parse("%s " ID "/x active\n") != 0, "a generation that is no number");
    ok(parse("%s " ID "/01 active\n") != 0, "one with a zero before it");
    ok(parse("%s 32222222-2222-4222-8222-222222222222/1 active\n") != 0, "another authority");
    ok(parse("%s  " ID "/1 active\n") != 0, "two spaces");
    ok(parse("%s " ID "/1 active \n") != 0, "a space at the end");
    ok(parse("%s " ID "/1 active\n\n") != 0, "an empty line");
    ok(parse("@revoked %s " ID "/1 active\n") != 0, "a marker");
    ok(parse("%s " ID "/1 active\r\n") != 0, "a carriage return");
    key_free(pair);
    return done_testing();
}
