/* SPDX-License-Identifier: PostgreSQL */
/*
 * secure.h - memory of this process in which unsealed keys may lie.
 */
#ifndef SFTCA_SECURE_H
#define SFTCA_SECURE_H

/*
 * Before a key is unsealed or made: the library gets a heap for private numbers that is wiped, kept
 * out of core dumps and, as far as the limits go, out of swap; and this process leaves no core file
 * at all, because what the library derives from an RSA key while it signs is not in that heap.
 */
void secure_heap_need(void);

#endif
