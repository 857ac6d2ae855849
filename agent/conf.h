/* SPDX-License-Identifier: PostgreSQL */
/*
 * conf.h - /etc/sft/sftd.yaml: the product's options and our local limits.
 *
 * A missing file means all defaults. An unknown key, a value of the wrong type or outside its
 * bounds is an error that names the line and column.
 */
#ifndef SFTD_CONF_H
#define SFTD_CONF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define CONF_LIST_MAX 32

struct conf_label {
    char *key, *value;
};

struct conf {
    /* what clients are told */
    char *access_address, *access_interface, *bastion, *canonical_name;
    char *alt_names[CONF_LIST_MAX];
    size_t alt_names_n;
    struct conf_label labels[CONF_LIST_MAX];
    size_t labels_n;
    int64_t ssh_port;
    /* the platform */
    bool auto_enroll, tls_use_bundled_cas;
    char *initial_url, *forward_proxy;
    /* the product's broker; understood, not used */
    bool disable_broker;
    char *broker_listen_host, *buffer_file;
    int64_t broker_access_port, broker_listen_port;
    /* files */
    char *token_file, *server_file, *enrollment_token_file, *trusted_keys_file, *sshd_config_file;
    char *principals_file; /* ends in "/%u" */
    char *state_dir, *sudoers_dir;
    /* local limits: what the platform cannot talk us into */
    int64_t min_uid, max_removal_percent;
    bool allow_sudo;
    char *home_root;
    char *log_level;
};

/* Reads path; missing is fine unless must_exist. On failure message says where and why. */
SFT_CHECKED int conf_load(struct conf *conf, const char *path, bool must_exist, char *message,
                          size_t cap);
/* The same from text; for tests. */
SFT_CHECKED int conf_read(struct conf *conf, const char *text, size_t len, char *message,
                          size_t cap);
void conf_free(struct conf *conf);

#endif
