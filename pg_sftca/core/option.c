/* SPDX-License-Identifier: PostgreSQL */
/*
 * option.c - critical options and extensions: known names and custom ones, values checked by rule.
 */
#include "core/option.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "common/text.h"

#define ADDRESSES_MAX 32
#define WORD_MAX 32
#define DOMAIN_MAX 30

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* NULL for one line of printable ASCII, else what is wrong with it. */
static const char *
refuse_line(const char *s)
{
    size_t n = strlen(s);
    if (n == 0)
        return "its value is empty";
    if (n > OPTION_VALUE_MAX)
        return "its value is longer than 1024 bytes";
    for (size_t i = 0; i < n; i++)
        if (s[i] < 0x20 || s[i] > 0x7e)
            return "its value is not one line of printable ASCII";
    return NULL;
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
static const char *
refuse_network(char *text)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t addr[16];
    uint64_t prefix;
    char *slash = strchr(text, '/');
    if (slash == NULL)
        return "a network needs its length, as in 10.0.0.0/8";
    *slash = '\0';
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    unsigned bytes = family == AF_INET6 ? 16 : 4;
    if (inet_pton(family, text, addr) != 1 || !is_canonical(family, addr, text))
        return "an address is none, or not in its canonical form";
    if (text_u64(slash + 1, bytes * 8, &prefix) != 0)
        return "a network's length is no number, or too long";
    if (family == AF_INET6 && memcmp(addr, mapped, sizeof mapped) == 0)
        return "an IPv4 address stands inside IPv6";
    if (prefix == 0)
        return "a network of length 0 is everybody";
    return host_bits_are_zero(addr, bytes, (unsigned)prefix)
               ? NULL
               : "a network has bits behind its length";
}

static const char *
refuse_networks(const char *value)
{
    char copy[OPTION_VALUE_MAX + 1], *save = NULL;
    const char *why = refuse_line(value);
    size_t n = strlen(value), count = 0;
    if (why != NULL)
        return why;
    if (value[0] == ',' || value[n - 1] == ',' || strstr(value, ",,") != NULL)
        return "an entry of the list is empty";
    memcpy(copy, value, n + 1);
    for (char *one = strtok_r(copy, ",", &save); one && why == NULL;
         one = strtok_r(NULL, ",", &save))
        why = ++count > ADDRESSES_MAX ? "more than 32 networks" : refuse_network(one);
    return why;
}

static const char *
refuse_critical(const char *name, const char *value, bool is_sk)
{
    if (strcmp(name, "force-command") == 0)
        return refuse_line(value);
    if (strcmp(name, "source-address") == 0)
        return refuse_networks(value);
    if (strcmp(name, "verify-required") != 0)
        return "no such critical option: force-command, source-address, verify-required";
    if (!is_sk)
        return "it is for security keys (sk-…) alone";
    return value[0] == '\0' ? NULL : "it has no value";
}

/* A custom name: a word, "@" and the domain of whoever gave it its meaning. */
static bool
is_custom(const char *name, const char *domain)
{
    size_t word = (size_t)(domain - 1 - name), n = strlen(domain);
    return word > 0 && word <= WORD_MAX && strspn(name, LETTERS DIGITS "._-") == word &&
           strchr("._-", name[0]) == NULL && n > 0 && n <= DOMAIN_MAX &&
           strspn(domain, LOWER DIGITS ".-") == n && strchr(".-", domain[0]) == NULL &&
           strchr(".-", domain[n - 1]) == NULL && strstr(domain, "..") == NULL;
}

static const char *
refuse_custom(const char *name, const char *value)
{
    const char *at = strchr(name, '@');
    if (at == NULL)
        return "no such extension: permit-X11-forwarding, permit-agent-forwarding, "
               "permit-port-forwarding, permit-pty, permit-user-rc, name@domain";
    if (!is_custom(name, at + 1))
        return "a custom name is a word of at most 32, @ and a domain of at most 30 characters";
    if (strcmp(at + 1, "openssh.com") == 0)
        return "names of openssh.com are OpenSSH's to give";
    if (strcmp(at + 1, "sft") == 0 && strspn(name, LOWER "-") != (size_t)(at - name))
        return "names of sft are of lower-case letters and dashes";
    if (strcmp(at + 1, "sft") != 0 && value[0] == '\0')
        return NULL; /* a flag */
    return refuse_line(value);
}

static const char *
refuse_extension(const char *name, const char *value)
{
    static const char *const flags[] = {"permit-X11-forwarding", "permit-agent-forwarding",
                                        "permit-port-forwarding", "permit-pty", "permit-user-rc"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(name, flags[i]) == 0)
            return value[0] == '\0' ? NULL : "it has no value";
    return refuse_custom(name, value);
}

const char *
option_refusal(enum option_kind kind, const char *name, const char *value)
{
    if (kind == OPTION_EXTENSION)
        return refuse_extension(name, value);
    return refuse_critical(name, value, kind == OPTION_CRITICAL_SK);
}

bool
option_is_critical(const char *name, const char *value, bool is_sk)
{
    return option_refusal(is_sk ? OPTION_CRITICAL_SK : OPTION_CRITICAL, name, value) == NULL;
}

bool
option_is_extension(const char *name, const char *value)
{
    return option_refusal(OPTION_EXTENSION, name, value) == NULL;
}
