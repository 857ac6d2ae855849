/* SPDX-License-Identifier: PostgreSQL */
/*
 * prepare_x509.c - SQL: prepare_x509_client, prepare_x509_server. Record first.
 *
 * The record says every name that the certificate carries: prepare.c, record.c and the README's
 * table of columns know how.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"

#include "common/names.h"
#include "core/altname.h"
#include "core/x509write.h"
#include "order.h"
#include "throw.h"

#define CLIENT_DAYS 2
#define SERVER_DAYS 32
#define COMMON_NAME_MAX 64 /* RFC 5280 appendix A: ub-common-name */

/* What is asked for of an X.509 certificate alone. */
struct x509_order {
    enum x509_usage usage;
    const char *common_name, *organization, *organizational_unit;
    size_t names_n;
    struct altname names[ALTNAME_MAX]; /* the URI that is the key id first */
};

static void
check_subject(const struct x509_order *x509)
{
    if (!name_is_team(x509->organization))
        sftca_refuse(SFTCA_INVALID, "organization_invalid",
                     "organization is not a team's name: lower-case letters, digits, dashes, "
                     "at most 63");
    if (!name_is_object(x509->organizational_unit))
        sftca_refuse(SFTCA_INVALID, "organizational_unit_invalid",
                     "organizational_unit is not letters, digits and ._@+-, at most 128");
}

static bool
is_own_uri(const char *s)
{
    return strncmp(s, "sft://", 6) == 0 && strchr(s, '?') == NULL && altname_is_uri(s);
}

static void
add(struct x509_order *x509, enum altname_type type, const void *data, size_t len)
{
    for (size_t i = 0; i < x509->names_n; i++)
        if (x509->names[i].type == type && x509->names[i].len == len &&
            memcmp(x509->names[i].data, data, len) == 0)
            sftca_refuse(SFTCA_INVALID, "alt_name_repeated", "a name is given twice");
    if (x509->names_n == ALTNAME_MAX)
        sftca_refuse(SFTCA_INVALID, "alt_name_too_many", "more than %d names", ALTNAME_MAX);
    x509->names[x509->names_n++] = (struct altname){type, len, data};
}

static void
add_uri(struct x509_order *x509, struct order *order, char *uri)
{
    if (!is_own_uri(uri))
        sftca_refuse(SFTCA_INVALID, "uri_invalid", "uri must be a plain sft:// URI");
    order->key_id = uri;
    add(x509, ALTNAME_URI, uri, strlen(uri));
}

static void
add_dns_names(struct x509_order *x509, const struct text_list *list, bool wildcards)
{
    for (int i = 0; i < list->n; i++) {
        const char *name = list->items[i];
        if (name[0] == '*' && !wildcards)
            sftca_refuse(SFTCA_INVALID, "dns_name_wildcard",
                         "dns_names: name %d is a wildcard, and none was asked for", i + 1);
        if (!altname_is_dns(name, wildcards))
            sftca_refuse(SFTCA_INVALID, "dns_name_invalid",
                         "dns_names: name %d breaks the rule of host names", i + 1);
        add(x509, ALTNAME_DNS, name, strlen(name));
    }
}

static void
add_addresses(struct x509_order *x509, Datum array)
{
    Datum *items;
    bool *nulls;
    int n;
    ArrayType *list = DatumGetArrayTypeP(array);
    if (ARR_NDIM(list) > 1)
        sftca_refuse(SFTCA_INVALID, "list_malformed", "ip_addresses must be one list");
    deconstruct_array(list, INETOID, -1, false, TYPALIGN_INT, &items, &nulls, &n);
    for (int i = 0; i < n; i++) {
        if (nulls[i])
            sftca_refuse(SFTCA_INVALID, "list_malformed", "ip_addresses has a NULL in it");
        inet *address = DatumGetInetP(items[i]);
        if (ip_bits(address) != ip_maxbits(address))
            sftca_refuse(SFTCA_INVALID, "ip_address_mask",
                         "ip_addresses: address %d has a mask; one host is meant", i + 1);
        if (!altname_is_ip(ip_addr(address), (size_t)ip_addrsize(address)))
            sftca_refuse(SFTCA_INVALID, "ip_address_invalid",
                         "ip_addresses: address %d is nobody's alone", i + 1);
        add(x509, ALTNAME_IP, ip_addr(address), (size_t)ip_addrsize(address));
    }
}

