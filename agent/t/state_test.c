/* SPDX-License-Identifier: PostgreSQL */
/*
 * state_test.c - the reader of the desired state: what it takes, what it refuses and how it says
 * so; and no byte changed anywhere makes it crash or take what it should not.
 *
 * The document's trust part is made with ssh-keygen, once.
 */
#include "agent/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/tap.h"

#define ID "77777777-7777-4777-8777-777777777777"

static char trust[8192], dir[] = "/tmp/sft-state-XXXXXX";

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
read_line(const char *name)
{
    char path[100], *text;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (fsx_read(path, 65536, &text, NULL) != 0)
        exit(1);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void
make_trust(void)
{
    if (!mkdtemp(dir))
        exit(1);
    must("ssh-keygen -q -t ed25519 -N '' -C '' -f ca && ssh-keygen -q -t ed25519 -N '' -C '' -f c");
    must("ssh-keygen -q -s ca -I sft1:canary -z 7 -n c -V 19700101000000Z:19700101000001Z c.pub");
    must("echo serial: 7 > spec && ssh-keygen -q -k -f krl -s ca.pub -z 1 spec && base64 -w0 krl > "
         "krl64");
    char *ca = read_line("ca.pub"), *canary = read_line("c-cert.pub"), *krl = read_line("krl64");
    ca[strcspn(ca + 12, " ") + 12] = '\0';
    canary[strcspn(canary + 40, " ") + 40] = '\0';
    snprintf(trust, sizeof trust,
             "{\"authority_id\":\"" ID
             "\",\"version\":3,\"krl_version\":5,\"krl\":\"%s\",\"keys\":[{"
             "\"generation\":1,\"state\":\"active\",\"public_key\":\"%s\",\"canary\":\"%s\"}]}",
             krl, ca, canary);
    free(ca);
    free(canary);
    free(krl);
    must("rm -rf " /* the folder itself */ "\"$PWD\"");
}

/* The document with one member of the user, group or head replaced. */
static char *
document(const char *find, const char *replace)
{
    static char doc[20000], base[20000];
    snprintf(base, sizeof base,
             "{\"version\":17,\"must\":[\"v1\"],\"server_id\":\"" ID
             "\",\"team\":\"acme\",\"project\":\"prod\","
             "\"project_id\":\"" ID "\",\"trust\":%s,\"host_authority_id\":\"" ID
             "\",\"manage_users\":true,"
             "\"users\":[{\"user_id\":\"" ID "\",\"name\":\"alice\",\"uid\":60001,\"gid\":60001,"
             "\"gecos\":\"sft "
             "acme/alice\",\"shell\":\"/bin/bash\",\"home\":\"/home/alice\",\"admin\":true,"
             "\"principals\":[\"alice\",\"" ID ":alice\"]}],"
             "\"groups\":[{\"name\":\"sft_ops\",\"gid\":63001,\"members\":[\"alice\"]}],"
             "\"removals_confirmed\":0,\"end_logins\":[],\"something\":\"new\"}",
             trust);
    char *at = find ? strstr(base, find) : NULL;
    if (find && !at) {
        printf("Bail out! no %s\n", find);
        exit(1);
    }
    if (!at)
        return base;
    snprintf(doc, sizeof doc, "%.*s%s%s", (int)(at - base), base, replace, at + strlen(find));
    return doc;
}

static const struct state_limits limits = {ID, "/home", 1000};

static void
good(void)
{
    struct state s;
    char why[256] = "";
    char *doc = document(NULL, NULL);
    is_int(state_read(&s, doc, strlen(doc), &limits, why, sizeof why), 0,
           "a good document is taken");
    is_str(why, "", "without a complaint");
    is_int(s.version, 17, "version");
    is_int(s.users_n, 1, "users");
    is_str(s.users[0].name, "alice", "a user");
    is_int(s.users[0].principals_n, 2, "principals");
    is_str(s.groups[0].members[0], "alice", "a member");
    is_int(s.keys_n, 1, "keys");
    ok(state_user(&s, "alice") == &s.users[0], "is found by name");
    ok(!state_user(&s, "bob"), "another is not");
    ok(state_group_by_gid(&s, 63001) == &s.groups[0], "a group by number");
    state_free(&s);
}

static void
refused(void)
{
    static const struct {
        const char *find, *replace, *why;
    } rows[] = {
        {"\"version\":17", "\"version\":0", "version "},
        {"\"version\":17", "\"version\":17.5", "version "},
        {"\"version\":17", "\"version\":9223372036854775807", "version "},
        {"\"version\":17", "\"version\":99999999999999999999", "version "},
        {"\"version\":17", "\"version\":\"17\"", "version "},
        {"\"must\":[\"v1\"]", "\"must\":[\"v2\"]", "must "},
        {"\"must\":[\"v1\"]", "\"must\":\"v1\"", "must "},
        {"\"must\":[\"v1\"]", "\"musn\":[]", "must "},
        {"\"team\":\"acme\"", "\"team\":\"ac/me\"", "team "},
        {"\"project\":\"prod\"", "\"project\":\"..\"", "project "},
        {"\"manage_users\":true", "\"manage_users\":1", "manage_users "},
        {"\"name\":\"alice\"", "\"name\":\"root\\n\"", "users[0].name "},
        {"\"name\":\"alice\"", "\"name\":\"alice\\u0000\"", "users[0].name "},
        {"\"name\":\"alice\"", "\"name\":\"abcdefghijklmnopqrstuvwxyzabcdefgh\"", "users[0].name "},
        {"\"name\":\"alice\"", "\"name\":null", "users[0].name "},
        {"\"uid\":60001", "\"uid\":-1", "users[0].uid "},
        {"\"uid\":60001", "\"uid\":999", "users[0].uid "},
        {"\"uid\":60001", "\"uid\":61184", "users[0].uid "},
        {"\"uid\":60001", "\"uid\":65535", "users[0].uid "},
        {"\"uid\":60001", "\"uid\":4294967296", "users[0].uid "},
        {"\"gid\":60001", "\"gid\":0", "users[0].gid "},
        {"\"gid\":60001", "\"gid\":65534", "users[0].gid "},
        {"sft acme/alice", "sft other/alice", "users[0].gecos "},
        {"sft acme/alice", "sft acme/a:b", "users[0].gecos "},
        {"sft acme/alice", "sft acme/a\\nb", "users[0].gecos "},
        {"/bin/bash", "/bin/bash x", "users[0].shell "},
        {"/bin/bash", "/bin/../bash", "users[0].shell "},
        {"/home/alice", "/home/../root", "users[0].home "},
        {"/home/alice", "/root", "users[0].home "},
        {"/home/alice", "/homer/alice", "users[0].home "},
        {"\"admin\":true", "\"admin\":\"true\"", "users[0].admin "},
        {"\"principals\":[\"alice\",", "\"principals\":[\"root\",", "users[0].principals "},
        {"\"principals\":[\"alice\",", "\"principals\":[7,", "users[0].principals "},
        {"\"principals\":[\"alice\",", "\"principals\":[\"\",", "users[0].principals "},
        {"\"name\":\"sft_ops\"", "\"name\":\"a,b\"", "groups[0].name "},
        {"\"name\":\"sft_ops\"", "\"name\":\"alice\"", "groups have one named as user alice"},
        {"\"gid\":63001", "\"gid\":27", "groups[0].gid "},
        {"\"members\":[\"alice\"]", "\"members\":[\"root\"]", "groups[0].members "},
        {"\"members\":[\"alice\"]", "\"members\":[\"alice\",\"alice\"]", "groups[0].members "},
        {"\"generation\":1", "\"generation\":0", "trust.keys[0].generation "},
        {"\"state\":\"active\"", "\"state\":\"retired\"", "trust.keys[0].state "},
        {"\"krl\":\"", "\"krl\":\"A", "trust.krl "},
        {"\"krl\":\"", "\"krl\":\"\",\"x\":\"", "trust.krl "},
        {"\"public_key\":\"ssh-ed25519 ", "\"public_key\":\"ssh-rsa ", "trust.keys[0].public_key "},
        {"\"removals_confirmed\":0", "\"removals_confirmed\":-1", "removals_confirmed "},
        {"\"end_logins\":[]", "\"end_logins\":[\"../x\"]", "end_logins "},
        {"\"something\"", "\"version\"", "the document is not proper JSON"},
        {"\"something\"", "\"versio\\u006e\"", "the document is not proper JSON"},
        {"\"something\"", "\"version\\u0000x\"", "the document is not proper JSON"},
        {"\"something\"", "'version'", "the document is not proper JSON"},
        {"\"new\"", "NaN", "the document is not proper JSON"},
        {"\"new\"", "\"\xc0\xaf\"", "the document is not proper JSON"},
        {"\"new\"", "[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]", "the document is not proper JSON"},
    };
    struct state s;
    char why[256], what[400];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *doc = document(rows[i].find, rows[i].replace);
        why[0] = '\0';
        int err = state_read(&s, doc, strlen(doc), &limits, why, sizeof why);
        snprintf(what, sizeof what, "%s: %s", rows[i].replace, why);
        if (!ok(err != 0 && strncmp(why, rows[i].why, strlen(rows[i].why)) == 0, what) && !err)
            state_free(&s);
    }
}

