/* SPDX-License-Identifier: PostgreSQL */
/*
 * command.h - the table of commands and options, from which parsing and help are made.
 */
#ifndef SFT_CLIENT_COMMAND_H
#define SFT_CLIENT_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "fail.h"

enum option_id {
    OPT_HELP,
    OPT_VERSION,
    OPT_CONFIG_FILE,
    OPT_ACCOUNT,
    OPT_TEAM,
    OPT_INSTANCE,
    OPT_OUTPUT,
    OPT_COLUMNS,
    OPT_SELECTOR,
    OPT_PROJECT,
    OPT_QUIET,
    OPT_TOKEN_FILE,
    OPT_PASSWORD_FILE,
    OPT_FORCE,
    OPT_DEFAULT,
    OPT_ALL,
    OPT_YES,
    OPT_VIA,
    OPT_COMMAND,
    OPT_LOCAL_FORWARD,
    OPT_REMOTE_FORWARD,
    OPT_INSTALL,
    OPT_REMOVE,
    OPT_N
};

#define REPEATS_MAX 64
#define WORDS_MAX 4

struct args {
    const char *value[OPT_N]; /* the last one given; "" for a flag; NULL when absent */
    size_t repeats_n;         /* options that may come often, in their order */
    struct {
        enum option_id id;
        const char *value;
    } repeats[REPEATS_MAX];
    int words_n;
    const char *words[WORDS_MAX];
};

struct ctx;

/* What must hold before a command runs; main.c sees to it. */
enum { NEED_ACCOUNT = 1, NEED_SESSION = 2 };

struct command {
    const char *name;
    int (*run)(struct ctx *ctx);
    unsigned needs;
    uint64_t options; /* beyond the global ones */
    int words_min, words_max;
    const char *words; /* "NAME" */
    const char *summary;
};

/* The command by name, NULL if there is none; rows until one without a name. */
const struct command *command_find(const char *name);
extern const struct command commands[];

/* Finds the command and reads the rest by its row. SFT_EXIT_USAGE. *commandp NULL: none was named.
 */
SFT_CHECKED int command_parse(int argc, char **argv, const struct command **commandp,
                              struct args *args, struct failure *f);

void command_usage_all(void);
void command_usage(const struct command *command);

#endif
