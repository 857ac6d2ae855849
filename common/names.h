/* SPDX-License-Identifier: PostgreSQL */
/*
 * names.h - the rules that names obey, the same in the database, the agent and the client.
 */
#ifndef SFT_NAMES_H
#define SFT_NAMES_H

#include <stdbool.h>

#define SERVER_USER_NAME_MAX 31
#define PRINCIPAL_MAX 72 /* "<uuid>:<server user name>" */
#define KEY_ID_MAX 400
#define NAME_MAX_LEN 128

/* Account name on a server: ^[a-z_][a-z0-9_-]{0,30}$ */
bool name_is_server_user(const char *s);
/* Team: ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$ */
bool name_is_team(const char *s);
/* Project, group, user: ^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}$ and not "." or ".." */
bool name_is_object(const char *s);
/* Host name or address a person may type: letters, digits, ".-_:" , 1 to 253, no leading dash. */
bool name_is_host(const char *s);
/* A server user name, or "<uuid>:" and one. */
bool name_is_principal(const char *s);
/* Certificate key id: ^sft1:[A-Za-z0-9._:@+-]{1,395}$ ; nothing in it can break a log line. */
bool name_is_key_id(const char *s);

#endif
