/* SPDX-License-Identifier: PostgreSQL */
/*
 * hostcert_test.c - which host certificates sshd is given: ours, for us, now, by our authority.
 */
#include "agent/hostcert.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/tap.h"

#define ID "77777777-7777-4777-8777-777777777777"

static char dir[] = "/tmp/sft-hostcert-XXXXXX";

static void
must(const char *command)
{
    char line[600];
    snprintf(line, sizeof line, "cd %s && %s", dir, command);
    if (system(line) != 0) {
        printf("Bail out! %s\n", command);
        exit(1);
    }
}

static char *
read_text(const char *name)
{
    char path[100], *text;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (fsx_read(path, 65536, &text, NULL) != 0)
        exit(1);
    return text;
}

struct row {
    const char *what, *options; /* of ssh-keygen -s */
    int err;
    bool due;
};

static const struct row rows[] = {
    {"a fresh one", "-s ca -h -n " ID ",web01 -V -1m:+7d", 0, false},
    {"one with a third of its life gone", "-s ca -h -n " ID " -V -3d:+4d", 0, true},
    {"one that has just not", "-s ca -h -n " ID " -V -2d:+5d", 0, false},
    {"one that is over", "-s ca -h -n " ID " -V -7d:-1m", SFT_EVALIDITY, true},
    {"one of tomorrow", "-s ca -h -n " ID " -V +1d:+7d", SFT_EVALIDITY, true},
    {"one for another server", "-s ca -h -n web01 -V -1m:+7d", SFT_EPRINCIPAL, true},
    {"one of a stranger", "-s ca2 -h -n " ID " -V -1m:+7d", SFT_ESIGNATURE, true},
    {"a user's", "-s ca -n alice -V -1m:+7d", SFT_EKEYMISMATCH, true},
};

static void
run_row(const struct row *r)
{
    char command[300], what[120];
    bool due = false;
    snprintf(command, sizeof command, "ssh-keygen -q -I sft1:x -z 5 %s key.pub", r->options);
    must(command);
    char *cert = read_text("key-cert.pub"), *key = read_text("key.pub"),
         *signers = read_text("ca.pub");
    key[strcspn(key, "\n")] = '\0';
    struct hostcert_want want = {key, ID, signers, time(NULL)};
    is_int(hostcert_check(cert, &want, &due), r->err, r->what);
    snprintf(what, sizeof what, "%s: %s to be renewed", r->what, r->due ? "is" : "is not");
    is_int(due, r->due, what);
    free(cert);
    free(key);
    free(signers);
}

static void
others(void)
{
    bool due;
    must("ssh-keygen -q -I sft1:x -z 5 -s ca -h -n " ID " -V -1m:+7d other.pub");
    char *cert = read_text("other-cert.pub"), *key = read_text("key.pub"),
         *ca = read_text("ca.pub");
    key[strcspn(key, "\n")] = '\0';
    struct hostcert_want want = {key, ID, ca, time(NULL)};
    is_int(hostcert_check(cert, &want, &due), SFT_EKEYMISMATCH, "for another key");
    ok(hostcert_check("", &want, &due) != 0, "nothing");
    ok(hostcert_check(ca, &want, &due) != 0, "a plain key");
    cert[60] = cert[60] == 'A' ? 'B' : 'A';
    ok(hostcert_check(cert, &want, &due) != 0, "a changed byte");
    free(cert);
    free(key);
    free(ca);
}

int
main(void)
{
    if (!mkdtemp(dir))
        return 1;
    must("for k in ca ca2 key other; do ssh-keygen -q -t ed25519 -N '' -C '' -f $k; done");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
    others();
    must("rm -f ca* key* other* && rmdir \"$PWD\"");
    return done_testing();
}
