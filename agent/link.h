/* SPDX-License-Identifier: PostgreSQL */
/*
 * link.h - the parent's end of its child: start it without any right, ask it, end it.
 *
 * One question is open at a time, and only the answers that fit it are taken; a child that says
 * anything else is killed.
 */
#ifndef SFTD_LINK_H
#define SFTD_LINK_H

#include <sys/types.h>

#include "agent/conf.h"
#include "agent/msg.h"

struct link {
    int fd; /* -1: no child */
    pid_t pid;
};

/* What a failed question came from: the child's own words. */
struct link_failure {
    unsigned status; /* HTTP status of the platform's error, or 0 */
    int64_t retry_after;
    char error[65], text[401];
};

SFT_CHECKED int link_start(struct link *link, const struct conf *conf);
void link_stop(struct link *link);
/* Tells the child something that has no answer (MSG_PEER). */
SFT_CHECKED int link_tell(struct link *link, const struct msg *m);
/*
 * Asks and waits. 0 with answer (free with msg_free); SFT_E… of the child with failure filled;
 * after SFT_ENOTFOUND or SFT_EFORMAT the child is gone and has to be started again.
 */
SFT_CHECKED int link_ask(struct link *link, const struct msg *question, struct msg *answer,
                         struct link_failure *failure);

#endif
