/* SPDX-License-Identifier: PostgreSQL */
/*
 * conf.c - what a "key = value" file may and may not say.
 */
#include "common/conf.h"
#include "common/tap.h"

#include <stdlib.h>

static char *name;
static int64_t count;
static bool flag;

static const struct conf_key keys[] = {
    {"name", CONF_TEXT, &name, 0, 20, "A name."},
    {"count", CONF_INT, &count, 1, 10, "A count."},
    {"flag", CONF_BOOL, &flag, 0, 0, "A flag."},
    {NULL, CONF_TEXT, NULL, 0, 0, NULL},
};

static void
good_file(void)
{
    char message[200];
    is_int(conf_parse("# a comment\r\n\n  name =  host=/run dbname=x \n\tcount=7\nflag = YES", keys,
                      message, sizeof(message)),
           0, "comments, blank lines, CRLF and a missing last newline are fine");
    is_str(name, "host=/run dbname=x", "a value keeps its equals signs and loses outer space");
    is_int(count, 7, "a number");
    ok(flag, "a flag");
    is_int(conf_parse("name=# no comment here\nflag=off", keys, message, sizeof(message)), 0,
           "a second file overrides");
    is_str(name, "# no comment here", "a # inside a value is a value");
    ok(!flag, "a flag is turned off");
    is_int(conf_parse("", keys, message, sizeof(message)), 0, "an empty file is fine");
}

static void
bad_lines(void)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"lisen = 1", "line 1: unknown key \"lisen\""},
        {"Name = x", "line 1: unknown key \"Name\""},
        {"\nname", "line 2: expected \"key = value\""},
        {"= x", "line 1: unknown key \"\""},
        {"name =", "line 1: name has no value"},
        {"name = 123456789012345678901", "line 1: name is longer than 20 characters"},
        {"name = a\x01", "line 1: control character 0x01"},
        {"name = a\x7f", "line 1: control character 0x7f"},
        {"name = a\nname = b", "line 2: name was already given on line 1"},
        {"count = 0", "line 1: count must be between 1 and 10"},
        {"count = 11", "line 1: count must be between 1 and 10"},
        {"count = 99999999999999999999", "line 1: count must be between 1 and 10"},
        {"count = 0x5", "line 1: count must be a whole number"},
        {"count = 5 5", "line 1: count must be a whole number"},
        {"count =", "line 1: count must be a whole number"},
        {"count = -", "line 1: count must be a whole number"},
        {"flag = 2", "line 1: flag must be yes or no"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char message[200];
        is_int(conf_parse(rows[i].text, keys, message, sizeof(message)), SFT_EFORMAT, "a bad line");
        is_str(message, rows[i].message, "names line and rule");
    }
    char tiny[8];
    is_int(conf_parse("lisen = 1", keys, tiny, sizeof(tiny)), SFT_EFORMAT,
           "a short message buffer");
    is_str(tiny, "line 1:", "is filled as far as it goes");
}

int
main(void)
{
    good_file();
    bad_lines();
    free(name);
    return done_testing();
}
