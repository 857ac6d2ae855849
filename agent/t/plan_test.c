/* SPDX-License-Identifier: PostgreSQL */
/*
 * plan_test.c - the heart by a table: a host, a wish, and the steps in their order.
 *
 * A host is written as a text: "u alice 60001" an account that is on our list, "U alice 60001" one
 * that is not, "g"/"G" groups, "x alice" expired, "s alice" with another shell, "n alice" with
 * another gid, "h alice" a home that is there, "H alice" one of somebody else's, "p alice"
 * principals as wished, "P alice" others, "a …" the sudoers file as wished for these, "l u alice
 * 60001" only on the list. A wish: "alice 60001 [admin] [none]" users,
 * "@ops 63001 alice,bob" groups.
 */
#include "agent/plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/render.h"
#include "common/tap.h"

static struct state wish;
static struct actual host;
static struct owned owned;
static struct plan_limits limits;
static struct wanted_user users[32];
static struct wanted_group groups[8];
static char names[64][48];
static size_t names_n;

static char *
keep(const char *s)
{
    snprintf(names[names_n], sizeof names[0], "%s", s);
    return names[names_n++];
}

static int
by_user(const void *a, const void *b)
{
    return strcmp(((const struct wanted_user *)a)->name, ((const struct wanted_user *)b)->name);
}

static void
wish_user(char *line)
{
    struct wanted_user *u = &users[wish.users_n++];
    char name[32] = "";
    unsigned id = 0;
    char gecos[48], home[48];
    sscanf(line, "%31s %u", name, &id);
    snprintf(gecos, sizeof gecos, "sft t/%s", name);
    snprintf(home, sizeof home, "/home/%s", name);
    *u = (struct wanted_user){.name = keep(name),
                              .uid = id,
                              .gid = id,
                              .gecos = keep(gecos),
                              .home = keep(home),
                              .shell = "/bin/bash",
                              .admin = strstr(line, "admin") != NULL};
    u->principals[0] = u->name;
    u->principals_n = strstr(line, "none") ? 0 : 1;
}

static void
wish_group(char *line)
{
    static const char *members[8][8];
    static char lists[8][80];
    struct wanted_group *g = &groups[wish.groups_n];
    char name[32], *save = NULL;
    unsigned id;
    lists[wish.groups_n][0] = '\0';
    sscanf(line, "@%31s %u %79s", name, &id, lists[wish.groups_n]);
    *g = (struct wanted_group){.name = keep(name), .gid = id, .members = members[wish.groups_n]};
    for (char *m = strtok_r(lists[wish.groups_n], ",", &save); m; m = strtok_r(NULL, ",", &save))
        g->members[g->members_n++] = m;
    wish.groups_n++;
}

static void
make_wish(const char *text)
{
    char copy[1024], *save = NULL;
    memset(&wish, 0, sizeof wish);
    snprintf(copy, sizeof copy, "%s", text);
    wish.manage_users = true;
    wish.version = 5;
    wish.users = users;
    wish.groups = groups;
    wish.authority_id = "22222222-2222-4222-8222-222222222222";
    wish.krl = (uint8_t *)keep("krl");
    wish.krl_len = 3;
    for (char *line = strtok_r(copy, ";", &save); line; line = strtok_r(NULL, ";", &save)) {
        line += strspn(line, " ");
        if (*line == '@')
            wish_group(line);
        else if (*line)
            wish_user(line);
    }
    qsort(users, wish.users_n, sizeof users[0], by_user);
}

static struct account accounts[32];
static struct local_group local_groups[32];
static struct owned_row rows[64];
static struct presence presence[32];
static struct blob principals_text[32];
static char *principals[32],
    *shells[] = {(char *)(uintptr_t) "/bin/bash", (char *)(uintptr_t) "/bin/sh"};

static int
by_account(const void *a, const void *b)
{
    return strcmp(((const struct account *)a)->name, ((const struct account *)b)->name);
}

