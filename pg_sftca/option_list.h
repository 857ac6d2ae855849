/* SPDX-License-Identifier: PostgreSQL */
/*
 * option_list.h - certificate options as they come in (jsonb), go into the certificate, and stand
 * in the record (text[] of "name" or "name=value").
 */
#ifndef SFTCA_OPTION_LIST_H
#define SFTCA_OPTION_LIST_H

#include "common/sshcert.h"
#include "core/option.h"
#include "core/sshwrite.h"

struct option_list {
    size_t n;
    struct sshwrite_option items[SSHCERT_OPTIONS_MAX]; /* sorted by name */
};

/* From a jsonb object name -> text. Raises option_invalid, naming the option and the rule. */
void option_list_read(struct option_list *list, Datum jsonb, enum option_kind kind);
/* As a text[] datum. */
Datum option_list_array(const struct option_list *list);

#endif
