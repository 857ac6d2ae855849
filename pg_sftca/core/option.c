/* SPDX-License-Identifier: PostgreSQL */
/*
 * option.c - critical options and extensions: a closed list, values checked by rule.
 */
#include "core/option.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "common/text.h"

#define ADDRESSES_MAX 32
#define OUR_WORD_MAX 32

/* One line of printable ASCII. */
static bool
is_line(const char *s, size_t max)
{
    size_t n = strlen(s);
    if (n == 0 || n > max)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] < 0x20 || s[i] > 0x7e)
            return false;
    return true;
}

static bool
host_bits_are_zero(const uint8_t *addr, unsigned bytes, unsigned prefix)
{
    for (unsigned bit = prefix; bit < bytes * 8; bit++)
        if (addr[bit / 8] & (0x80 >> bit % 8))
            return false;
    return true;
}

/* Whether text is how this address is written: one network has one text. */
static bool
is_canonical(int family, const uint8_t *addr, const char *text)
{
    char again[INET6_ADDRSTRLEN];
    return inet_ntop(family, addr, again, sizeof again) != NULL && strcmp(again, text) == 0;
}

/*
 * "address/length": canonical, no host bits, nothing as wide as everybody, no IPv4 in IPv6. A bare
 * address is refused, so that one network has one text.
 */
static bool
is_network(char *text)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t addr[16];
    uint64_t prefix;
    char *slash = strchr(text, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    unsigned bytes = family == AF_INET6 ? 16 : 4;
    if (inet_pton(family, text, addr) != 1 || text_u64(slash + 1, bytes * 8, &prefix) != 0)
        return false;
    if (family == AF_INET6 && memcmp(addr, mapped, sizeof mapped) == 0)
        return false;
    return prefix > 0 && is_canonical(family, addr, text) &&
           host_bits_are_zero(addr, bytes, (unsigned)prefix);
}

static bool
is_network_list(const char *value)
{
    char copy[OPTION_VALUE_MAX + 1], *save = NULL;
    size_t n = strlen(value), count = 0;
    if (n == 0 || n > OPTION_VALUE_MAX || value[0] == ',' || value[n - 1] == ',' ||
        strstr(value, ",,") != NULL)
        return false;
    memcpy(copy, value, n + 1);
    for (char *one = strtok_r(copy, ",", &save); one; one = strtok_r(NULL, ",", &save))
        if (++count > ADDRESSES_MAX || !is_network(one))
            return false;
    return count > 0;
}

bool
option_is_critical(const char *name, const char *value, bool is_sk)
{
    if (strcmp(name, "force-command") == 0)
        return is_line(value, OPTION_VALUE_MAX);
    if (strcmp(name, "source-address") == 0)
        return is_network_list(value);
    if (strcmp(name, "verify-required") == 0)
        return is_sk && value[0] == '\0';
    return false;
}

static bool
is_our_word(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz-");
    return n > 0 && n <= OUR_WORD_MAX && name[0] != '-' && strcmp(name + n, "@sft") == 0;
}

bool
option_is_extension(const char *name, const char *value)
{
    static const char *const flags[] = {"permit-X11-forwarding", "permit-agent-forwarding",
                                        "permit-port-forwarding", "permit-pty", "permit-user-rc"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(name, flags[i]) == 0)
            return value[0] == '\0';
    return is_our_word(name) && is_line(value, OPTION_VALUE_MAX);
}
