/* SPDX-License-Identifier: PostgreSQL */
/*
 * keystore.h - where the device key lives. Today a file 0600; the seam for tokens and keyrings.
 */
#ifndef SFT_CLIENT_KEYSTORE_H
#define SFT_CLIENT_KEYSTORE_H

#include "account.h"
#include "common/key.h"

/* Loads the account's device key, or makes and stores one if there is none. */
SFT_CHECKED int key_store_make(const struct account *a, struct key **keyp, struct failure *f);
SFT_CHECKED int key_store_load(const struct account *a, struct key **keyp, struct failure *f);

#endif
