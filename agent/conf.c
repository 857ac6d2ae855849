/* SPDX-License-Identifier: PostgreSQL */
/*
 * conf.c - reads sftd.yaml by a table, over libyaml's parser.
 *
 * libcyaml would read it by a schema, but its schemas cannot say "Labels: any key to text".
 * Anchors, aliases, tags and further documents are refused: a configuration needs none of them.
 */
#include "agent/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/fsx.h"
#include "common/names.h"
#include "common/text.h"

#define CONF_FILE_MAX 65536
#define TEXT_MAX 1024

enum option_type { OPT_TEXT, OPT_PATH, OPT_HOST, OPT_INT, OPT_BOOL, OPT_HOSTS, OPT_LABELS };

struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    const char *preset; /* NULL: unset */
    int64_t min, max;
};

#define OPTION(name, type, member, preset, ...)                                                    \
    {                                                                                              \
        name, type, offsetof(struct conf, member), preset, __VA_ARGS__                             \
    }
#define STATE "/var/lib/sftd/"

static const struct option options[] = {
    OPTION("AccessAddress", OPT_HOST, access_address, NULL, 0, 0),
    OPTION("AccessInterface", OPT_TEXT, access_interface, NULL, 0, 0),
    OPTION("AllowSudo", OPT_BOOL, allow_sudo, "true", 0, 0),
    OPTION("AltNames", OPT_HOSTS, alt_names, NULL, 0, 0),
    OPTION("AuthorizedPrincipalsFile", OPT_PATH, principals_file, STATE "principals/%u", 0, 0),
    OPTION("AutoEnroll", OPT_BOOL, auto_enroll, "true", 0, 0),
    OPTION("Bastion", OPT_HOST, bastion, NULL, 0, 0),
    OPTION("BrokerAccessPort", OPT_INT, broker_access_port, "4421", 1, 65535),
    OPTION("BrokerListenHost", OPT_TEXT, broker_listen_host, NULL, 0, 0),
    OPTION("BrokerListenPort", OPT_INT, broker_listen_port, "4421", 1, 65535),
    OPTION("BufferFile", OPT_PATH, buffer_file, STATE "buffer.db", 0, 0),
    OPTION("CanonicalName", OPT_HOST, canonical_name, NULL, 0, 0),
    OPTION("DisableBroker", OPT_BOOL, disable_broker, "false", 0, 0),
    OPTION("EnrollmentTokenFile", OPT_PATH, enrollment_token_file, STATE "enrollment.token", 0, 0),
    OPTION("ForwardProxy", OPT_TEXT, forward_proxy, NULL, 0, 0),
    OPTION("HomeRoot", OPT_PATH, home_root, "/home", 0, 0),
    OPTION("InitialURL", OPT_TEXT, initial_url, NULL, 0, 0),
    OPTION("Labels", OPT_LABELS, labels, NULL, 0, 0),
    OPTION("LogLevel", OPT_TEXT, log_level, "INFO", 0, 0),
    OPTION("MaxRemovalPercent", OPT_INT, max_removal_percent, "25", 0, 100),
    OPTION("MinUID", OPT_INT, min_uid, "1000", 1000, 60000),
    OPTION("SSHDConfigFile", OPT_PATH, sshd_config_file, "/etc/ssh/sshd_config", 0, 0),
    OPTION("SSHDPort", OPT_INT, ssh_port, "22", 1, 65535),
    OPTION("ServerFile", OPT_PATH, server_file, STATE "device.server", 0, 0),
    OPTION("StateDirectory", OPT_PATH, state_dir, "/var/lib/sftd", 0, 0),
    OPTION("SudoersDirectory", OPT_PATH, sudoers_dir, "/etc/sudoers.d", 0, 0),
    OPTION("TLSUseBundledCAs", OPT_BOOL, tls_use_bundled_cas, "true", 0, 0),
    OPTION("TokenFile", OPT_PATH, token_file, STATE "device.token", 0, 0),
    OPTION("TrustedUserCAKeysFile", OPT_PATH, trusted_keys_file, STATE "ssh_ca.pub", 0, 0),
};
#define OPTIONS_N (sizeof options / sizeof options[0])

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one being looked at */
    struct conf *conf;
    bool seen[OPTIONS_N];
    char *message;
    size_t cap;
};

static int __attribute__((format(printf, 3, 4)))
complain(struct reader *r, yaml_mark_t at, const char *fmt, ...)
{
    int n = snprintf(r->message, r->cap, "line %zu, column %zu: ", at.line + 1, at.column + 1);
    if (n > 0 && (size_t)n < r->cap) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(r->message + n, r->cap - (size_t)n, fmt, args);
        va_end(args);
    }
    return SFT_EFORMAT;
}

