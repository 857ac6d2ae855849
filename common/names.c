/* SPDX-License-Identifier: PostgreSQL */
/*
 * names.c - the rules that names obey. ASCII only, written out: no locale, no regex.
 */
#include "common/names.h"

#include <stddef.h>
#include <string.h>

#include "common/text.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

/* Whether s has 1 to max characters, the first of them from first and all others from rest. */
static bool
matches(const char *s, const char *first, const char *rest, size_t max)
{
    if (s == NULL || s[0] == '\0' || strchr(first, s[0]) == NULL)
        return false;
    size_t n = 1 + strspn(s + 1, rest);
    return n <= max && s[n] == '\0';
}

bool
name_is_server_user(const char *s)
{
    return matches(s, LOWER "_", LOWER DIGIT "_-", SERVER_USER_NAME_MAX);
}

bool
name_is_team(const char *s)
{
    return matches(s, LOWER, LOWER DIGIT "-", 63) && s[strlen(s) - 1] != '-';
}

bool
name_is_object(const char *s)
{
    /* "." and ".." cannot start with their dot */
    return matches(s, UPPER LOWER DIGIT "_", UPPER LOWER DIGIT "._@+-", NAME_MAX_LEN);
}

bool
name_is_host(const char *s)
{
    return matches(s, UPPER LOWER DIGIT "._:", UPPER LOWER DIGIT "._:-", 253);
}

bool
name_is_principal(const char *s)
{
    char id[UUID_TEXT_LEN + 1] = "";
    if (s == NULL)
        return false;
    if (strlen(s) <= UUID_TEXT_LEN || s[UUID_TEXT_LEN] != ':')
        return name_is_server_user(s);
    memcpy(id, s, UUID_TEXT_LEN);
    return text_is_uuid(id) && name_is_server_user(s + UUID_TEXT_LEN + 1);
}

bool
name_is_key_id(const char *s)
{
    static const char allowed[] = UPPER LOWER DIGIT "._:@+-";
    return s != NULL && strncmp(s, "sft1:", 5) == 0 &&
           matches(s + 5, allowed, allowed, KEY_ID_MAX - 5);
}