/* Every byte replaced by each of a few: refused or taken, never a crash, and a taken one is in
 * bounds. */
static void
mutated(void)
{
    static const char bytes[] = {0, '"', '}', '[', '9', '\\', 'a', (char)0xff};
    char *doc = strdup(document(NULL, NULL));
    size_t len = strlen(doc), taken = 0;
    bool beyond = false;
    struct state s;
    char why[256];
    for (size_t i = 0; i < len; i++) {
        for (size_t b = 0; b < sizeof bytes; b++) {
            char old = doc[i];
            doc[i] = bytes[b];
            if (state_read(&s, doc, len, &limits, why, sizeof why) == 0) {
                taken++;
                for (size_t u = 0; u < s.users_n; u++)
                    beyond |= s.users[u].uid < 1000 || s.users[u].gid < 1000 ||
                              strchr(s.users[u].gecos, ':') != NULL;
                state_free(&s);
            }
            doc[i] = old;
        }
    }
    free(doc);
    ok(taken > 0, "some changed documents are still good");
    ok(!beyond, "and none of them goes beyond the limits");
}

static void
cut(void)
{
    char *doc = document(NULL, NULL);
    struct state s;
    char why[256];
    bool taken = false;
    for (size_t len = 0; len < strlen(doc); len++)
        taken |= state_read(&s, doc, len, &limits, why, sizeof why) == 0;
    ok(!taken, "no document that breaks off is taken");
}

int
main(void)
{
    make_trust();
    good();
    refused();
    cut();
    mutated();
    return done_testing();
}
