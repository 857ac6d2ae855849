/* SPDX-License-Identifier: PostgreSQL */
/*
 * sshopts.c - the options that make OpenSSH log in with our key and certificate.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/names.h"
#include "sshopts.h"

#define FILE_MAX 32768
#define OLD_S (7 * 86400)

__attribute__((format(printf, 3, 4))) static void
add(struct sshopts *o, const char *name, const char *fmt, ...)
{
    va_list ap;
    if (o->n == SSHOPTS_N)
        return;
    va_start(ap, fmt);
    int len = vsnprintf(o->rows[o->n].value, SSHOPT_VALUE_MAX, fmt, ap);
    va_end(ap);
    o->rows[o->n].name = len > 0 && len < SSHOPT_VALUE_MAX ? name : NULL;
    o->n++;
}

static void
add_files(struct sshopts *o, const struct sshopts_from *from)
{
    add(o, "IdentityFile", "\"%s\"", from->key_path);
    add(o, "CertificateFile", "\"%s\"", from->certificate_path);
    add(o, "IdentitiesOnly", "yes");
}

/* "IdentitiesOnly no": an agent's key without a file of its own is offered only then. */
static void
add_agent(struct sshopts *o, const struct sshopts_from *from)
{
    add(o, "IdentityAgent", "\"%s\"", from->agent_path);
    add(o, "IdentityFile", "none");
    add(o, "CertificateFile", "none");
    add(o, "IdentitiesOnly", "no");
    add(o, "ForwardAgent", "no"); /* it would be this agent, which is for this login only */
}

int
sshopts_make(struct sshopts *o, const struct sshopts_from *from, struct failure *f)
{
    memset(o, 0, sizeof *o);
    /* All of these were checked when they came in; this is the last gate before ssh reads them. */
    if (!name_is_host(from->address) || !name_is_server_user(from->user))
        return fail(f, SFT_EXIT_ERROR, NULL, "%s: bad address or user.", from->alias);
    const char *const paths[] = {from->key_path, from->certificate_path, from->agent_path};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (paths[i] && !path_is_quotable(paths[i]))
            return fail(f, SFT_EXIT_ERROR, "Set XDG_RUNTIME_DIR to a plain path.",
                        "%s: ssh_config cannot name this path.", paths[i]);
    add(o, "HostName", "%s", from->address);
    add(o, "Port", "%d", from->port);
    add(o, "User", "%s", from->user);
    add(o, "HostKeyAlias", "%s", from->alias);
    if (from->agent_path)
        add_agent(o, from);
    else
        add_files(o, from);
    add(o, "KnownHostsCommand", "%s known-hosts %%H", from->self);
    add(o, "UserKnownHostsFile", "none");
    add(o, "GlobalKnownHostsFile", "none");
    add(o, "StrictHostKeyChecking", "yes");
    add(o, "UpdateHostKeys", "no");
    add(o, "CheckHostIP", "no");
    for (size_t i = 0; i < o->n; i++)
        if (!o->rows[i].name)
            return fail_err(f, SFT_ETOOLONG, "ssh options");
    return 0;
}

static int
render(const struct sshopts *o, const char *name, char text[FILE_MAX])
{
    int at = snprintf(text, FILE_MAX, "# written by sft; changes are lost\nHost %s\n", name);
    for (size_t i = 0; i < o->n && at > 0 && at < FILE_MAX; i++)
        at += snprintf(text + at, (size_t)(FILE_MAX - at), "    %s %s\n", o->rows[i].name,
                       o->rows[i].value);
    return at > 0 && at < FILE_MAX ? 0 : SFT_ETOOLONG;
}

/* Names not used for a week: ssh reads all files here each time. */
static void
sweep(const char *dir_path)
{
    DIR *dir = opendir(dir_path);
    struct stat st;
    time_t now = time(NULL);
    if (!dir)
        return;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        if (e->d_name[0] != '.' && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && now - st.st_mtim.tv_sec > OLD_S)
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    closedir(dir);
}

int
sshopts_write(const struct sshopts *o, const struct paths *paths, const char *name,
              struct failure *f)
{
    char dir[PATH_CAP], path[PATH_CAP], file[300], text[FILE_MAX];
    (void)snprintf(file, sizeof file, "%s.conf", name);
    int code = path_join(dir, paths->state, "hosts", f);
    if (!code)
        code = path_private(dir, f);
    if (!code)
        code = path_join(path, dir, file, f);
    if (code)
        return code;
    int err = name_is_host(name) ? render(o, name, text) : SFT_ENAME;
    if (err)
        return fail_err(f, err, path);
    if (access(path, F_OK) != 0)
        sweep(dir); /* a new name: time to drop old ones */
    return path_renew(path, text, f);
}
