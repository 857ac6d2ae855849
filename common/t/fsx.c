/* SPDX-License-Identifier: PostgreSQL */
/*
 * fsx.c - files appear whole, with mode and owner, or not at all; links, pipes and wide modes are
 * refused.
 */
#include "common/fsx.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tap.h"

static char dir[] = "/tmp/sft-fsx-XXXXXX";

static const char *
in_dir(const char *name)
{
    static char path[4][200];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static unsigned
mode_of(const char *name)
{
    struct stat st;
    return lstat(in_dir(name), &st) == 0 ? st.st_mode & 07777 : 0xffff;
}

static int
files_count(void)
{
    DIR *d = opendir(dir);
    int n = -2; /* . and .. */
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static bool
holds(const char *name, const char *want)
{
    char *text;
    size_t len;
    if (fsx_read(in_dir(name), 1000, &text, &len) != 0)
        return false;
    bool same = len == strlen(want) && strcmp(text, want) == 0;
    free(text);
    return same;
}

static void
writing(void)
{
    umask(077);
    is_int(fsx_write(in_dir("a"), "one", 3, 0644), 0, "a file is written");
    ok(holds("a", "one"), "with its bytes");
    is_int(mode_of("a"), 0644, "and its mode, whatever umask says");
    is_int(fsx_write(in_dir("a"), "two!", 4, 0600), 0, "and replaced");
    ok(holds("a", "two!"), "with others");
    is_int(mode_of("a"), 0600, "and another mode");
    is_int(fsx_write(in_dir("b"), "", 0, 0600), 0, "an empty file");
    ok(holds("b", ""), "is empty");
    is_int(files_count(), 2, "nothing temporary is left");
    is_int(fsx_write(in_dir("no/where"), "x", 1, 0600), SFT_ESYSTEM, "no folder");
    is_int(errno, ENOENT, "errno says so");
    is_int(fsx_write(in_dir(""), "x", 1, 0600), SFT_ENAME, "no name");
    if (geteuid() == 0) {
        struct stat st;
        is_int(fsx_write_as(in_dir("c"), "x", 1, 0640, 65534, 65534), 0, "for somebody else");
        ok(stat(in_dir("c"), &st) == 0 && st.st_uid == 65534 && st.st_gid == 65534, "whose it is");
        is_int(fsx_remove(in_dir("c")), 0, "and gone");
    }
}

static void
links(void)
{
    ok(symlink("a", in_dir("link")) == 0, "a link");
    is_int(fsx_write(in_dir("link"), "new", 3, 0600), 0, "is replaced");
    ok(holds("a", "two!"), "what it pointed to is as before");
    struct stat st;
    ok(lstat(in_dir("link"), &st) == 0 && S_ISREG(st.st_mode), "and it is a file");
    is_int(fsx_remove(in_dir("link")), 0, "removed");
    is_int(fsx_remove(in_dir("link")), 0, "what is not there is removed, too");
    is_int(fsx_remove(in_dir("no/where")), 0, "also where no folder is");
    ok(symlink("/nowhere/lock", in_dir("locklink")) == 0, "a link in place of a lock");
    ok(fsx_lock(in_dir("locklink"), false) < 0, "is refused");
    unlink(in_dir("locklink"));
}

/* The disk is full: the old file stays, nothing half is left. */
static void
full(void)
{
    struct rlimit was, none = {2, 0};
    char big[100] = "";
    getrlimit(RLIMIT_FSIZE, &was);
    none.rlim_max = was.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &none);
    is_int(fsx_write(in_dir("a"), big, sizeof big, 0600), SFT_ESYSTEM, "a write that fails midway");
    setrlimit(RLIMIT_FSIZE, &was);
    ok(holds("a", "two!"), "leaves the old file");
    is_int(files_count(), 2, "and nothing temporary");
}

static void
reading(void)
{
    char *text;
    size_t len;
    is_int(fsx_read(in_dir("none"), 10, &text, &len), SFT_ENOTFOUND, "a missing file");
    ok(text == NULL && len == 0, "gives nothing");
    is_int(fsx_read(in_dir("a"), 3, &text, &len), SFT_ETOOLONG, "a file beyond its bound");
    is_int(fsx_read(in_dir("a"), 4, &text, &len), 0, "one at its bound");
    free(text);
    is_int(fsx_read(dir, 10, &text, &len), SFT_EMODE, "a folder");
    ok(mkfifo(in_dir("pipe"), 0600) == 0, "a pipe");
    is_int(fsx_read(in_dir("pipe"), 10, &text, &len), SFT_EMODE, "does not hang us");
    unlink(in_dir("pipe"));
    is_int(fsx_read("/proc/version", 4096, &text, &len), 0, "a file whose size is not told");
    ok(len > 10, "has its bytes");
    free(text);
    is_int(fsx_read_secret(in_dir("a"), 10, &text, NULL), 0, "a secret");
    free(text);
    chmod(in_dir("a"), 0640);
    is_int(fsx_read_secret(in_dir("a"), 10, &text, NULL), SFT_EMODE, "that the group can read");
    chmod(in_dir("a"), 0604);
    is_int(fsx_read_secret(in_dir("a"), 10, &text, NULL), SFT_EMODE, "or others");
}

static void
folders(void)
{
    umask(0);
    is_int(fsx_private_dirs(in_dir("d/e/f"), 0700), 0, "folders are made");
    is_int(mode_of("d/e/f"), 0700, "the last one private");
    is_int(mode_of("d/e"), 0755, "the others open");
    is_int(fsx_private_dirs(in_dir("d/e/f/"), 0700), 0, "again");
    is_int(fsx_private_dir(in_dir("d/e/f"), 0711), 0, "narrower than allowed is fine");
    chmod(in_dir("d/e/f"), 0770);
    is_int(fsx_private_dir(in_dir("d/e/f"), 0700), SFT_EMODE, "wider is not");
    is_int(fsx_private_dir(in_dir("a"), 0700), SFT_EMODE, "a file is no folder");
    ok(symlink("d", in_dir("dlink")) == 0, "a link to a folder");
    is_int(fsx_private_dir(in_dir("dlink"), 0755), SFT_EMODE, "is none either");
}

static void
locks(void)
{
    int fd = fsx_lock(in_dir("lock"), false);
    ok(fd >= 0, "a lock");
    is_int(mode_of("lock"), 0600, "is private");
    int second = fsx_lock(in_dir("lock"), false);
    ok(second < 0 && errno == EWOULDBLOCK, "a second holder is told");
    close(fd);
    fd = fsx_lock(in_dir("lock"), true);
    ok(fd >= 0, "free again");
    close(fd);
}

int
main(void)
{
    char clear[80];
    if (!mkdtemp(dir))
        return 1;
    writing();
    links();
    full();
    reading();
    folders();
    locks();
    snprintf(clear, sizeof clear, "rm -rf '%s'", dir);
    is_int(system(clear), 0, "cleared");
    return done_testing();
}
