/* SPDX-License-Identifier: PostgreSQL */
/*
 * enroll.h - becoming a server of a project, by a token; and keeping up with the instance.
 */
#ifndef SFTD_ENROLL_H
#define SFTD_ENROLL_H

#include "agent/agent.h"

/*
 * Reads the token file, pins the platform, asks to be enrolled, saves, deletes the token file.
 * SFT_ENOTFOUND: there is no token. May be repeated after any failure.
 */
SFT_CHECKED int enroll(struct agent *a, struct link_failure *failure);
/*
 * The same for a server that has an identity: under another id and key. Only when that has worked
 * the old identity goes, with the state that was for it.
 */
SFT_CHECKED int enroll_again(struct agent *a, struct link_failure *failure);
/* Waits until something happens in the token file's folder; SFT_ESYSTEM with EINTR to stop. */
SFT_CHECKED int enroll_wait_for_token(const struct agent *a);
/* Reads /v1/instance and takes what the pinned key vouches for: TLS authority, next keys. */
SFT_CHECKED int enroll_refresh(struct agent *a, struct link_failure *failure);
/* Tells the child whom to speak to, as a->id says; trusting: to nobody's TLS authority yet. */
SFT_CHECKED int enroll_introduce(struct agent *a);

#endif
