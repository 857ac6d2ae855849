/* SPDX-License-Identifier: PostgreSQL */
/*
 * altname.c - any texts as names of X.509 certificates. What is let through has no character that
 * means something to whoever reads it. Lines: each as host name, e-mail address, URI and address.
 */
#include "input.h"

#include <arpa/inet.h>

#include "core/altname.h"

static void
check_host(const char *s)
{
    promise(strlen(s) <= 253 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.*") == strlen(s));
    promise(strstr(s, "..") == NULL && s[0] != '.' && s[0] != '-' && strchr(s + 1, '*') == NULL);
    uint8_t addr[16];
    promise(inet_pton(AF_INET, s, addr) != 1); /* no address in disguise */
}

static void
check_text(enum altname_type type, const void *data, size_t len)
{
    char text[ALTNAME_TEXT_MAX];
    struct altname name = {type, len, data};
    if (altname_text(&name, text) != SFT_OK)
        return;
    promise(memchr(text, '\0', sizeof text) != NULL);
    for (const char *p = text; *p != '\0'; p++)
        promise(*p >= ' ' && *p <= '~');
}

/* What may be written can be told. */
static void
is_told(const char *s)
{
    char text[ALTNAME_TEXT_MAX];
    const struct altname name = {ALTNAME_DNS, strlen(s), (const uint8_t *)s};
    promise(altname_text(&name, text) == SFT_OK && strcmp(text + strlen("DNS:"), s) == 0);
}

static void
check(const char *s)
{
    bool plain = altname_is_dns(s, false), wild = altname_is_dns(s, true);
    promise(!plain || wild);
    promise(!plain || strchr(s, '*') == NULL);
    if (wild)
        check_host(s);
    if (altname_is_email(s))
        promise(strchr(s, '@') != NULL && strpbrk(s, " ,;<>\"\n") == NULL);
    if (altname_is_uri(s))
        promise(strstr(s, "://") != NULL && strpbrk(s, " ,<>\"#\\\n") == NULL && strlen(s) <= 400);
    if (wild || altname_is_email(s) || altname_is_uri(s))
        is_told(s);
    check_text(ALTNAME_DNS, s, strlen(s));
    check_text(ALTNAME_URI, s, strlen(s));
    check_text(ALTNAME_EMAIL, s, strlen(s));
}

static void
check_address(const uint8_t *bytes, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    check_text(ALTNAME_IP, bytes, len);
    if (len != 4 && len != 16)
        return;
    promise(inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text) != NULL);
    if (altname_is_ip(bytes, len))
        promise(strcmp(text, "0.0.0.0") != 0 && strcmp(text, "::") != 0 &&
                (strncmp(text, "::ffff:", 7) != 0 || strchr(text, '.') == NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct lines in;
    lines_of(&in, bytes, len);
    for (size_t i = 0; i < in.n; i++)
        check(in.line[i]);
    check_address(bytes, len < 4 ? len : 4);
    check_address(bytes, len < 16 ? len : 16);
    free(in.text);
    return 0;
}
