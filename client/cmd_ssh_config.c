/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_ssh_config.c - `sft ssh-config`: the block that makes plain ssh, scp and rsync work.
 *
 * Match exec runs `sft resolve`, which writes hosts/<name>.conf; the Include below it is evaluated
 * after that, in the same pass (tried with OpenSSH 9.2). The path of sft stands in single quotes
 * for the shell that ssh runs, inside double quotes for ssh_config; a path that could break out of
 * either is refused. Outside our two marks no byte of the user's file is touched.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "common/fsx.h"
#include "common/names.h"

#define FILE_MAX (1024 * 1024)
#define BLOCK_MAX 8192
#define MARK_BEGIN "# sft: begin (sft ssh-config; changes inside are lost)\n"
#define MARK_END "# sft: end\n"
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@-"

static int
add_choice(struct ctx *ctx, char *out, const char *name, enum option_id id)
{
    const char *value = ctx->args.value[id];
    size_t len = strlen(out);
    if (!value)
        return 0;
    bool is_path = id == OPT_CONFIG_FILE;
    if (is_path ? !path_is_quotable(value) : strspn(value, PLAIN) != strlen(value) || !*value)
        return fail(&ctx->failure, SFT_EXIT_USAGE, "Use a plain name or absolute path.",
                    "--%s %s: cannot stand in ssh_config.", name, value);
    int n = snprintf(out + len, PATH_CAP - len, " --%s '%s'", name, value);
    return n > 0 && (size_t)n < PATH_CAP - len
               ? 0
               : fail(&ctx->failure, SFT_EXIT_USAGE, NULL, "--%s: too long.", name);
}

static int
choices(struct ctx *ctx, char *out)
{
    out[0] = '\0';
    int code = add_choice(ctx, out, "config-file", OPT_CONFIG_FILE);
    if (!code)
        code = add_choice(ctx, out, "account", OPT_ACCOUNT);
    if (!code)
        code = add_choice(ctx, out, "team", OPT_TEAM);
    if (!code)
        code = add_choice(ctx, out, "instance", OPT_INSTANCE);
    return code;
}

static int
block_make(struct ctx *ctx, char out[BLOCK_MAX])
{
    char program[PATH_CAP], hosts[PATH_CAP], choice[PATH_CAP];
    struct failure *f = &ctx->failure;
    int code = path_of_program(program, f);
    if (!code)
        code = path_join(hosts, ctx->paths.state, "hosts", f);
    if (!code)
        code = choices(ctx, choice);
    if (code)
        return code;
    if (!path_is_quotable(program) || !path_is_quotable(hosts))
        return fail(f, SFT_EXIT_ERROR, "Move it, or set XDG_STATE_HOME to a plain path.",
                    "%s: ssh_config cannot name this path.",
                    path_is_quotable(program) ? hosts : program);
    (void)snprintf(out, BLOCK_MAX,
                   MARK_BEGIN "Match exec \"'%s'%s resolve -q -- '%%n'\"\n"
                              "    Include \"%s/*.conf\"\n"
                              "Match all\n" MARK_END,
                   program, choice, hosts);
    return 0;
}

/* The user's file: what a link at ~/.ssh/config points to is rewritten, not the link. */
struct target_file {
    char path[PATH_CAP];
    mode_t mode;
    char *text;
    size_t len;
};

static int
file_load(struct ctx *ctx, struct target_file *file)
{
    char dir[PATH_CAP], link[PATH_CAP];
    struct failure *f = &ctx->failure;
    struct stat st;
    file->mode = 0600;
    file->text = NULL;
    file->len = 0;
    int code = path_join(dir, ctx->paths.home, ".ssh", f);
    if (!code)
        code = path_join(link, dir, "config", f);
    if (code)
        return code;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail_err(f, SFT_ESYSTEM, dir);
    char *real = realpath(link, NULL);
    if (!real && errno != ENOENT)
        return fail_err(f, SFT_ESYSTEM, link);
    (void)snprintf(file->path, sizeof file->path, "%s", real ? real : link);
    bool is_there = real != NULL;
    free(real);
    if (!is_there)
        return lstat(link, &st) == 0 ? fail(f, SFT_EXIT_ERROR, NULL, "%s: a dangling link.", link)
                                     : 0;
    if (stat(file->path, &st) != 0)
        return fail_err(f, SFT_ESYSTEM, file->path);
    if (st.st_uid != geteuid() || access(file->path, W_OK) != 0)
        return fail(f, SFT_EXIT_ERROR, "Put the printed block into it yourself: sft ssh-config",
                    "%s: may not be written.", file->path);
    file->mode = st.st_mode & 0777;
    int err = fsx_read(file->path, FILE_MAX, &file->text, &file->len);
    if (!err && strlen(file->text) != file->len) {
        free(file->text);
        file->text = NULL;
        err = SFT_EFORMAT;
    }
    return err ? fail_err(f, err, file->path) : 0;
}

