/* SPDX-License-Identifier: PostgreSQL */
/*
 * roster.c - the names of the user's servers, kept so that `ssh` to any other host is not slowed.
 *
 * The file is one lower-case name per line, a newline first; its time is when it was last
 * confirmed.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/fsx.h"
#include "common/json.h"
#include "common/names.h"
#include "roster.h"

#define FILE_MAX (32 * 1024 * 1024)
#define NAME_LEN_MAX 253
#define ALT_NAMES_MAX 1000

/* "\nname\n" in lower case and without ".local"; 0 when it does not fit. */
static size_t
line_of(const char *name, char out[NAME_LEN_MAX + 3])
{
    size_t len = strlen(name);
    if (len > 6 && strcasecmp(name + len - 6, ".local") == 0)
        len -= 6;
    if (len == 0 || len > NAME_LEN_MAX)
        return 0;
    out[0] = '\n';
    for (size_t i = 0; i < len; i++)
        out[i + 1] = (char)tolower((unsigned char)name[i]);
    memcpy(out + len + 1, "\n", 2);
    return len + 2;
}

enum roster_answer
roster_ask(const struct account *a, const char *name, int64_t lifetime_s)
{
    char path[PATH_CAP], line[NAME_LEN_MAX + 3], *text;
    struct failure ignored;
    struct stat st;
    size_t len, line_len = line_of(name, line);
    if (line_len == 0)
        return ROSTER_NO;
    if (path_join(path, a->cache, "names", &ignored) != 0 || stat(path, &st) != 0 ||
        fsx_read_secret(path, FILE_MAX, &text, &len) != 0)
        return ROSTER_STALE;
    bool is_there = memmem(text, len, line, line_len) != NULL;
    free(text);
    int64_t age = (int64_t)time(NULL) - (int64_t)st.st_mtim.tv_sec;
    if (is_there)
        return ROSTER_YES;
    return age >= 0 && age < lifetime_s ? ROSTER_NO : ROSTER_STALE;
}

static void
put_name(FILE *out, struct json_object *name)
{
    char line[NAME_LEN_MAX + 3];
    const char *s = json_object_is_type(name, json_type_string) ? json_object_get_string(name) : "";
    if (name_is_host(s) && line_of(s, line))
        (void)fputs(line + 1, out);
}

static void
put_server(FILE *out, struct json_object *server)
{
    static const char *const members[] = {"id", "hostname", "canonical_name", "access_address"};
    struct json_object *alt_names;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        put_name(out, json_object_object_get(server, members[i]));
    if (json_arr(server, "alt_names", ALT_NAMES_MAX, &alt_names) != 0)
        return;
    for (size_t i = 0; i < json_object_array_length(alt_names); i++)
        put_name(out, json_object_array_get_idx(alt_names, i));
}

int
roster_save(const struct account *a, struct json_object *servers, struct failure *f)
{
    char path[PATH_CAP], *text = NULL;
    size_t len = 0;
    int code = path_private(a->cache, f);
    if (!code)
        code = path_join(path, a->cache, "names", f);
    if (code)
        return code;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return fail_err(f, SFT_ENOMEM, path);
    (void)fputc('\n', out);
    for (size_t i = 0; i < json_object_array_length(servers); i++)
        put_server(out, json_object_array_get_idx(servers, i));
    int err = fclose(out) == 0 ? fsx_write(path, text, len, 0600) : SFT_ENOMEM;
    free(text);
    return err ? fail_err(f, err, path) : 0;
}

void
roster_postpone(const struct account *a)
{
    char path[PATH_CAP];
    struct failure ignored;
    if (path_private(a->cache, &ignored) != 0 || path_join(path, a->cache, "names", &ignored) != 0)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return;
    (void)futimens(fd, NULL);
    close(fd);
}
