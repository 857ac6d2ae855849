/* SPDX-License-Identifier: PostgreSQL */
/*
 * command.c - the table of commands and options, from which parsing and help are made.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "command.h"

#define BIT(id) (UINT64_C(1) << (id))

static const struct option_row {
    enum option_id id;
    char letter; /* 0: none */
    const char *name;
    const char *value; /* what --help calls it; NULL: a flag */
    const char *help;
    bool is_repeatable;
} options[] = {
    {OPT_HELP, 'h', "help", NULL, "Show help and stop.", false},
    {OPT_VERSION, 'v', "version", NULL, "Show the version and stop.", false},
    {OPT_CONFIG_FILE, 0, "config-file", "PATH", "Another configuration file.", false},
    {OPT_ACCOUNT, 0, "account", "NAME", "Use this enrolled account.", false},
    {OPT_TEAM, 0, "team", "NAME", "Use the account of this team.", false},
    {OPT_INSTANCE, 0, "instance", "URL", "Use the account of this instance.", false},
    {OPT_OUTPUT, 'o', "output", "FORM", "default, json or describe.", false},
    {OPT_COLUMNS, 0, "columns", "LIST", "Columns to show, with commas between.", false},
    {OPT_SELECTOR, 'l', "selector", "QUERY", "Only what fits: a=b,c!=d,e in (x,y),!f.", false},
    {OPT_PROJECT, 'p', "project", "NAME", "Only this project.", false},
    {OPT_QUIET, 'q', "quiet", NULL, "Never ask; say only what matters.", false},
    {OPT_TOKEN_FILE, 0, "token-file", "FILE", "Where the invitation is; - for standard input.",
     false},
    {OPT_PASSWORD_FILE, 0, "password-file", "FILE",
     "Where the password is (a second line: the new one); - for standard input.", false},
    {OPT_FORCE, 0, "force", NULL, "Replace an enrollment that is there.", false},
    {OPT_DEFAULT, 0, "default", NULL, "Make it the default account.", false},
    {OPT_ALL, 0, "all", NULL, "All accounts of this device.", false},
    {OPT_YES, 'y', "yes", NULL, "Do not ask whether to go on.", false},
    {OPT_VIA, 0, "via", "HOST", "Go through this host (also --bastion).", true},
    {OPT_VIA, 0, "bastion", "HOST", NULL, true},
    {OPT_COMMAND, 0, "command", "COMMAND", "Run this instead of a shell.", false},
    {OPT_LOCAL_FORWARD, 'L', "local-port-forward", "SPEC", "As ssh -L.", true},
    {OPT_REMOTE_FORWARD, 'R', "remote-port-forward", "SPEC", "As ssh -R.", true},
    {OPT_INSTALL, 0, "install", NULL, "Put the block into ~/.ssh/config, or renew it.", false},
    {OPT_REMOVE, 0, "remove", NULL, "Take the block out of ~/.ssh/config.", false},
};

#define ROWS_N (sizeof options / sizeof options[0])
#define GLOBAL                                                                                     \
    (BIT(OPT_HELP) | BIT(OPT_VERSION) | BIT(OPT_CONFIG_FILE) | BIT(OPT_ACCOUNT) | BIT(OPT_TEAM) |  \
     BIT(OPT_INSTANCE))
#define LIST (BIT(OPT_OUTPUT) | BIT(OPT_COLUMNS) | BIT(OPT_SELECTOR))

