/* SPDX-License-Identifier: PostgreSQL */
/*
 * kek_source.c - reading a key-encryption key.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "common_text.h"
#include "core/oaep.h"
#include "kek_source.h"
#include "secretfile.h"
#include "p11key.h"

static bool
is_set(const char *setting)
{
    return setting != NULL && setting[0] != '\0';
}

bool
kek_source_is_set(const struct kek_source *source)
{
    return is_set(source->file) || is_set(source->command) || is_set(source->token);
}

static bool
read_file(const struct kek_source *source, uint8_t key[WRAP_KEK_LEN], char reason[KEK_REASON_MAX])
{
    uint8_t buf[WRAP_KEK_LEN + 1];
    char what[64];
    size_t n;
    snprintf(what, sizeof what, "the file of %sfile", source->prefix);
    struct secretfile file = {what, AT_FDCWD, source->file, false};
    bool good = secretfile_read(&file, buf, sizeof buf, &n, reason);
    if (good && n != WRAP_KEK_LEN) {
        snprintf(reason, KEK_REASON_MAX, "%s does not hold exactly 32 bytes", what);
        good = false;
    }
    if (good)
        memcpy(key, buf, WRAP_KEK_LEN);
    mem_wipe(buf, sizeof buf);
    return good;
}

static bool
read_command(const struct kek_source *source, uint8_t key[WRAP_KEK_LEN],
             char reason[KEK_REASON_MAX])
{
    uint8_t buf[WRAP_KEK_LEN + 1];
    FILE *pipe = OpenPipeStream(source->command, "r");
    if (pipe == NULL) {
        snprintf(reason, KEK_REASON_MAX, "%scommand cannot be run: %s", source->prefix,
                 strerror(errno));
        return false;
    }
    setvbuf(pipe, NULL, _IONBF, 0); /* no copy of the key in a buffer that we do not wipe */
    size_t n = fread(buf, 1, sizeof buf, pipe);
    int status = ClosePipeStream(pipe);
    bool good = n == WRAP_KEK_LEN && status == 0;
    if (good)
        memcpy(key, buf, WRAP_KEK_LEN);
    else
        snprintf(reason, KEK_REASON_MAX, "%scommand %s", source->prefix,
                 status != 0 && n <= WRAP_KEK_LEN ? "failed" : "did not print exactly 32 bytes");
    mem_wipe(buf, sizeof buf);
    return good;
}

/* ---- a token ---- */

static bool
unwrap(const struct kek_source *source, uint8_t key[WRAP_KEK_LEN], char reason[KEK_REASON_MAX])
{
    uint8_t wrapped[OAEP_MAX + 1];
    char what[64];
    size_t n, len;
    snprintf(what, sizeof what, "the file of %swrapped_file", source->prefix);
    struct secretfile file = {what, AT_FDCWD, source->wrapped_file, true};
    if (!is_set(source->wrapped_file)) {
        snprintf(reason, KEK_REASON_MAX, "%stoken needs %swrapped_file", source->prefix,
                 source->prefix);
        return false;
    }
    if (!secretfile_read(&file, wrapped, sizeof wrapped, &n, reason))
        return false;
    int r = p11key_decrypt(source->token, wrapped, n, key, WRAP_KEK_LEN, &len);
    if (r == SFT_OK && len == WRAP_KEK_LEN)
        return true;
    if (r == SFT_ETOKEN || r == SFT_EFORMAT || r == SFT_ETOOLONG)
        snprintf(reason, KEK_REASON_MAX, "%stoken: %s", source->prefix, p11key_reason());
    else if (r == SFT_EMODE)
        snprintf(reason, KEK_REASON_MAX, "%stoken: the token would hand this key out",
                 source->prefix);
    else
        snprintf(reason, KEK_REASON_MAX,
                 "%s is not 32 bytes that were encrypted to the token's key by OAEP with SHA-256",
                 what);
    return false;
}

struct answer {
    bool good;
    uint8_t key[WRAP_KEK_LEN];
    char reason[KEK_REASON_MAX];
};

static void
answer_in_child(const struct kek_source *source, int fd)
{
    struct answer a = {0};
    a.good = unwrap(source, a.key, a.reason);
    ssize_t n = write(fd, &a, sizeof a); /* less than a pipe holds: all or nothing */
    mem_wipe(&a, sizeof a);
    _exit(n == (ssize_t)sizeof a ? 0 : 1);
}

/*
 * The postmaster never loads the module: its children would inherit sessions that are not theirs,
 * and the module may start threads. A child of its own asks the token and is gone.
 */
static bool
unwrap_in_child(const struct kek_source *source, uint8_t key[WRAP_KEK_LEN],
                char reason[KEK_REASON_MAX])
{
    struct answer a = {0};
    int fds[2], status = 0;
    snprintf(reason, KEK_REASON_MAX, "%stoken: the process that asks the token failed",
             source->prefix);
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    pid_t child = fork();
    if (child == 0)
        answer_in_child(source, fds[1]);
    close(fds[1]);
    ssize_t n = child < 0 ? -1 : read(fds[0], &a, sizeof a);
    close(fds[0]);
    if (child > 0)
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    bool good = n == (ssize_t)sizeof a && a.good;
    if (good)
        memcpy(key, a.key, WRAP_KEK_LEN);
    else if (n == (ssize_t)sizeof a)
        memcpy(reason, a.reason, KEK_REASON_MAX);
    mem_wipe(&a, sizeof a);
    return good;
}

bool
kek_source_read(const struct kek_source *source, uint8_t key[WRAP_KEK_LEN],
                char reason[KEK_REASON_MAX])
{
    if (is_set(source->file) + is_set(source->command) + is_set(source->token) > 1) {
        snprintf(reason, KEK_REASON_MAX, "two of %sfile, %scommand and %stoken are both set",
                 source->prefix, source->prefix, source->prefix);
        return false;
    }
    if (is_set(source->file))
        return read_file(source, key, reason);
    if (is_set(source->command))
        return read_command(source, key, reason);
    if (is_set(source->token))
        return IsUnderPostmaster ? unwrap(source, key, reason)
                                 : unwrap_in_child(source, key, reason);
    snprintf(reason, KEK_REASON_MAX, "neither %sfile nor %scommand nor %stoken is set",
             source->prefix, source->prefix, source->prefix);
    return false;
}