static int
by_group(const void *a, const void *b)
{
    return strcmp(((const struct local_group *)a)->name, ((const struct local_group *)b)->name);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_add(char kind, const char *name, unsigned id)
{
    struct owned_row *r = &rows[owned.n++];
    r->kind = (enum owned_kind)kind;
    snprintf(r->name, sizeof r->name, "%s", name);
    r->id = id;
}

static struct account *
account_of(const char *name)
{
    for (size_t i = 0; i < host.accounts_n; i++)
        if (strcmp(accounts[i].name, name) == 0)
            return &accounts[i];
    return NULL;
}

static void
host_account(const char *name, unsigned id, bool ours)
{
    char gecos[48], home[48];
    snprintf(gecos, sizeof gecos, ours ? "sft t/%s" : "%s", name);
    snprintf(home, sizeof home, "/home/%s", name);
    accounts[host.accounts_n++] = (struct account){.name = keep(name),
                                                   .uid = id,
                                                   .gid = id,
                                                   .gecos = keep(gecos),
                                                   .home = keep(home),
                                                   .shell = shells[0]};
    if (ours)
        list_add('u', name, id);
}

static void
host_group(const char *name, unsigned id, const char *list, bool ours)
{
    static char *members[32][8];
    static char lists[32][80];
    size_t i = host.groups_n++;
    char *save = NULL;
    local_groups[i] = (struct local_group){.name = keep(name), .gid = id, .members = members[i]};
    snprintf(lists[i], sizeof lists[i], "%s", list);
    for (char *m = strtok_r(lists[i], ",", &save); m; m = strtok_r(NULL, ",", &save))
        members[i][local_groups[i].members_n++] = m;
    if (ours)
        list_add('g', name, id);
}

static size_t
wish_index(const char *name)
{
    const struct wanted_user *u = state_user(&wish, name);
    return u ? (size_t)(u - wish.users) : 31;
}

static void
host_sudoers(char *list)
{
    static char text[512];
    char *save = NULL;
    strcpy(text, SUDOERS_HEAD);
    for (char *m = strtok_r(list, ",", &save); m; m = strtok_r(NULL, ",", &save))
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "%s ALL=(ALL:ALL) NOPASSWD: ALL\n", m);
    host.sudoers.p = text;
    host.sudoers.len = strlen(text);
}

static void
host_line(char *line)
{
    char kind[2] = "", name[40] = "", rest[80] = "";
    unsigned id = 0;
    if (sscanf(line, "l %1s %39s %u", kind, name, &id) == 3) {
        list_add(kind[0], name, id);
        return;
    }
    sscanf(line, "%1s %39s %u %79s", kind, name, &id, rest);
    static char lines[32][48];
    size_t i = wish_index(name);
    switch (kind[0]) {
    case 'u':
    case 'U':
        host_account(name, id, kind[0] == 'u');
        break;
    case 'g':
    case 'G':
        host_group(name, id, rest, kind[0] == 'g');
        break;
    case 'c':
        snprintf(account_of(name)->gecos, sizeof names[0], "sft t/%s", name);
        break;
    case 'x':
        account_of(name)->expired = true;
        break;
    case 's':
        account_of(name)->shell = shells[1];
        break;
    case 'n':
        account_of(name)->gid = 70002;
        break;
    case 'h':
        presence[i].home = HOME_OURS;
        break;
    case 'H':
        presence[i].home = HOME_FOREIGN;
        break;
    case 'e':
        presence[i].name_elsewhere = true;
        break;
    case 'p':
    case 'P':
        principals[host.principals_n] = keep(name);
        snprintf(lines[i], sizeof lines[i], kind[0] == 'p' ? "%s\n" : "%s\nroot\n", name);
        principals_text[i] = (struct blob){lines[i], strlen(lines[i])};
        host.principals_n++;
        break;
    case 'a':
        host_sudoers(name);
        break;
    }
}

/* Trust, revocation list and sshd as wished, so that only what a row speaks of shows. */
static void
settle(void)
{
    static struct blob trust, dropin;
    free(trust.p);
    free(dropin.p);
    host.sshd_present = host.sshd_loaded = true;
    if (render_trust(&trust, &wish) != 0 || render_dropin(&dropin, &limits, &host) != 0)
        exit(1);
    host.trust = trust;
    host.dropin = dropin;
    host.krl = (struct blob){(char *)wish.krl, wish.krl_len};
}

