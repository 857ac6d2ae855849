/* SPDX-License-Identifier: PostgreSQL */
/*
 * altname.h - subject alternative names of X.509 (RFC 5280 4.2.1.6): what may be one, and how it is
 * told as text.
 */
#ifndef SFTCA_ALTNAME_H
#define SFTCA_ALTNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define ALTNAME_MAX 64       /* names of one certificate */
#define ALTNAME_TEXT_MAX 512 /* "email:" and the longest name, NUL */
#define ALTNAME_DNS_MAX 253
#define ALTNAME_URI_MAX 400

/* The tags of GeneralName. */
enum altname_type { ALTNAME_EMAIL = 1, ALTNAME_DNS = 2, ALTNAME_URI = 6, ALTNAME_IP = 7 };

/* data is not owned; an IP address has 4 or 16 bytes in network order */
struct altname {
    enum altname_type type;
    size_t len;
    const uint8_t *data;
};

/*
 * Lower-case letters, digits and hyphens; labels of 1 to 63, 253 in all; the last label is no
 * number; "xn--" labels are Punycode of something that is not ASCII, and no other label has hyphens
 * in its third and fourth place. With wildcard, the first label may be "*" before two others.
 */
bool altname_is_dns(const char *s, bool wildcard);
/* Dot-atom of at most 64 characters, "@", a host name as above. */
bool altname_is_email(const char *s);
/* "scheme://" and something, of the characters of RFC 3986 without fragments, at most 400. */
bool altname_is_uri(const char *s);
/* One host: not unspecified, not IPv4 inside IPv6, not multicast. len is 4 or 16. */
bool altname_is_ip(const uint8_t *address, size_t len);

/* "DNS:web01", "IP:10.0.0.1", "URI:...", "email:...", as openssl says it; SFT_EFORMAT if it has a
 * byte that no name may have. */
SFT_CHECKED int altname_text(const struct altname *name, char out[ALTNAME_TEXT_MAX]);

#endif