const struct command commands[] = {
    {"enroll", cmd_enroll, 0, BIT(OPT_TOKEN_FILE) | BIT(OPT_FORCE) | BIT(OPT_DEFAULT), 0, 0, "",
     "Enroll this device in a team, by an invitation."},
    {"login", cmd_login, NEED_ACCOUNT, BIT(OPT_PASSWORD_FILE), 0, 0, "",
     "Sign in: a session, bound to this device."},
    {"logout", cmd_logout, NEED_ACCOUNT, 0, 0, 0, "", "End the session."},
    {"status", cmd_status, NEED_ACCOUNT, BIT(OPT_OUTPUT), 0, 0, "",
     "Show who you are, to whom, and for how long."},
    {"whoami", cmd_status, NEED_ACCOUNT, BIT(OPT_OUTPUT), 0, 0, "", "The same as status."},
    {"list-servers", cmd_list_servers, NEED_ACCOUNT | NEED_SESSION, LIST | BIT(OPT_PROJECT), 0, 0,
     "", "List the servers of your projects."},
    {"list-projects", cmd_list_projects, NEED_ACCOUNT | NEED_SESSION, LIST, 0, 0, "",
     "List your projects."},
    {"list-accounts", cmd_list_accounts, 0, LIST, 0, 0, "",
     "List the accounts that this device is enrolled in."},
    {"use", cmd_use, 0, 0, 0, 1, "[TEAM]", "Choose the default account, or show it."},
    {"ssh", cmd_ssh, NEED_ACCOUNT,
     BIT(OPT_VIA) | BIT(OPT_COMMAND) | BIT(OPT_LOCAL_FORWARD) | BIT(OPT_REMOTE_FORWARD), 1, 1,
     "NAME", "Log in to a server."},
    {"resolve", cmd_resolve, NEED_ACCOUNT, BIT(OPT_QUIET) | BIT(OPT_OUTPUT), 1, 1, "NAME",
     "Find a server and make it ready for ssh; for Match exec."},
    {"proxycommand", cmd_proxycommand, NEED_ACCOUNT, BIT(OPT_VIA), 1, 2, "NAME [PORT]",
     "Connect standard input and output to a server's sshd."},
    {"ssh-config", cmd_ssh_config, 0, BIT(OPT_VIA) | BIT(OPT_INSTALL) | BIT(OPT_REMOVE), 0, 0, "",
     "Print the block that makes plain ssh, scp and rsync work."},
    {"known-hosts", cmd_known_hosts, NEED_ACCOUNT, 0, 1, 1, "ID",
     "Print whom to believe about a server; for KnownHostsCommand."},
    {"device-info", cmd_device_info, 0, BIT(OPT_OUTPUT), 0, 0, "",
     "Show what is told about this device."},
    {"unenroll", cmd_unenroll, 0, BIT(OPT_ALL) | BIT(OPT_YES) | BIT(OPT_FORCE), 0, 0, "",
     "Remove this device from the team."},
    {"help", cmd_help, 0, 0, 0, 1, "[COMMAND]", "Explain a command."},
    {NULL, NULL, 0, 0, 0, 0, NULL, NULL},
};

const struct command *
command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

/* getopt's tables for the options in mask; a long option's val is 256 + its row. */
static void
getopt_tables(uint64_t mask, char *letters, struct option *longs)
{
    size_t n = 0;
    *letters++ = '+'; /* stop at the first word: the command's name comes there */
    *letters++ = ':';
    for (size_t i = 0; i < ROWS_N; i++) {
        const struct option_row *row = &options[i];
        if (!(mask & BIT(row->id)))
            continue;
        longs[n++] = (struct option){row->name, row->value ? required_argument : no_argument, NULL,
                                     256 + (int)i};
        if (row->letter)
            *letters++ = row->letter;
        if (row->letter && row->value)
            *letters++ = ':';
    }
    *letters = '\0';
    longs[n] = (struct option){NULL, 0, NULL, 0};
}

static const struct option_row *
row_of(int val)
{
    if (val >= 256)
        return &options[val - 256];
    for (size_t i = 0; i < ROWS_N; i++)
        if (options[i].letter && options[i].letter == val)
            return &options[i];
    return NULL;
}

static int
take_option(struct args *args, const struct option_row *row, const char *value, struct failure *f)
{
    if (row->is_repeatable && args->repeats_n == REPEATS_MAX)
        return fail(f, SFT_EXIT_USAGE, NULL, "--%s: too many.", row->name);
    if (row->is_repeatable) {
        args->repeats[args->repeats_n].id = row->id;
        args->repeats[args->repeats_n++].value = value;
    } else if (row->value && args->value[row->id]) {
        return fail(f, SFT_EXIT_USAGE, NULL, "--%s: given twice.", row->name);
    }
    args->value[row->id] = row->value ? value : "";
    return 0;
}