static void
make_host(const char *text)
{
    char copy[2048], *save = NULL;
    memset(&host, 0, sizeof host);
    memset(&owned, 0, sizeof owned);
    memset(presence, 0, sizeof presence);
    memset(principals_text, 0, sizeof principals_text);
    snprintf(copy, sizeof copy, "%s", text);
    owned.rows = rows;
    host.accounts = accounts;
    host.groups = local_groups;
    host.presence = presence;
    host.users_n = wish.users_n;
    host.shells = shells;
    host.shells_n = 2;
    host.owned = &owned;
    host.principals = principals;
    host.principals_text = principals_text;
    host_account("root", 0, false);
    host_group("sudo", 27, "", false);
    for (char *line = strtok_r(copy, ";", &save); line; line = strtok_r(NULL, ";", &save))
        host_line(line + strspn(line, " "));
    qsort(accounts, host.accounts_n, sizeof accounts[0], by_account);
    qsort(local_groups, host.groups_n, sizeof local_groups[0], by_group);
    qsort(principals, host.principals_n, sizeof principals[0], by_text);
    settle();
}

static void
steps_text(const struct plan *p, char *out, size_t cap)
{
    out[0] = '\0';
    for (size_t i = 0; i < p->n; i++)
        snprintf(out + strlen(out), cap - strlen(out), "%s%s%s%s", i ? "; " : "",
                 step_name(p->steps[i].kind), p->steps[i].name ? " " : "",
                 p->steps[i].name ? p->steps[i].name : "");
}

static void
drift_text(const struct drift *d, char *out, size_t cap)
{
    out[0] = '\0';
    for (size_t i = 0; i < d->n; i++)
        snprintf(out + strlen(out), cap - strlen(out), "%s%s", i ? "; " : "", d->rows[i].what);
}

struct row {
    const char *what, *host, *wish, *steps, *drift;
};

#define ALICE "u alice 60001; g alice 60001; h alice; p alice"
#define BOB "u bob 60002; g bob 60002; h bob; p bob"

