/* SPDX-License-Identifier: PostgreSQL */
/*
 * privilege.c - setgroups, setgid, setuid, and no way back.
 */
#include "gateway/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool
become(const struct passwd *account)
{
    return initgroups(account->pw_name, account->pw_gid) == 0 &&
           setresgid(account->pw_gid, account->pw_gid, account->pw_gid) == 0 &&
           setresuid(account->pw_uid, account->pw_uid, account->pw_uid) == 0 && setuid(0) != 0;
}

bool
privilege_drop(const char *user, char *message, size_t cap)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        snprintf(message, cap, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
        return false;
    }
    if (geteuid() != 0)
        return true;
    const struct passwd *account = getpwnam(user);
    if (!account || account->pw_uid == 0) {
        snprintf(message, cap, "user %s: %s", user,
                 account ? "is root" : "there is no such account");
        return false;
    }
    if (!become(account)) {
        snprintf(message, cap, "cannot become user %s: %s", user, strerror(errno));
        return false;
    }
    return true;
}

bool
privilege_limits(size_t descriptors)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;
    (void)setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return false;
    if (files.rlim_max < descriptors && geteuid() == 0)
        files.rlim_max = descriptors;
    if (files.rlim_cur < descriptors)
        files.rlim_cur = descriptors < files.rlim_max ? descriptors : files.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur >= descriptors;
}