/* Options up to the next word; argv[optind] is that word afterwards. */
static int
take_options(int argc, char **argv, uint64_t mask, struct args *args, struct failure *f)
{
    char letters[3 * ROWS_N];
    struct option longs[ROWS_N + 1];
    int val, at = optind;
    getopt_tables(mask, letters, longs);
    opterr = 0;
    while ((val = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const struct option_row *row = val == '?' || val == ':' ? NULL : row_of(val);
        const char *shown = at < argc ? argv[at] : "";
        if (val == ':')
            return fail(f, SFT_EXIT_USAGE, NULL, "%s: needs a value.", shown);
        if (!row)
            return fail(f, SFT_EXIT_USAGE, NULL, "%s: unknown option.", shown);
        int code = take_option(args, row, optarg, f);
        if (code)
            return code;
        at = optind;
    }
    return 0;
}

static int
take_words(int argc, char **argv, const struct command *command, struct args *args,
           struct failure *f)
{
    bool is_literal = false;
    while (optind < argc) {
        /* After "--" getopt must not look again: what follows are words even with a dash. */
        is_literal = is_literal || strcmp(argv[optind - 1], "--") == 0;
        if (args->words_n == command->words_max)
            return fail(f, SFT_EXIT_USAGE, NULL, "%s: too many words: %s", command->name,
                        argv[optind]);
        args->words[args->words_n++] = argv[optind++];
        int code = is_literal ? 0 : take_options(argc, argv, GLOBAL | command->options, args, f);
        if (code)
            return code;
    }
    if (args->words_n < command->words_min && !args->value[OPT_HELP] && !args->value[OPT_VERSION])
        return fail(f, SFT_EXIT_USAGE, NULL, "%s: say which: %s", command->name, command->words);
    return 0;
}

int
command_parse(int argc, char **argv, const struct command **commandp, struct args *args,
              struct failure *f)
{
    memset(args, 0, sizeof *args);
    *commandp = NULL;
    optind = 1;
    int code = take_options(argc, argv, GLOBAL, args, f);
    if (code || optind >= argc)
        return code;
    const struct command *command = command_find(argv[optind]);
    if (!command)
        return fail(f, SFT_EXIT_USAGE, NULL, "%s: unknown command.", argv[optind]);
    *commandp = command;
    optind++;
    code = take_options(argc, argv, GLOBAL | command->options, args, f);
    return code ? code : take_words(argc, argv, command, args, f);
}

static void
put_options(uint64_t mask)
{
    char text[64];
    for (size_t i = 0; i < ROWS_N; i++) {
        const struct option_row *row = &options[i];
        if (!(mask & BIT(row->id)) || !row->help)
            continue;
        (void)snprintf(text, sizeof text, "%c%c%s --%s%s%s", row->letter ? '-' : ' ',
                       row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
                       row->value ? " " : "", row->value ? row->value : "");
        printf("  %-30s %s\n", text, row->help);
    }
}

void
command_usage(const struct command *command)
{
    printf("usage: sft %s%s%s%s\n\n%s\n", command->name, command->options ? " [options]" : "",
           *command->words ? " " : "", command->words, command->summary);
    if (command->options)
        printf("\noptions:\n");
    put_options(command->options);
    printf("\noptions of every command:\n");
    put_options(GLOBAL);
}

void
command_usage_all(void)
{
    printf("usage: sft [options] COMMAND [options] [words]\n\ncommands:\n");
    for (const struct command *c = commands; c->name; c++)
        printf("  %-16s %s\n", c->name, c->summary);
    printf("\noptions of every command:\n");
    put_options(GLOBAL);
    printf("\nkeys of sft.conf (key = value):\n");
    settings_describe();
    printf("\nexit codes: 0 done, 1 failed, 2 usage, 3 not enrolled, 4 sign in first, 5 denied,\n"
           "6 not found or ambiguous, 7 platform not reachable, 8 sft too old, 130 interrupted;\n"
           "sft ssh: what ssh says.\n");
}