static void
add_texts(struct x509_order *x509, const struct text_list *list, enum altname_type type)
{
    bool is_uri = type == ALTNAME_URI;
    for (int i = 0; i < list->n; i++) {
        if (is_uri ? !altname_is_uri(list->items[i]) : !altname_is_email(list->items[i]))
            sftca_refuse(SFTCA_INVALID, is_uri ? "uri_invalid" : "email_invalid",
                         "%s: name %d breaks the rule", is_uri ? "uris" : "emails", i + 1);
        add(x509, type, list->items[i], strlen(list->items[i]));
    }
}

/* The four lists of names, from this argument on. */
static void
add_names(FunctionCallInfo fcinfo, int i, struct x509_order *x509, bool wildcards)
{
    struct text_list dns = argument_list(fcinfo, i, "dns_names");
    argument_need(fcinfo, i + 1, "ip_addresses");
    struct text_list uris = argument_list(fcinfo, i + 2, "uris");
    struct text_list emails = argument_list(fcinfo, i + 3, "emails");
    add_dns_names(x509, &dns, wildcards);
    add_addresses(x509, PG_GETARG_DATUM(i + 1));
    add_texts(x509, &uris, ALTNAME_URI);
    add_texts(x509, &emails, ALTNAME_EMAIL);
}

static void
write_x509(struct sbuf *out, const struct order *order, uint64 serial, const uint8_t *nonce)
{
    const struct x509_order *x509 = order->more;
    (void)nonce; /* the serial has its chance in it */
    struct x509write cert = {
        .serial = serial,
        .issuer = order->authority->name,
        .issuer_name = &order->authority->issuer,
        .authority = &order->authority->public,
        .authority_key_id = &order->authority->key_id,
        .valid_after = (uint64)order->valid_after,
        .valid_before = (uint64)order->valid_before,
        .usage = x509->usage,
        .subject = &order->subject,
        .common_name = x509->common_name,
        .organization = x509->organization,
        .organizational_unit = x509->organizational_unit,
        .names = x509->names,
        .names_n = x509->names_n,
    };
    x509write_leaf_tbs(out, &cert);
}

static char *
alt_name_text(const struct altname *name)
{
    char text[ALTNAME_TEXT_MAX];
    int r = altname_text(name, text);
    if (r != SFT_OK)
        sftca_throw(r, "name");
    return pstrdup(text);
}

/* The names that a server is addressed by, without their kind. */
static struct text_list
server_principals(const struct x509_order *x509)
{
    struct text_list list = {0, palloc(sizeof(char *) * ALTNAME_MAX)};
    for (size_t i = 0; i < x509->names_n; i++)
        if (x509->names[i].type == ALTNAME_DNS || x509->names[i].type == ALTNAME_IP)
            list.items[list.n++] = strchr(alt_name_text(&x509->names[i]), ':') + 1;
    return list;
}

static struct text_list
extensions_of(const struct order *order, const struct x509_order *x509)
{
    struct text_list list = {0, palloc(sizeof(char *) * (ALTNAME_MAX + 3))};
    list.items[list.n++] = psprintf("organization=%s", x509->organization);
    list.items[list.n++] = psprintf("organizational_unit=%s", x509->organizational_unit);
    if (x509->usage == X509_USAGE_SERVER && x509->common_name != NULL)
        list.items[list.n++] = psprintf("common_name=%s", x509->common_name);
    for (size_t i = order->key_id[0] != '\0'; i < x509->names_n; i++)
        list.items[list.n++] = psprintf("subject_alt_name=%s", alt_name_text(&x509->names[i]));
    return list;
}

