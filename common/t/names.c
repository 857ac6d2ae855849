/* SPDX-License-Identifier: PostgreSQL */
/*
 * names.c - the names of the catalogue's P rows are refused, ordinary ones are not.
 */
#include <string.h>

#include "common/names.h"
#include "common/tap.h"

static const char *repeated(char c, size_t n);

/* n times c, in one of four buffers. */
static const char *
repeated(char c, size_t n)
{
    static char buffers[4][512];
    static unsigned next;
    char *p = buffers[next++ % 4];
    memset(p, c, n);
    p[n] = '\0';
    return p;
}

static void
check_all(bool (*is)(const char *s), bool want, const char *what, const char *const *names)
{
    for (; *names != NULL; names++)
        if (!ok(is(*names) == want, what))
            printf("#   \"%s\"\n", *names);
}
#define GOOD(is, ...) check_all(is, true, #is " takes it", (const char *const[]){__VA_ARGS__, NULL})
#define BAD(is, what, ...) check_all(is, false, what, (const char *const[]){__VA_ARGS__, NULL})

#define ID "7a9a2d9c-6f0c-4b84-9c0a-2f8f6a7a1d3e"

static void
test_server_user(void)
{
    GOOD(name_is_server_user, "alice", "_x", "a", "a-b_c9", repeated('a', 31));
    BAD(name_is_server_user, "P2 P4 P5 empty, control characters", "", "x\nroot", "x\rroot", "x\t",
        "x\033[0m", "alice\n");
    BAD(name_is_server_user, "P3 P6 lists and patterns", "deploy,root", "*", "dep*", "!root", "?");
    BAD(name_is_server_user, "P8 not ASCII", "r\xd0\xbe\xd0\xbet", "\xc3\xa9", "a\xe2\x80\x8b");
    BAD(name_is_server_user, "P10 upper case", "Alice", "ALL");
    BAD(name_is_server_user, "P11 options and comments", "command=\"id\" deploy", "no-pty x", "#x",
        " a");
    BAD(name_is_server_user, "P12 names that useradd takes", ".", "..", "a/b", "%wheel", "#0", "0",
        "1234", "-x", "+x", "a$", "nobody;id", "a.b", repeated('a', 32), repeated('a', 33));
    ok(!name_is_server_user(NULL), "no name at all");
}

static void
test_team_and_object(void)
{
    GOOD(name_is_team, "acme", "a", "a-b", "a9", repeated('a', 63));
    BAD(name_is_team, "P17 team", "", "-a", "a-", "9a", "Acme", "a_b", "a.b", "../x", "a b", "a\n",
        repeated('a', 64));
    GOOD(name_is_object, "prod", "Prod.1", "a@b.example", "_x", "9", "a+b", repeated('a', 128));
    BAD(name_is_object, "P17 object", "", ".", "..", "../x", "a b", "a\"; drop table x; --", "a\nb",
        "-a", "@a", "+a", "a/b", "a,b", "a:b", repeated('a', 129), repeated('a', 300));
}

static void
test_host(void)
{
    GOOD(name_is_host, "web01", "web01.example.com", "10.0.0.1", "::1", "fe80::1", "WEB", "a_b", ID,
         repeated('a', 253));
    BAD(name_is_host, "C15 host", "", "-oProxyCommand=x", "a b", "*", "*.example.com", "a,b", "a;b",
        "a$(b)", "a\n", "%h", "a@b", "a/b", "\xc3\xa9", repeated('a', 254));
}

static void
test_principal_and_key_id(void)
{
    GOOD(name_is_principal, "alice", ID ":alice", ID ":_", "a");
    BAD(name_is_principal, "P1-P11 principal", "", ID, ID ":", ID ":Root", ID ":a,b", ":alice",
        "x:alice", "7A9A2D9C-6f0c-4b84-9c0a-2f8f6a7a1d3e:alice", ID ":alice\n", "a:" ID, ID ":" ID);
    ok(strlen(ID ":") + SERVER_USER_NAME_MAX <= PRINCIPAL_MAX, "PRINCIPAL_MAX is room enough");
    ok(!name_is_principal(NULL), "no principal at all");
    GOOD(name_is_key_id, "sft1:acme:prod:alice:" ID, "sft1:a", "sft1:a@b+c-d_e.f");
    BAD(name_is_key_id, "C9 key id", "", "sft1:", "acme", "sft2:acme", "sft1:a b", "sft1:a\nb",
        "sft1:a\" (serial 9) CA", "sft1:%s%n", "sft1:\xc3\xa9", "xsft1:a");
    char long_id[512] = "sft1:";
    memset(long_id + 5, 'a', 395);
    ok(name_is_key_id(long_id), "400 characters");
    long_id[400] = 'a';
    ok(!name_is_key_id(long_id), "C9 401 characters");
}

int
main(void)
{
    test_server_user();
    test_team_and_object();
    test_host();
    test_principal_and_key_id();
    return done_testing();
}
