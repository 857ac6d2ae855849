/* SPDX-License-Identifier: PostgreSQL */
/*
 * paths.c - where sft keeps things: XDG folders, all ours and closed to others.
 */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fsx.h"
#include "paths.h"

int
path_join(char *out, const char *dir, const char *name, struct failure *f)
{
    int n = snprintf(out, PATH_CAP, "%s/%s", dir, name);
    if (n < 0 || n >= PATH_CAP)
        return fail(f, SFT_EXIT_ERROR, NULL, "The path of %s is too long.", name);
    return 0;
}

static int
home_find(char *out, struct failure *f)
{
    const char *home = getenv("HOME");
    if (!home || home[0] != '/') {
        const struct passwd *pw = getpwuid(getuid());
        home = pw ? pw->pw_dir : NULL;
    }
    if (!home || home[0] != '/' || strlen(home) >= PATH_CAP)
        return fail(f, SFT_EXIT_ERROR, "Set HOME.", "No home folder is known.");
    memcpy(out, home, strlen(home) + 1);
    return 0;
}

/* A relative value is ignored, as the XDG specification wants. */
static int
xdg(char *out, const char *variable, const char *home, const char *otherwise, struct failure *f)
{
    char fallback[PATH_CAP];
    const char *base = getenv(variable);
    if (base && base[0] == '/')
        return path_join(out, base, "sft", f);
    int code = path_join(fallback, home, otherwise, f);
    return code ? code : path_join(out, fallback, "sft", f);
}

/* Others who may write to the folder could swap ours for theirs. */
static bool
is_runtime_dir(const char *path)
{
    struct stat st;
    return path && path[0] == '/' && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

int
paths_init(struct paths *p, struct failure *f)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    memset(p, 0, sizeof *p);
    int code = home_find(p->home, f);
    if (!code)
        code = xdg(p->config, "XDG_CONFIG_HOME", p->home, ".config", f);
    if (!code)
        code = xdg(p->state, "XDG_STATE_HOME", p->home, ".local/state", f);
    if (!code)
        code = xdg(p->cache, "XDG_CACHE_HOME", p->home, ".cache", f);
    if (code)
        return code;
    p->runtime_is_state = !is_runtime_dir(runtime);
    return p->runtime_is_state ? path_join(p->runtime, p->state, "run", f)
                               : path_join(p->runtime, runtime, "sft", f);
}

int
paths_make(const struct paths *p, struct failure *f)
{
    int code = path_private(p->state, f);
    if (!code)
        code = path_private(p->cache, f);
    return code ? code : path_private(p->runtime, f);
}

int
path_private(const char *dir, struct failure *f)
{
    int err = fsx_private_dirs(dir, 0700);
    return err ? fail_err(f, err, dir) : 0;
}

static bool
has_text(const char *path, const char *text)
{
    char *old;
    size_t len, want = strlen(text);
    if (fsx_read_secret(path, want, &old, &len) != 0)
        return false;
    bool is_same = len == want && memcmp(old, text, len) == 0;
    free(old);
    return is_same;
}

int
path_renew(const char *path, const char *text, struct failure *f)
{
    if (has_text(path, text) && utimensat(AT_FDCWD, path, NULL, 0) == 0)
        return 0;
    int err = fsx_write(path, text, strlen(text), 0600);
    return err ? fail_err(f, err, path) : 0;
}

int
path_of_program(char *out, struct failure *f)
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_CAP - 1);
    if (n <= 0 || n >= PATH_CAP - 1)
        return fail(f, SFT_EXIT_ERROR, NULL, "The path of this program is not known.");
    out[n] = '\0';
    return 0;
}

bool
path_is_quotable(const char *path)
{
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr("'\"\\%$`*?[", *c))
            return false;
    return path[0] == '/';
}