static int
next(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return 0;
    return complain(r, r->parser.problem_mark, "%s",
                    r->parser.problem ? r->parser.problem : "not YAML");
}

/* The text of the current scalar, or NULL after a complaint. */
static const char *
scalar(struct reader *r, const char *what)
{
    const char *s = (const char *)r->event.data.scalar.value;
    if (r->event.type != YAML_SCALAR_EVENT || r->event.data.scalar.anchor)
        complain(r, r->event.start_mark, "%s has to be a plain value", what);
    else if (strlen(s) != r->event.data.scalar.length || strlen(s) > TEXT_MAX)
        complain(r, r->event.start_mark, "%s is too long or holds a NUL", what);
    else if (strpbrk(s, "\n\r"))
        complain(r, r->event.start_mark, "%s has to be one line", what);
    else
        return s;
    return NULL;
}

static bool
is_set(struct reader *r)
{
    const yaml_event_t *e = &r->event;
    const char *s = (const char *)e->data.scalar.value;
    return !(e->type == YAML_SCALAR_EVENT && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
             (!*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0));
}

static int
put_text(char **where, const char *s)
{
    char *copy = strdup(s);
    if (!copy)
        return SFT_ENOMEM;
    free(*where);
    *where = copy;
    return 0;
}

static bool
is_path(const char *s)
{
    return s[0] == '/' && !strstr(s, "/../") && !strstr(s, "//") && !strpbrk(s, " \t\"'\\*?[");
}

/* Sets one plain option; the reason when it does not fit, else NULL. */
static const char *
set_plain(struct conf *conf, const struct option *o, const char *s, int *errp)
{
    void *where = (char *)conf + o->offset;
    uint64_t n;
    *errp = 0;
    switch (o->type) {
    case OPT_INT:
        if (text_u64(s, (uint64_t)o->max, &n) != 0 || (int64_t)n < o->min)
            return "is not a number within its bounds";
        *(int64_t *)where = (int64_t)n;
        return NULL;
    case OPT_BOOL:
        if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
            return "has to be true or false";
        *(bool *)where = s[0] == 't';
        return NULL;
    case OPT_PATH:
        if (!is_path(s))
            return "has to be an absolute path without spaces or wildcards";
        break;
    case OPT_HOST:
        if (!name_is_host(s))
            return "is not a host name or address";
        break;
    default:
        break;
    }
    *errp = put_text(where, s);
    return NULL;
}

static int
read_plain(struct reader *r, const struct option *o)
{
    int err;
    if (!is_set(r))
        return 0;
    const char *s = scalar(r, o->name);
    if (!s)
        return SFT_EFORMAT;
    const char *why = set_plain(r->conf, o, s, &err);
    return why ? complain(r, r->event.start_mark, "%s %s", o->name, why) : err;
}

static int
read_hosts(struct reader *r, const struct option *o)
{
    struct conf *c = r->conf;
    if (!is_set(r))
        return 0;
    if (r->event.type != YAML_SEQUENCE_START_EVENT)
        return complain(r, r->event.start_mark, "%s has to be a list", o->name);
    for (;;) {
        int err = next(r);
        if (err || r->event.type == YAML_SEQUENCE_END_EVENT)
            return err;
        const char *s = scalar(r, o->name);
        if (!s)
            return SFT_EFORMAT;
        if (!name_is_host(s))
            return complain(r, r->event.start_mark, "%s: not a host name or address", o->name);
        if (c->alt_names_n == CONF_LIST_MAX)
            return complain(r, r->event.start_mark, "%s: more than %d", o->name, CONF_LIST_MAX);
        err = put_text(&c->alt_names[c->alt_names_n], s);
        if (err)
            return err;
        c->alt_names_n++;
    }
}

/* As the platform has it: a label is shown as "sftd.<name>". */
static bool
is_label_name(const char *s)
{
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-");
    return n > 0 && n <= 120 && s[n] == '\0';
}

static int
read_label(struct reader *r, const struct option *o)
{
    struct conf *c = r->conf;
    const char *s = scalar(r, o->name);
    if (!s)
        return SFT_EFORMAT;
    if (!is_label_name(s))
        return complain(r, r->event.start_mark, "%s: not a label's name", o->name);
    if (c->labels_n == CONF_LIST_MAX)
        return complain(r, r->event.start_mark, "%s: more than %d", o->name, CONF_LIST_MAX);
    struct conf_label *label = &c->labels[c->labels_n++];
    int err = put_text(&label->key, s);
    if (!err)
        err = next(r);
    if (err)
        return err;
    s = scalar(r, label->key);
    return s ? put_text(&label->value, s) : SFT_EFORMAT;
}

static int
read_labels(struct reader *r, const struct option *o)
{
    if (!is_set(r))
        return 0;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return complain(r, r->event.start_mark, "%s has to be a mapping", o->name);
    for (;;) {
        int err = next(r);
        if (err || r->event.type == YAML_MAPPING_END_EVENT)
            return err;
        err = read_label(r, o);
        if (err)
            return err;
    }
}