static void
read_common(FunctionCallInfo fcinfo, struct order *order, struct x509_order *x509)
{
    order->id = argument_uuid(fcinfo, 0, "id");
    argument_need(fcinfo, 1, "authority");
    argument_key(fcinfo, 2, &order->subject);
    x509->organization = argument_text(fcinfo, 4, "organization");
    x509->organizational_unit = argument_text(fcinfo, 5, "organizational_unit");
    order->valid_after = argument_time(fcinfo, 7, "valid_after");
    order->valid_before = argument_time(fcinfo, 8, "valid_before");
    order->write = write_x509;
    order->more = x509;
}

static Datum
place_x509(struct order *order, const struct x509_order *x509, const struct text_list *principals,
           const pg_uuid_t *authority)
{
    struct text_list none = {0, NULL}, extensions = extensions_of(order, x509);
    order->principals = order_list(principals);
    order->critical = order_list(&none);
    order->extensions = order_list(&extensions);
    return order_place(order, authority);
}

PG_FUNCTION_INFO_V1(sftca_prepare_x509_client);

/* With nine arguments as in version 1.0, or with the four lists of names behind them. */
Datum
sftca_prepare_x509_client(PG_FUNCTION_ARGS)
{
    struct order order = {.purpose = PURPOSE_X509, .kind = "x509_client", .life_days = CLIENT_DAYS};
    struct x509_order x509 = {.usage = X509_USAGE_CLIENT};
    read_common(fcinfo, &order, &x509);
    char *common_name = argument_text(fcinfo, 3, "common_name");
    char *uri = argument_text(fcinfo, 6, "uri");
    if (!name_is_server_user(common_name))
        sftca_refuse(SFTCA_INVALID, "common_name_invalid",
                     "common_name is not ^[a-z_][a-z0-9_-]{0,30}$");
    check_subject(&x509);
    x509.common_name = common_name;
    add_uri(&x509, &order, uri);
    if (PG_NARGS() > 9)
        add_names(fcinfo, 9, &x509, false);
    struct text_list principals = {1, &common_name};
    return place_x509(&order, &x509, &principals, PG_GETARG_UUID_P(1));
}

/* A common name says nothing that the other names do not say. */
static void
check_common_name(const struct x509_order *x509, const struct text_list *principals)
{
    if (x509->common_name == NULL)
        return;
    for (int i = 0; i < principals->n; i++)
        if (strcmp(principals->items[i], x509->common_name) == 0 &&
            strlen(x509->common_name) <= COMMON_NAME_MAX)
            return;
    sftca_refuse(SFTCA_INVALID, "common_name_invalid",
                 "common_name must be one of dns_names or ip_addresses, of at most %d characters",
                 COMMON_NAME_MAX);
}

PG_FUNCTION_INFO_V1(sftca_prepare_x509_server);

Datum
sftca_prepare_x509_server(PG_FUNCTION_ARGS)
{
    struct order order = {
        .purpose = PURPOSE_X509, .kind = "x509_server", .life_days = SERVER_DAYS, .key_id = ""};
    struct x509_order x509 = {.usage = X509_USAGE_SERVER};
    read_common(fcinfo, &order, &x509);
    check_subject(&x509);
    if (!PG_ARGISNULL(3))
        x509.common_name = argument_text(fcinfo, 3, "common_name");
    if (!PG_ARGISNULL(6))
        add_uri(&x509, &order, argument_text(fcinfo, 6, "uri"));
    add_names(fcinfo, 9, &x509, !PG_ARGISNULL(13) && PG_GETARG_BOOL(13));
    struct text_list principals = server_principals(&x509);
    if (principals.n == 0)
        sftca_refuse(SFTCA_INVALID, "alt_name_missing",
                     "a server needs a name in dns_names or ip_addresses");
    check_common_name(&x509, &principals);
    return place_x509(&order, &x509, &principals, PG_GETARG_UUID_P(1));
}