static const struct row table[] = {
    {"an empty host and no wish", "", "", "", ""},
    {"a new user: group and account first", "", "alice 60001",
     "create group alice; create account alice", ""},
    {"then home and principals", "u alice 60001; g alice 60001", "alice 60001",
     "create home alice; write principals alice", ""},
    {"then nothing", ALICE, "alice 60001", "", ""},
    {"an admin's sudo only when the account is there", "", "alice 60001 admin",
     "create group alice; create account alice", ""},
    {"then it is written", ALICE, "alice 60001 admin", "write sudoers", ""},
    {"and stays", ALICE "; a alice", "alice 60001 admin", "", ""},
    {"an admin no more", ALICE "; a alice", "alice 60001", "remove sudoers", ""},
    {"another admin beside", ALICE ";" BOB "; a alice", "alice 60001 admin; bob 60002 admin",
     "write sudoers", ""},
    {"a gid that was changed is not guessed at", ALICE "; n alice", "alice 60001", "",
     "user:alice"},
    {"a shell that was changed", ALICE "; s alice", "alice 60001", "change account alice", ""},
    {"an account that expired", ALICE "; x alice", "alice 60001", "change account alice", ""},
    {"principals that were changed", "u alice 60001; g alice 60001; h alice; P alice",
     "alice 60001", "write principals alice", ""},
    {"principals of nobody", "P mallory", "", "remove principals mallory", ""},
    {"principals of root", "P root", "", "remove principals root", ""},

    {"leaving: principals, sudo, logins, lock, account", ALICE "; a alice", "",
     "remove principals alice; remove sudoers; end logins alice; lock account alice; delete "
     "account alice",
     ""},
    {"then the group", "g alice 60001; l u alice 60001", "", "delete group alice; forget alice",
     ""},
    {"then the list", "l u alice 60001; l g alice 60001", "", "forget alice; forget alice", ""},
    {"leaving while another stays", ALICE ";" BOB, "bob 60002",
     "remove principals alice; end logins alice; lock account alice; delete account alice", ""},
    {"another uid for the name: the old one goes first", ALICE, "alice 60009",
     "remove principals alice; end logins alice; lock account alice; delete account alice",
     "user:alice"},

    {"suspended: nothing but the account stays", ALICE "; a alice", "alice 60001 admin none",
     "remove principals alice; remove sudoers; end logins alice; lock account alice", ""},
    {"suspended already", "u alice 60001; g alice 60001; h alice; x alice; s alice",
     "alice 60001 none", "", ""},
    {"back again", "u alice 60001; g alice 60001; h alice; x alice; s alice", "alice 60001",
     "change account alice; write principals alice", ""},
    {"a new user who is suspended", "", "alice 60001 none",
     "create group alice; create account alice", ""},

    {"a foreign account of that name", "U alice 60001", "alice 60001", "", "user:alice"},
    {"a foreign account of that name, other uid", "U alice 5000", "alice 60001", "", "user:alice"},
    {"a foreign account, with principals", "U alice 5000; P alice", "alice 60001",
     "remove principals alice", "user:alice"},
    {"a foreign account is no admin", "U alice 5000", "alice 60001 admin", "", "user:alice"},
    {"a foreign account with that uid", "U carol 60001", "alice 60001", "", "user:alice"},
    {"a foreign group of that name", "G alice 60001", "alice 60001", "", "user:alice"},
    {"a foreign group with that gid", "G staff2 60001", "alice 60001", "", "user:alice"},
    {"a name that another user database has", "e alice", "alice 60001", "", "user:alice"},
    {"an account on the list with another number is not removed", "U alice 5000; l u alice 60001",
     "", "", ""},
    {"a lost list: known by the comment", "U alice 60001; c alice; g alice 60001; h alice; p alice",
     "alice 60001", "change account alice", ""},
    {"the comment alone is not enough", "U alice 5000; c alice; h alice", "alice 60001", "",
     "user:alice"},
    {"a home of somebody else's", "u alice 60001; g alice 60001; H alice; p alice", "alice 60001",
     "", "user:alice"},
    {"one who cannot be had does not stop the other", "U alice 5000", "alice 60001; bob 60002",
     "create group bob; create account bob", "user:alice"},

    {"a group", ALICE, "alice 60001; @ops 63001 alice", "create group ops", ""},
    {"its members", ALICE "; g ops 63001", "alice 60001; @ops 63001 alice", "set group members ops",
     ""},
    {"as they are", ALICE "; g ops 63001 alice", "alice 60001; @ops 63001 alice", "", ""},
    {"a member too many", ALICE ";" BOB "; g ops 63001 alice,bob",
     "alice 60001; bob 60002; @ops 63001 alice", "set group members ops", ""},
    {"a member that is not there yet", "g ops 63001", "alice 60001; @ops 63001 alice",
     "create group alice; create account alice", ""},
    {"a member that is not ours", "U alice 5000; g ops 63001", "alice 60001; @ops 63001 alice", "",
     "user:alice"},
    {"a group that nobody wants", "g ops 63001", "", "delete group ops", ""},
    {"a group of the system's name", ALICE, "alice 60001; @sudo 63001 alice", "", "group:sudo"},
    {"a group with a number that is taken", ALICE "; G web 63001", "alice 60001; @ops 63001 alice",
     "", "group:ops"},
    {"a foreign group is never removed", "G web 63001", "", "", ""},

    {"three may leave without a word", ALICE ";" BOB "; u carl 60003", "",
     "remove principals alice; remove principals bob; end logins alice; lock account alice; delete "
     "account alice; "
     "end logins bob; lock account bob; delete account bob; end logins carl; lock account carl; "
     "delete account carl",
     ""},
    {"four of four may not", ALICE ";" BOB "; u carl 60003; u dora 60004", "", "", "removals:held"},
};

static void
run_row(const struct row *r)
{
    static struct drift drift;
    struct plan p;
    char steps[2048], drifted[1024], what[200];
    names_n = 0;
    drift_clear(&drift);
    make_wish(r->wish);
    make_host(r->host);
    is_int(plan(&p, &wish, &host, &limits, &drift), 0, r->what);
    steps_text(&p, steps, sizeof steps);
    drift_text(&drift, drifted, sizeof drifted);
    snprintf(what, sizeof what, "%s: steps", r->what);
    is_str(steps, r->steps, what);
    snprintf(what, sizeof what, "%s: drift", r->what);
    is_str(drifted, r->drift, what);
    plan_free(&p);
}

