/* SPDX-License-Identifier: PostgreSQL */
/*
 * option.c - any texts as options of an SSH certificate: "name=value". What is let through is a
 * known name, one line, and for networks exactly what inet_pton says of each.
 */
#include "input.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "core/option.h"

static void
check_networks(char *value)
{
    char *one, *rest = value;
    while ((one = strsep(&rest, ",")) != NULL) {
        uint8_t addr[16];
        char again[INET6_ADDRSTRLEN];
        char *slash = strchr(one, '/');
        promise(slash != NULL && isdigit((unsigned char)slash[1]) && slash[1] != '0');
        *slash = '\0';
        int family = strchr(one, ':') != NULL ? AF_INET6 : AF_INET;
        promise(inet_pton(family, one, addr) == 1 &&
                inet_ntop(family, addr, again, sizeof again) != NULL && strcmp(again, one) == 0);
        promise(strtoul(slash + 1, NULL, 10) <= (family == AF_INET6 ? 128 : 32));
    }
}

static void
check_line(const char *value)
{
    promise(strlen(value) <= OPTION_VALUE_MAX);
    for (const char *p = value; *p != '\0'; p++)
        promise(*p >= ' ' && *p <= '~');
}

static void
check(const char *name, char *value)
{
    bool plain = option_is_critical(name, value, false);
    bool sk = option_is_critical(name, value, true);
    bool extension = option_is_extension(name, value);
    promise(!(sk && extension)); /* no name is both */
    promise(!plain || sk);       /* a security key may have more, not less */
    if (sk || extension)
        check_line(value);
    if (plain)
        promise(strcmp(name, "force-command") == 0 || strcmp(name, "source-address") == 0);
    if (plain && strcmp(name, "source-address") == 0)
        check_networks(value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct lines in;
    lines_of(&in, bytes, len);
    for (size_t i = 0; i < in.n; i++) {
        char *equals = strchr(in.line[i], '=');
        if (equals != NULL)
            *equals = '\0';
        check(in.line[i], equals != NULL ? equals + 1 : in.line[i] + strlen(in.line[i]));
    }
    free(in.text);
    return 0;
}
