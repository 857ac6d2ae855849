/* SPDX-License-Identifier: PostgreSQL */
/*
 * notify.c - systemd's readiness protocol: one datagram to the socket that NOTIFY_SOCKET names.
 */
#include "agent/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

void
notify_ready(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd < 0 || sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (const void *)&to, size) != 7)
        log_warn("notify", "reason=%s", log_q("systemd cannot be told"));
    if (fd >= 0)
        close(fd);
}
