/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd.h - what every command gets, and the list of them.
 *
 * To add a command there are four things to do: write cmd_NAME.c with `int cmd_NAME(struct ctx *)`,
 * which returns 0 or what fail() returned; declare it here; add its row to the table in command.c
 * (needs, options, words, one sentence); add its row to the table in t/010_usage.t and its
 * paragraph to docs/sft.1.scd.
 */
#ifndef SFT_CLIENT_CMD_H
#define SFT_CLIENT_CMD_H

#include "account.h"
#include "command.h"
#include "paths.h"
#include "platform.h"
#include "settings.h"
#include "show.h"

struct ctx {
    const struct command *command;
    struct args args;
    struct show show;
    struct paths paths;
    struct settings settings;
    struct account account;   /* NEED_ACCOUNT */
    struct platform platform; /* NEED_ACCOUNT: calls for it, signed */
    struct failure failure;
};

/* This program and the options that chose the account, quoted for ssh_config; out: SELF_MAX bytes.
 */
#define SELF_MAX 2100
SFT_CHECKED int ctx_self(struct ctx *ctx, char *out);
void ctx_free(struct ctx *ctx);

int cmd_device_info(struct ctx *ctx);
int cmd_enroll(struct ctx *ctx);
int cmd_help(struct ctx *ctx);
int cmd_known_hosts(struct ctx *ctx);
int cmd_list_accounts(struct ctx *ctx);
int cmd_list_projects(struct ctx *ctx);
int cmd_list_servers(struct ctx *ctx);
int cmd_login(struct ctx *ctx);
int cmd_logout(struct ctx *ctx);
int cmd_proxycommand(struct ctx *ctx);
int cmd_resolve(struct ctx *ctx);
int cmd_ssh(struct ctx *ctx);
int cmd_ssh_config(struct ctx *ctx);
int cmd_status(struct ctx *ctx);
int cmd_unenroll(struct ctx *ctx);
int cmd_use(struct ctx *ctx);

#endif
