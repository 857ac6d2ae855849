/* SPDX-License-Identifier: PostgreSQL */
/*
 * instance.h - what the instance says about itself: statement keys and TLS authority to pin.
 */
#ifndef SFT_CLIENT_INSTANCE_H
#define SFT_CLIENT_INSTANCE_H

#include "common/token.h"
#include "platform.h"

/*
 * For enrollment: reads the instance of a->url over TLS that is not verified, takes the statement
 * key that the token names, verifies the answer by it, and pins what it says in a.
 */
SFT_CHECKED int instance_pin(struct account *a, const struct token *t, const struct settings *s,
                             struct failure *f);
/*
 * Takes over what a pinned key says now (a next key, a renewed TLS authority) and saves the account
 * if it changed. A TLS peer that is not trusted any more is asked all the same: the statement
 * decides.
 */
SFT_CHECKED int instance_renew(struct account *a, const struct settings *s, struct failure *f);

#endif
