/* SPDX-License-Identifier: PostgreSQL */
/*
 * addresses.c - OpenSSH's addr_match_cidr_list, its liberties with IPv4 included ("10.1" is
 * 10.0.0.1).
 */
#include "core/addresses.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ENTRY_MAX (INET6_ADDRSTRLEN + 3) /* OpenSSH's bound */

struct address {
    int family;
    unsigned bits;
    uint8_t bytes[16];
};

struct network {
    struct address address;
    unsigned prefix;
};

static bool
read_address(const char *text, struct address *out)
{
    struct in_addr v4;
    memset(out, 0, sizeof *out);
    if (strchr(text, ':') != NULL) {
        out->family = AF_INET6;
        out->bits = 128;
        return inet_pton(AF_INET6, text, out->bytes) == 1;
    }
    out->family = AF_INET;
    out->bits = 32;
    if (inet_aton(text, &v4) == 0)
        return false;
    memcpy(out->bytes, &v4, sizeof v4);
    return true;
}

static bool
bit_of(const struct address *a, unsigned bit)
{
    return (a->bytes[bit / 8] & (0x80 >> bit % 8)) != 0;
}

/* "address" or "address/length", no host bits. */
static bool
read_network(char *text, struct network *out)
{
    char *slash = strchr(text, '/'), *end = NULL;
    unsigned long prefix = 0;
    if (slash != NULL) {
        *slash++ = '\0';
        prefix = strtoul(slash, &end, 10);
        if (*slash == '\0' || *end != '\0' || prefix > 128)
            return false;
    }
    if (!read_address(text, &out->address))
        return false;
    out->prefix = slash != NULL ? (unsigned)prefix : out->address.bits;
    if (out->prefix > out->address.bits)
        return false;
    for (unsigned bit = out->prefix; bit < out->address.bits; bit++)
        if (bit_of(&out->address, bit))
            return false;
    return true;
}

static bool
is_inside(const struct address *peer, const struct network *network)
{
    if (peer->family != network->address.family)
        return false;
    for (unsigned bit = 0; bit < network->prefix; bit++)
        if (bit_of(peer, bit) != bit_of(&network->address, bit))
            return false;
    return true;
}

/* The entry that begins here and its length with the comma, 0 when it cannot be one. */
static size_t
take(const char *list, size_t len, char out[ENTRY_MAX + 1])
{
    const char *comma = len > 0 ? memchr(list, ',', len) : NULL;
    size_t n = comma != NULL ? (size_t)(comma - list) : len;
    if (n == 0 || n > ENTRY_MAX || (comma != NULL && n + 1 == len)) /* a comma at the end, too */
        return 0;
    memcpy(out, list, n);
    out[n] = '\0';
    if (strspn(out, "0123456789abcdefABCDEF.:/") != n)
        return 0;
    return comma != NULL ? n + 1 : n;
}

enum addresses
addresses_match(const char *list, size_t len, const char *address)
{
    struct address peer;
    enum addresses answer = address == NULL ? ADDRESSES_INSIDE : ADDRESSES_OUTSIDE;
    bool is_peer = address != NULL && read_address(address, &peer);
    if (len == 0)
        return ADDRESSES_MALFORMED;
    while (len > 0) {
        char entry[ENTRY_MAX + 1];
        struct network network;
        size_t n = take(list, len, entry);
        if (n == 0 || !read_network(entry, &network))
            return ADDRESSES_MALFORMED;
        if (is_peer && is_inside(&peer, &network))
            answer = ADDRESSES_INSIDE;
        list += n;
        len -= n;
    }
    return answer;
}
