/* SPDX-License-Identifier: PostgreSQL */
/*
 * durable.h - a transaction that records a certificate reaches the disk before it is called
 * committed.
 */
#ifndef SFTCA_DURABLE_H
#define SFTCA_DURABLE_H

void durable_init(void);
/* From now on this transaction commits durably or not at all, whatever its caller sets. */
void durable_arm(void);
/*
 * Returns when the required standbys, if any, have on disk everything that is committed here now;
 * raises not_durable when that cannot be had.
 */
void durable_wait(void);

#endif
