/* SPDX-License-Identifier: PostgreSQL */
/*
 * fail.c - how a command of sft fails: an exit code, one sentence, and what to do next.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "show.h"

int
fail(struct failure *f, enum sft_exit code, const char *next, const char *fmt, ...)
{
    char raw[sizeof f->text];
    va_list ap;

    memset(f, 0, sizeof *f);
    f->code = code;
    va_start(ap, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    show_clean(f->text, sizeof f->text, raw);
    show_clean(f->next, sizeof f->next, next ? next : "");
    return code;
}

int
fail_err(struct failure *f, int err, const char *subject)
{
    int saved = errno;
    if (err == SFT_ESYSTEM)
        return fail(f, SFT_EXIT_ERROR, NULL, "%s: %s.", subject, strerror(saved));
    if (err == SFT_EMODE)
        return fail(f, SFT_EXIT_ERROR,
                    "Make it yours and closed to others (chmod go=), or remove it.", "%s: %s.",
                    subject, sft_strerror(err));
    return fail(f, SFT_EXIT_ERROR, NULL, "%s: %s.", subject, sft_strerror(err));
}
