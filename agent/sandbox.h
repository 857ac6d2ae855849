/* SPDX-License-Identifier: PostgreSQL */
/*
 * sandbox.h - the system calls that the child may not make.
 */
#ifndef SFTD_SANDBOX_H
#define SFTD_SANDBOX_H

#include "common/err.h"

SFT_CHECKED int sandbox_enter(void);

#endif