/* The wish and host as they are now. */
static void
plan_is(const char *steps_wanted, const char *drift_wanted, const char *what)
{
    static struct drift drift;
    struct plan p;
    char text[2048];
    drift_clear(&drift);
    is_int(plan(&p, &wish, &host, &limits, &drift), 0, what);
    steps_text(&p, text, sizeof text);
    is_str(text, steps_wanted, what);
    drift_text(&drift, text, sizeof text);
    is_str(text, drift_wanted, what);
    plan_free(&p);
}

static void
start(const char *host_text, const char *wish_text)
{
    names_n = 0;
    make_wish(wish_text);
    make_host(host_text);
}

static void
trust_and_sshd(void)
{
    start(ALICE, "alice 60001");
    host.krl.p = NULL;
    plan_is("write revocation list", "", "a missing revocation list");
    start(ALICE, "alice 60001");
    host.krl.len = 0;
    plan_is("write revocation list", "", "an empty one");
    host.trust.p = NULL;
    plan_is("write revocation list; write trusted keys", "", "revocation before trust");
    start(ALICE, "alice 60001");
    host.dropin.len--;
    plan_is("configure sshd", "", "a drop-in that was changed");
    start(ALICE, "alice 60001");
    host.sshd_loaded = false;
    plan_is("configure sshd", "", "an sshd that has not read it");
    host.host_keys_n = 1;
    strcpy(host.host_keys[0].path, "/etc/ssh/k.pub");
    plan_is("get host certificate /etc/ssh/k.pub", "",
            "the certificate first, sshd in the next pass");
    host.host_certs_tried = true;
    plan_is("configure sshd", "", "sshd without it when it cannot be had");
    host.sshd_present = false;
    plan_is("", "sshd:missing", "no sshd");
}

static void
limits_hold(void)
{
    start(ALICE, "alice 60001 admin");
    limits.allow_sudo = false;
    plan_is("", "sudo:alice", "no sudo beyond the local ceiling");
    start(ALICE "; a alice", "alice 60001 admin");
    plan_is("remove sudoers", "sudo:alice", "what was given before is taken back");
    limits.allow_sudo = true;
    start(ALICE ";" BOB "; u carl 60003; u dora 60004", "");
    wish.removals_confirmed = 4;
    plan_is("remove principals alice; remove principals bob; end logins alice; lock account alice; "
            "delete account alice; end logins bob; lock account bob; delete account bob; end "
            "logins carl; "
            "lock account carl; delete account carl; end logins dora; lock account dora; delete "
            "account dora",
            "", "a confirmed mass removal");
    limits.max_removal_percent = 100;
    wish.removals_confirmed = 0;
    start(ALICE ";" BOB "; u carl 60003; u dora 60004",
          "alice 60001; bob 60002; carl 60003 none; dora 60004 none");
    plan_is("end logins carl; lock account carl; end logins dora; lock account dora; create home "
            "carl; create home dora",
            "", "suspensions are no removals");
    limits.max_removal_percent = 25;
}

static void
unmanaged(void)
{
    start("U alice 5000; U daemon2 200",
          "alice 60001 admin; daemon2 60002; root 60003; nobody9 60004");
    wish.manage_users = false;
    plan_is("write principals alice", "user:daemon2; user:nobody9; user:root",
            "principals only for accounts of people");
    start(ALICE, "");
    wish.manage_users = false;
    plan_is("remove principals alice", "", "accounts are left alone");
}

static void
end_logins(void)
{
    static const char *names_wanted[] = {"alice", "root", "bob"};
    start(ALICE "; U bob 5000", "alice 60001; bob 60002");
    wish.end_logins = names_wanted;
    wish.end_logins_n = 3;
    plan_is("end logins alice; note ended logins", "user:bob", "logins of our accounts only");
    host.logins_ended = 5;
    plan_is("", "user:bob", "once for a version");
    wish.version = 6;
    plan_is("end logins alice; note ended logins", "user:bob", "and again for the next");
}

int
main(void)
{
    limits = (struct plan_limits){.min_uid = 1000,
                                  .max_removal_percent = 25,
                                  .allow_sudo = true,
                                  .trusted_keys_file = "/t/ca",
                                  .krl_file = "/t/krl",
                                  .principals_file = "/t/p/%u"};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        run_row(&table[i]);
    trust_and_sshd();
    limits_hold();
    unmanaged();
    end_logins();
    return done_testing();
}