static const struct option *
option_find(const char *name)
{
    for (size_t i = 0; i < OPTIONS_N; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static int
read_option(struct reader *r)
{
    const char *s = scalar(r, "an option's name");
    if (!s)
        return SFT_EFORMAT;
    const struct option *o = option_find(s);
    if (!o)
        return complain(r, r->event.start_mark, "unknown key \"%.60s\"", s);
    bool *seen = &r->seen[o - options];
    if (*seen)
        return complain(r, r->event.start_mark, "%s is given twice", o->name);
    *seen = true;
    int err = next(r);
    if (err)
        return err;
    return o->type == OPT_HOSTS    ? read_hosts(r, o)
           : o->type == OPT_LABELS ? read_labels(r, o)
                                   : read_plain(r, o);
}

static int
read_mapping(struct reader *r)
{
    for (;;) {
        int err = next(r);
        if (err || r->event.type == YAML_MAPPING_END_EVENT)
            return err;
        err = read_option(r);
        if (err)
            return err;
    }
}

/* stream start, document start, mapping, document end, stream end; or nothing at all */
static int
read_stream(struct reader *r)
{
    int err = next(r);
    if (!err)
        err = next(r);
    if (err || r->event.type == YAML_STREAM_END_EVENT)
        return err;
    err = next(r);
    if (err)
        return err;
    if (r->event.type == YAML_MAPPING_START_EVENT)
        err = read_mapping(r);
    else if (is_set(r))
        err = complain(r, r->event.start_mark, "expected \"Option: value\" lines");
    if (!err)
        err = next(r);
    if (!err)
        err = next(r);
    if (!err && r->event.type != YAML_STREAM_END_EVENT)
        err = complain(r, r->event.start_mark, "only one document is allowed");
    return err;
}

static int
set_presets(struct conf *conf)
{
    int err = 0;
    memset(conf, 0, sizeof *conf);
    for (size_t i = 0; i < OPTIONS_N && !err; i++)
        if (options[i].preset)
            set_plain(conf, &options[i], options[i].preset, &err);
    return err;
}

/* What no single option can say. */
static const char *
check_whole(const struct conf *c)
{
    size_t len = strlen(c->principals_file);
    if (len < 4 || strcmp(c->principals_file + len - 3, "/%u") != 0 ||
        memchr(c->principals_file, '%', len - 2))
        return "AuthorizedPrincipalsFile has to be a folder and \"/%u\"";
    if (strcmp(c->log_level, "WARN") != 0 && strcmp(c->log_level, "INFO") != 0 &&
        strcmp(c->log_level, "DEBUG") != 0)
        return "LogLevel has to be WARN, INFO or DEBUG";
    return NULL;
}

int
conf_read(struct conf *conf, const char *text, size_t len, char *message, size_t cap)
{
    struct reader r = {.conf = conf, .message = message, .cap = cap};
    message[0] = '\0';
    int err = set_presets(conf);
    if (!err && !yaml_parser_initialize(&r.parser))
        err = SFT_ENOMEM;
    if (!err) {
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
        err = read_stream(&r);
        yaml_event_delete(&r.event);
        yaml_parser_delete(&r.parser);
    }
    const char *why = err ? NULL : check_whole(conf);
    if (why) {
        snprintf(message, cap, "%s", why);
        err = SFT_EFORMAT;
    }
    if (err && !message[0])
        snprintf(message, cap, "%s", sft_strerror(err));
    if (err)
        conf_free(conf);
    return err;
}

int
conf_load(struct conf *conf, const char *path, bool must_exist, char *message, size_t cap)
{
    char *text = NULL;
    size_t len = 0;
    memset(conf, 0, sizeof *conf);
    int err = fsx_read(path, CONF_FILE_MAX, &text, &len);
    if (err && (err != SFT_ENOTFOUND || must_exist)) {
        snprintf(message, cap, "%s", err == SFT_ESYSTEM ? strerror(errno) : sft_strerror(err));
        return err;
    }
    err = conf_read(conf, text ? text : "", len, message, cap);
    free(text);
    return err;
}

void
conf_free(struct conf *conf)
{
    for (size_t i = 0; i < OPTIONS_N; i++) {
        const struct option *o = &options[i];
        if (o->type == OPT_TEXT || o->type == OPT_PATH || o->type == OPT_HOST)
            free(*(char **)((char *)conf + o->offset));
    }
    for (size_t i = 0; i < CONF_LIST_MAX; i++) {
        free(conf->alt_names[i]);
        free(conf->labels[i].key);
        free(conf->labels[i].value);
    }
    memset(conf, 0, sizeof *conf);
}
