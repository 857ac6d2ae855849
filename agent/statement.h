/* SPDX-License-Identifier: PostgreSQL */
/*
 * statement.h - the parent's own check of what the child brings from the platform.
 */
#ifndef SFTD_STATEMENT_H
#define SFTD_STATEMENT_H

#include "agent/identity.h"
#include "agent/msg.h"

/*
 * Verifies a MSG_STATEMENT, the answer to target, with one of the pinned keys. bound: state is
 * signed for our request, public material is not. *versionp is Sft-Version. SFT_ESIGNATURE,
 * SFT_EFORMAT.
 */
SFT_CHECKED int statement_check(const struct identity *id, const struct msg *m, const char *purpose,
                                const char *target, bool bound, int64_t *versionp);

#endif
