/* SPDX-License-Identifier: PostgreSQL */
/*
 * target.c - the server that a name stands for, as the platform's signed answer says, checked.
 */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/names.h"
#include "common/text.h"
#include "target.h"

#define RESULTS_MAX 8
#define SERVERS_MAX 64
#define METHODS_MAX 64

static int
not_understood(const char *name, const char *member, struct failure *f)
{
    return fail(f, SFT_EXIT_UNREACHABLE, NULL, "%s: the platform's answer has a bad \"%s\".", name,
                member);
}

static int
text_member(struct json_object *obj, const char *member, bool (*is_good)(const char *), char *out,
            size_t cap)
{
    const char *s;
    int err = json_str(obj, member, cap - 1, &s);
    if (err)
        return err;
    if (!is_good(s))
        return SFT_ENAME;
    memcpy(out, s, strlen(s) + 1);
    return 0;
}

/* A server without an address of its own is reached by its hostname. */
static int
address_read(struct target *t, struct json_object *server)
{
    int err = text_member(server, "access_address", name_is_host, t->address, sizeof t->address);
    if (err != SFT_ENOTFOUND)
        return err;
    memcpy(t->address, t->hostname, sizeof t->address);
    return 0;
}

static int
server_read(struct target *t, struct json_object *server, struct failure *f)
{
    const struct {
        const char *member;
        bool (*is_good)(const char *);
        char *out;
        size_t cap;
    } texts[] = {
        {"id", text_is_uuid, t->id, sizeof t->id},
        {"hostname", name_is_host, t->hostname, sizeof t->hostname},
        {"project_name", name_is_object, t->project, sizeof t->project},
        {"team_name", name_is_team, t->team, sizeof t->team},
        {"host_authority_id", text_is_uuid, t->host_authority, sizeof t->host_authority},
        {"user_authority_id", text_is_uuid, t->user_authority, sizeof t->user_authority},
    };
    int64_t port = 22;
    struct json_object *bastion;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (text_member(server, texts[i].member, texts[i].is_good, texts[i].out, texts[i].cap) != 0)
            return not_understood(t->name, texts[i].member, f);
    if (address_read(t, server) != 0)
        return not_understood(t->name, "access_address", f);
    if (json_int(server, "ssh_port", 1, 65535, &port) == SFT_EFORMAT)
        return not_understood(t->name, "ssh_port", f);
    t->port = port ? (int)port : 22;
    if (json_object_object_get_ex(server, "bastion", &bastion) && bastion)
        return fail(f, SFT_EXIT_ERROR, NULL,
                    "%s: is behind a bastion; this sft does not go through one yet.", t->name);
    return 0;
}

/* A method without a server_id holds for every server of the answer. */
static int
method_read(struct target *t, struct json_object *method)
{
    const char *identity, *server_id;
    int err = json_str(method, "server_id", UUID_TEXT_LEN, &server_id);
    if (err && err != SFT_ENOTFOUND)
        return err;
    if (!err && strcmp(server_id, t->id) != 0)
        return 0;
    err = json_str(method, "identity", sizeof t->identities[0] - 1, &identity);
    if (err)
        return err;
    if (!name_is_server_user(identity))
        return SFT_ENAME;
    for (int i = 0; i < t->identities_n; i++)
        if (strcmp(t->identities[i], identity) == 0)
            return 0;
    if (t->identities_n < IDENTITIES_MAX)
        memcpy(t->identities[t->identities_n++], identity, strlen(identity) + 1);
    return 0;
}

static int
methods_read(struct target *t, struct json_object *result, struct failure *f)
{
    struct json_object *list;
    if (json_arr(result, "user_access_methods", METHODS_MAX, &list) != 0)
        return not_understood(t->name, "user_access_methods", f);
    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (method_read(t, json_object_array_get_idx(list, i)) != 0)
            return not_understood(t->name, "user_access_methods", f);
    if (t->identities_n == 0)
        return fail(f, SFT_EXIT_DENIED, "Ask a team administrator for access.",
                    "%s: You have no access to this server.", t->name);
    return 0;
}

static struct json_object *
result_find(struct json_object *doc, const char *name)
{
    struct json_object *results;
    const char *found;
    if (json_arr(doc, "results", RESULTS_MAX, &results) != 0)
        return NULL;
    for (size_t i = 0; i < json_object_array_length(results); i++) {
        struct json_object *result = json_object_array_get_idx(results, i);
        if (json_str(result, "name", TARGET_NAME_MAX, &found) == 0 && strcmp(found, name) == 0)
            return result;
    }
    return NULL;
}

int
target_read(struct target *t, struct json_object *doc, const char *name, const char *team,
            struct failure *f)
{
    struct json_object *servers;
    memset(t, 0, sizeof *t);
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    struct json_object *result = result_find(doc, name);
    if (!result || json_arr(result, "servers", SERVERS_MAX, &servers) != 0)
        return not_understood(name, result ? "servers" : "results", f);
    size_t n = json_object_array_length(servers);
    if (n == 0)
        return fail(f, SFT_EXIT_NOT_FOUND, "See sft list-servers.",
                    "%s: There is no such server in team %s.", name, team);
    bool is_ambiguous = true; /* a platform of 1.0 does not say: it knew no bastions */
    if (json_object_object_get(result, "ambiguous") &&
        json_flag(result, "ambiguous", &is_ambiguous) != 0)
        return not_understood(name, "ambiguous", f);
    if (n > 1 && !is_ambiguous)
        return fail(f, SFT_EXIT_NOT_FOUND, "Connect to the bastion first, and from there.",
                    "%s: It is reached through bastions, which this sft does not do by itself.",
                    name);
    if (n > 1)
        return fail(f, SFT_EXIT_NOT_FOUND,
                    "Name it by its id: sft list-servers --columns hostname,id,project_name",
                    "%s: %zu servers have this name.", name, n);
    int code = server_read(t, json_object_array_get_idx(servers, 0), f);
    if (!code && strcmp(t->team, team) != 0)
        code = not_understood(name, "team_name", f);
    return code ? code : methods_read(t, result, f);
}
