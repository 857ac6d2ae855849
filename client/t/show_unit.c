/* SPDX-License-Identifier: PostgreSQL */
/*
 * show_unit.c - text that others wrote, made safe for a terminal.
 */
#include "common/tap.h"
#include "../show.h"

static void
cleaned(const char *in, const char *want, const char *what)
{
    char out[64];
    show_clean(out, sizeof out, in);
    is_str(out, want, what);
}

int
main(void)
{
    char out[8];
    cleaned("plain", "plain", "plain text stays");
    cleaned("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x98",
            "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x98", "so does UTF-8");
    cleaned("a\033[31mb", "a?[31mb", "escape");
    cleaned("a\r\n\t\b\a\x7f", "a??????", "control characters");
    cleaned("\xc2\x9b"
            "31m",
            "?31m", "C1 in UTF-8");
    cleaned("\x9b"
            "31m",
            "?31m", "C1 as a byte");
    cleaned("\xe2\x80\xae"
            "x\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c",
            "?x???", "what reorders text");
    cleaned("\xe2\x80\xa8\xe2\x80\x8b\xef\xbb\xbf", "???", "separators and invisible characters");
    cleaned("\xf3\xa0\x81\x81", "?", "tags");
    cleaned("\xc0\xaf \xed\xa0\x80 \xf5\x80\x80\x80 \xe2\x82", "?? ??? ???? ??",
            "what is no UTF-8: overlong, surrogate, beyond, cut");
    show_clean(out, sizeof out, "1234567890");
    is_str(out, "1234567", "cut to its place");
    show_clean(out, sizeof out, "123456\xc3\xbc");
    is_str(out, "123456", "never within a character");
    show_clean(out, 1, "x");
    is_str(out, "", "a place of one byte");
    return done_testing();
}
