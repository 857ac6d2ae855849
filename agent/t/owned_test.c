/* SPDX-License-Identifier: PostgreSQL */
/*
 * owned_test.c - the list of what is ours: kept as it was, and never believed when it is damaged.
 */
#include "agent/owned.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tap.h"

static void
damaged(void)
{
    static const char *const rows[] = {
        "u alice\n",
        "u alice 60001",
        "u alice 60001 x\n",
        "x alice 60001\n",
        "u Alice 60001\n",
        "u root 0\n",
        "u alice 999\n",
        "u alice -1\n",
        "u alice 4294967296\n",
        "u ../x 60001\n",
        "u alice 060001\n",
        "\n",
        "u alice 60001\n\n",
        "u  \n",
        "u aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 60001\n",
    };
    struct owned o;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char what[120];
        snprintf(what, sizeof what, "damaged: row %zu", i);
        ok(owned_parse(&o, rows[i]) != 0 && o.n == 0, what);
    }
    is_int(owned_parse(&o, ""), 0, "an empty list is fine");
    owned_free(&o);
    is_int(owned_parse(&o, "u alice 60001\ng alice 60001\n"), 0, "a user and a group of one name");
    ok(owned_has(&o, OWNED_USER, "alice", 60001), "are both there");
    ok(!owned_has(&o, OWNED_USER, "alice", 60002), "with their numbers only");
    owned_free(&o);
}

static void
kept(void)
{
    char dir[] = "/tmp/sft-owned-XXXXXX", path[60], name[33];
    struct owned o;
    struct stat st;
    if (!mkdtemp(dir))
        exit(1);
    snprintf(path, sizeof path, "%s/owned", dir);
    is_int(owned_load(&o, path), 0, "a missing file is an empty list");
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "user%u", i);
        if (owned_put(&o, OWNED_USER, name, 60000 + i) != 0)
            exit(1);
    }
    is_int(owned_save(&o, path), 0, "200 in one write");
    is_int(owned_add(&o, path, OWNED_GROUP, "ops", 63001), 0, "one more");
    is_int(owned_add(&o, path, OWNED_USER, "user7", 61007), 0, "a name with another number");
    is_int(owned_drop(&o, path, OWNED_USER, "user8"), 0, "one less");
    is_int(owned_drop(&o, path, OWNED_USER, "nobody9"), 0, "one that is not there");
    owned_free(&o);
    is_int(owned_load(&o, path), 0, "read again");
    is_int(o.n, 200, "all of them");
    ok(owned_has(&o, OWNED_GROUP, "ops", 63001), "the group");
    ok(owned_has(&o, OWNED_USER, "user7", 61007), "the new number");
    ok(!owned_has(&o, OWNED_USER, "user8", 60008), "not the one that went");
    ok(owned_has(&o, OWNED_USER, "user199", 60199), "the last");
    ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "for root only");
    chmod(path, 0644);
    owned_free(&o);
    is_int(owned_load(&o, path), SFT_EMODE, "a list that others could read is not ours");
    unlink(path);
    is_int(owned_parse(&o, ""), 0, "a list that cannot be saved");
    is_int(owned_add(&o, "/nonexistent/owned", OWNED_USER, "alice", 60001), SFT_ESYSTEM, "says so");
    is_int(owned_add(&o, "/nonexistent/owned", OWNED_USER, "alice", 60001), SFT_ESYSTEM,
           "each time");
    owned_free(&o);
    rmdir(dir);
}

int
main(void)
{
    damaged();
    kept();
    return done_testing();
}
