/* SPDX-License-Identifier: PostgreSQL */
/*
 * render.h - the texts of the files that sftd writes; pure. Every name in them has been validated.
 */
#ifndef SFTD_RENDER_H
#define SFTD_RENDER_H

#include "agent/actual.h"
#include "agent/plan.h"
#include "agent/state.h"

#define SUDOERS_HEAD "# Managed by sftd; changes are overwritten.\n"

/* Each makes a malloc'd blob; SFT_ENOMEM. */
SFT_CHECKED int render_trust(struct blob *out, const struct state *s);
SFT_CHECKED int render_principals(struct blob *out, const struct wanted_user *u);
/* admins: users that may have sudo, n of them; no file (p NULL) when there are none. */
SFT_CHECKED int render_sudoers(struct blob *out, const struct wanted_user *const *admins, size_t n);
SFT_CHECKED int render_dropin(struct blob *out, const struct plan_limits *limits,
                              const struct actual *actual);

#endif
