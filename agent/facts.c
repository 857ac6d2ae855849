/* SPDX-License-Identifier: PostgreSQL */
/*
 * facts.c - what the child tells the platform about this host.
 *
 * json-c's constructors fail only for want of memory; a missing member is then all that happens.
 */
#include "agent/facts.h"

#include <arpa/inet.h>
#include <glob.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "common/fsx.h"
#include "common/sshkey.h"

#define ADDRESSES_MAX 32
#define HOST_KEY_GLOB "/etc/ssh/ssh_host_*_key.pub"

static void
put_text(struct json_object *obj, const char *name, const char *value)
{
    if (value && value[0])
        json_object_object_add(obj, name, json_object_new_string(value));
}

static bool
address_text(const struct sockaddr *sa, char out[INET6_ADDRSTRLEN])
{
    if (sa && sa->sa_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, out,
                         INET6_ADDRSTRLEN) != NULL;
    if (!sa || sa->sa_family != AF_INET6)
        return false;
    const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    return !IN6_IS_ADDR_LINKLOCAL(a) && inet_ntop(AF_INET6, a, out, INET6_ADDRSTRLEN) != NULL;
}

/* Addresses of interfaces that are up; the first of AccessInterface is also what clients are told.
 */
static struct json_object *
addresses(const struct conf *conf, char access[INET6_ADDRSTRLEN])
{
    struct json_object *arr = json_object_new_array();
    struct ifaddrs *all = NULL;
    char text[INET6_ADDRSTRLEN];
    access[0] = '\0';
    if (getifaddrs(&all) != 0)
        return arr;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK) ||
            !address_text(i->ifa_addr, text))
            continue;
        if (json_object_array_length(arr) < ADDRESSES_MAX)
            json_object_array_add(arr, json_object_new_string(text));
        if (!access[0] && conf->access_interface &&
            strcmp(conf->access_interface, i->ifa_name) == 0)
            memcpy(access, text, sizeof text);
    }
    freeifaddrs(all);
    return arr;
}

static struct json_object *
host_keys(void)
{
    struct json_object *arr = json_object_new_array();
    struct sshkey key;
    char *text, clean[SSHKEY_TEXT_MAX];
    glob_t g;
    if (glob(HOST_KEY_GLOB, 0, NULL, &g) != 0)
        return arr;
    for (size_t i = 0; i < g.gl_pathc && i < HOST_KEYS_MAX; i++) {
        if (fsx_read(g.gl_pathv[i], 4096, &text, NULL) != 0)
            continue;
        if (sshkey_from_text(&key, text, strcspn(text, "\n")) == 0 &&
            sshkey_to_text(&key, clean, sizeof clean) == 0)
            json_object_array_add(arr, json_object_new_string(clean));
        free(text);
    }
    globfree(&g);
    return arr;
}

static struct json_object *
facts_common(const struct conf *conf)
{
    struct json_object *doc = json_object_new_object();
    char hostname[256] = "", os[128];
    if (!doc)
        return NULL;
    if (gethostname(hostname, sizeof hostname - 1) != 0 || !hostname[0])
        snprintf(hostname, sizeof hostname, "localhost");
    put_text(doc, "hostname", hostname);
    if (os_linux.version(os, sizeof os) != 0)
        snprintf(os, sizeof os, "Linux");
    put_text(doc, "os", os);
    put_text(doc, "sftd_version", SFTD_VERSION);
    json_object_object_add(doc, "ssh_port", json_object_new_int64(conf->ssh_port));
    json_object_object_add(doc, "ssh_host_keys", host_keys());
    return doc;
}

static void
put_names(struct json_object *doc, const struct conf *conf)
{
    struct json_object *names = json_object_new_array(), *labels = json_object_new_object();
    put_text(doc, "canonical_name", conf->canonical_name);
    put_text(doc, "bastion", conf->bastion);
    for (size_t i = 0; i < conf->alt_names_n; i++)
        json_object_array_add(names, json_object_new_string(conf->alt_names[i]));
    json_object_object_add(doc, "alt_names", names);
    for (size_t i = 0; i < conf->labels_n; i++)
        json_object_object_add(labels, conf->labels[i].key,
                               json_object_new_string(conf->labels[i].value));
    json_object_object_add(doc, "labels", labels);
}

struct json_object *
facts_report(const struct conf *conf)
{
    char access[INET6_ADDRSTRLEN];
    struct json_object *doc = facts_common(conf);
    if (!doc)
        return NULL;
    json_object_object_add(doc, "addresses", addresses(conf, access));
    put_text(doc, "access_address", conf->access_address ? conf->access_address : access);
    put_names(doc, conf);
    return doc;
}

struct json_object *
facts_enroll(const struct conf *conf)
{
    struct json_object *doc = facts_report(conf);
    if (!doc)
        return NULL;
    json_object_object_del(doc, "addresses");
    put_text(doc, "os_type", os_linux.type);
    return doc;
}