/* Where our block is in text, or where it would go: at the top, before anything can override it. */
static int
block_find(const char *text, size_t *fromp, size_t *top)
{
    const char *begin = strstr(text, MARK_BEGIN);
    *fromp = *top = 0;
    if (!begin)
        return strstr(text, MARK_END) ? SFT_EFORMAT : SFT_ENOTFOUND;
    const char *end = strstr(begin, MARK_END);
    if (!end || strstr(begin + 1, MARK_BEGIN) || (begin != text && begin[-1] != '\n'))
        return SFT_EFORMAT;
    *fromp = (size_t)(begin - text);
    *top = (size_t)(end - text) + strlen(MARK_END);
    return 0;
}

static int
file_replace(struct ctx *ctx, struct target_file *file, const char *block)
{
    const char *text = file->text ? file->text : "";
    struct failure *f = &ctx->failure;
    size_t from, to, block_len = strlen(block);
    int found = block_find(text, &from, &to);
    if (found == SFT_EFORMAT)
        return fail(f, SFT_EXIT_ERROR, "Remove the broken lines from it.",
                    "%s: the marks of sft's block are not whole.", file->path);
    bool is_same = from + block_len == to && strncmp(text + from, block, block_len) == 0;
    if ((!found && is_same) || (found && !block_len)) {
        printf("%s: nothing to change.\n", file->path);
        return 0;
    }
    char *new_text = malloc(file->len + block_len + 2);
    if (!new_text)
        return fail_err(f, SFT_ENOMEM, file->path);
    int n = snprintf(new_text, file->len + block_len + 2, "%.*s%s%s", (int)from, text, block,
                     text + to);
    int err = fsx_write(file->path, new_text, (size_t)n, file->mode);
    free(new_text);
    if (err)
        return fail_err(f, err, file->path);
    printf("%s: %s.\n", file->path, block_len ? "block written" : "block removed");
    return 0;
}

static int
file_change(struct ctx *ctx, const char *block)
{
    char lock_path[PATH_CAP];
    struct target_file file;
    struct failure *f = &ctx->failure;
    int code = path_private(ctx->paths.state, f);
    if (!code)
        code = path_join(lock_path, ctx->paths.state, "ssh-config.lock", f);
    if (code)
        return code;
    int lock = fsx_lock(lock_path, true);
    if (lock < 0)
        return fail_err(f, lock, lock_path);
    code = file_load(ctx, &file);
    if (!code)
        code = file_replace(ctx, &file, block);
    free(file.text);
    close(lock);
    return code;
}

int
cmd_ssh_config(struct ctx *ctx)
{
    char block[BLOCK_MAX];
    const struct args *args = &ctx->args;
    if (args->value[OPT_VIA])
        return fail(&ctx->failure, SFT_EXIT_USAGE, NULL,
                    "--via is not supported yet: this sft does not go through bastions.");
    if (args->value[OPT_INSTALL] && args->value[OPT_REMOVE])
        return fail(&ctx->failure, SFT_EXIT_USAGE, NULL,
                    "--install and --remove exclude each other.");
    if (args->value[OPT_REMOVE])
        return file_change(ctx, "");
    int code = block_make(ctx, block);
    if (!code && args->value[OPT_INSTALL])
        return file_change(ctx, block);
    if (!code)
        printf("# Add this to the top of ~/.ssh/config (sft ssh-config --install does)\n%s", block);
    return code;
}
